//go:build !unix

package app

import "log/slog"

// maxLive is the greatest number of live connections; the system's own limit is not known here.
func maxLive(wanted int, _ *slog.Logger) int { return wanted }
