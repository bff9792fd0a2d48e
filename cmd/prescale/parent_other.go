//go:build !linux

package main

import "os/exec"

// dieWithParent does nothing where the kernel offers nothing: a killed demo leaves its adapter behind
// until it is ended by hand.
func dieWithParent(*exec.Cmd) {}
