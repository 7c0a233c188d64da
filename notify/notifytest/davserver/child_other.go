//go:build unix && !linux

package davserver

import "syscall"

// childAttr has no way here to make the server end with a test that is killed.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
