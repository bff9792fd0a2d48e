package main

import (
	"os/exec"
	"syscall"
)

// dieWithParent has the kernel end the child when the thread that starts it ends, so that even a killed
// demo leaves no adapter behind.
func dieWithParent(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
}
