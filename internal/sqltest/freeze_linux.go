package sqltest

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

const (
	freezing = syscall.SIGSTOP
	thawing  = syscall.SIGCONT
)

// children returns the processes that a process has started and that run.
func children(pid int) (pids []int, err error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		// The state and the parent follow the name, which is in parentheses and
		// may contain any character.
		words := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(words) > 1 && string(words[1]) == strconv.Itoa(pid) {
			if child, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids, err
}
