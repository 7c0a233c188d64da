package wire

import "embed"

// Files is this package's own text: the descriptions of the API take their words from its comments.
//
//go:embed *.go
var Files embed.FS
