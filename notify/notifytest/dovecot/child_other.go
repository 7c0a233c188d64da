//go:build unix && !linux

package dovecot

import "syscall"

// childAttr has no way here to make Dovecot end with a test that is killed.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
