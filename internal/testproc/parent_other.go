//go:build !linux

package testproc

import "os/exec"

// dieWithParent does nothing: only Linux tells children of a parent's death. A
// test process that is killed leaves its servers behind here.
func dieWithParent(*exec.Cmd) {}
