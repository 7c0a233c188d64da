// Package configs reads the configuration file: YAML, decoded strictly, every mistake named by line and column, as many
// as can be found in one go. What belongs to one kind of source or platform stays raw (Section) until that kind decodes
// it, so that a new kind needs no change here.
//
// Read it in this order: config.go (what there is to set), load.go (from the file to it), check.go (what must hold),
// section.go (the raw parts), decode.go, leaf.go and scalar.go (strict decoding), secret.go (env: and file:), problems.go and
// suggest.go (how mistakes are told).
//
// Three rules hold everywhere in the file. A text value "env:NAME" or "file:PATH" is replaced by what the variable or
// file holds. A relative path (of file:, of data_dir and of every key that ends in _file) starts at the file's own
// folder. A mistake is told without repeating the value, which may be a secret.
package configs
