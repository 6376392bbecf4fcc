//go:build !linux

package redistest

import "os/exec"

// dieWithParent does nothing: only Linux tells children of a parent's death. A
// test process that is killed leaves its servers behind here.
func dieWithParent(*exec.Cmd) {}

// stopped cannot be told here; the signal has been sent.
func stopped(int) bool { return true }
