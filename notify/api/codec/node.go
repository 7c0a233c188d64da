package codec

import "allim.dev/allim/notify/docmap/strict"

// Limits of a document, besides its length.
const (
	MaxDepth      = strict.MaxDepth
	MaxAttributes = strict.MaxAttributes
	MaxValues     = strict.MaxValues
)

// node is one value of a document.
type node = strict.Node

func shorten(name string) string { return strict.Shorten(name) }
