package app

import (
	"io"
	"log/slog"

	"allim.dev/allim/configs"
)

// NewLogger makes the logger that the configuration asks for, and the handle to change its level while it is in use.
func NewLogger(c configs.Log, w io.Writer) (*slog.Logger, *slog.LevelVar) {
	level := new(slog.LevelVar)
	level.Set(Level(c))
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options)), level
	}
	return slog.New(slog.NewTextHandler(w, options)), level
}

// Level gives the configured level; the configuration was checked.
func Level(c configs.Log) slog.Level {
	level := slog.LevelInfo
	_ = level.UnmarshalText([]byte(c.Level)) // a checked word; else it stays at info
	return level
}
