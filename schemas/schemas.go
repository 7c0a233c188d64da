// Package schemas holds the schemas of the hub as files, embedded in the binary.
package schemas

import (
	"embed"
	"io/fs"
)

//go:embed sql/*.sql
var files embed.FS

// SQL gives the migrations of the SQLite store, named NNNN_what.sql: each one brings a data file from version NNNN-1 to
// version NNNN.
func SQL() fs.FS {
	sub, err := fs.Sub(files, "sql")
	if err != nil {
		panic("schemas: " + err.Error()) // cannot be: the folder is embedded above
	}
	return sub
}
