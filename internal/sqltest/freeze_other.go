//go:build !linux

package sqltest

import (
	"errors"
	"syscall"
)

// Elsewhere a server cannot be frozen: its processes are not known.
const (
	freezing = syscall.Signal(0)
	thawing  = syscall.Signal(0)
)

func children(int) ([]int, error) { return nil, errors.ErrUnsupported }
