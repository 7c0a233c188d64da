package dovecot

import "syscall"

// childAttr makes Dovecot end with the test, even when that is killed.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
