package configs

import "fmt"

// Plain reads a YAML document that is no configuration (JSON is YAML, too) as strictly as one: Decode it. Its text
// values are taken as they are written, "env:" and "file:" too, so that it may come from anywhere. The name is for
// messages. The error is Problems.
func Plain(name string, data []byte) (*Section, error) {
	if len(data) > maxFile {
		return nil, Problems{{File: name, Text: fmt.Sprintf("the file is longer than %d bytes", maxFile)}}
	}
	node, problem := document(data)
	if problem != nil {
		problem.File = name
		return nil, Problems{problem}
	}
	return &Section{file: name, plain: true, entry: entry{node, placeOf(node)}}, nil
}
