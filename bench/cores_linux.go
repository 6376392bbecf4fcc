package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// split puts the servers on one core and this process on another, and returns
// what undoes it. Without it the two take turns on one core, and it is the
// scheduler that is measured. It reports whether it could.
func split(servers ...int) (undo func(), ok bool) {
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return func() {}, false
	}
	var cores []int
	for i := range 1024 {
		if all.IsSet(i) {
			cores = append(cores, i)
		}
	}
	if len(cores) < 2 {
		return func() {}, false
	}
	var first, second unix.CPUSet
	first.Set(cores[0])
	second.Set(cores[1])
	everybody := func(theirs, own *unix.CPUSet) error {
		err := pin(os.Getpid(), own)
		for _, pid := range servers {
			err = errors.Join(err, pin(pid, theirs))
		}
		return err
	}
	if everybody(&first, &second) != nil {
		_ = everybody(&all, &all)
		return func() {}, false
	}
	procs := runtime.GOMAXPROCS(1)
	return func() {
		_ = everybody(&all, &all)
		runtime.GOMAXPROCS(procs)
	}, true
}

// pin moves every thread of a process. Threads to come inherit it.
func pin(pid int, to *unix.CPUSet) error {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return err
	}
	for _, t := range threads {
		tid, err := strconv.Atoi(t.Name())
		if err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(tid, to); err != nil && err != unix.ESRCH {
			return err
		}
	}
	return nil
}
