//go:build unix

package app

import (
	"log/slog"
	"syscall"
)

// spareDescriptors are what the hub needs besides live connections: the store, the log, platforms, sources, the API.
const spareDescriptors = 512

// maxLive is the greatest number of live connections: the configuration's, or fewer, when the system allows fewer
// descriptors. Go has raised the soft limit to the hard one at the program's start.
func maxLive(wanted int, log *slog.Logger) int {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil || uint64(l.Cur) >= uint64(wanted)+spareDescriptors {
		return wanted
	}
	possible := max(int(l.Cur)-spareDescriptors, int(l.Cur)/2)
	log.Info("fewer live connections than limits.live_connections: raise the limit of open files (LimitNOFILE in the unit)",
		"limits.live_connections", wanted, "possible", possible, "open_files", l.Cur)
	return possible
}
