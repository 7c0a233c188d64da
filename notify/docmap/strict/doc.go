// Package strict reads documents that strangers wrote: from any encoding to UTF-8 (charset.go), then JSON as a tree
// (json.go) or XML as guarded tokens (xml.go). Every fault has its line and column; document type declarations, deep
// nesting, floods of attributes and of elements are refused before they cost anything.
//
// The API's codec reads its own documents with it, and package docmap those that mappings describe.
package strict
