// Package docmap turns foreign XML and JSON documents into notifications, by mappings that the configuration describes:
// XPath says where a document has what is to be told, a condition says which of it, and templates say how.
//
// Read it in this order: config.go (what a mapping has), compile.go (all of it is compiled when the configuration is
// loaded, and every mistake points at its place there), tree.go and nav.go (a document as XPath sees it), xpath.go,
// cond.go and template.go (the three languages, each with its guards), notice.go (from texts to a notification), map.go
// (a document's way), reply.go (the sender's answer).
//
// Documents are strangers' work: they are read by package strict, and a mapping's work on one is bounded in steps,
// matches and output (map.go), so that no document is more than a moment's work.
//
// The XPath engine is antchfx/xpath; the trees are our own and not those of antchfx/xmlquery and jsonquery, whose XML
// has no value for CDATA sections and whose JSON rounds numbers of more than 15 digits. JSON looks the same to XPath as
// with jsonquery: a field is an element of its name, an item of an array an element without a name.
package docmap
