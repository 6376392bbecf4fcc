//go:build !linux

package sqltest

import "os/exec"

func restrict(*exec.Cmd) {}

func giveAway(string) error { return nil }
