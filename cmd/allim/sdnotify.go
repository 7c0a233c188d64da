package main

import (
	"log/slog"
	"net"
	"os"
	"strings"
)

// serviceManager gives a function that tells systemd how the hub is (sd_notify(3), a datagram to $NOTIFY_SOCKET);
// without systemd it does nothing.
func serviceManager(log *slog.Logger) func(state string) {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return func(string) {}
	}
	if name, abstract := strings.CutPrefix(path, "@"); abstract {
		path = "\x00" + name
	}
	return func(state string) {
		conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
		if err == nil {
			_, err = conn.Write([]byte(state))
			_ = conn.Close()
		}
		if err != nil {
			log.Warn("the service manager cannot be told", "state", state, "error", err)
		}
	}
}
