//go:build !linux

package main

// split does nothing where a process cannot be tied to a core.
func split(...int) (undo func(), ok bool) { return func() {}, false }
