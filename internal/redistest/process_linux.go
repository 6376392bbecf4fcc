package redistest

import (
	"bytes"
	"os"
	"strconv"
)

// stopped reports whether the process has stopped. The kernel delivers SIGSTOP
// with a delay, and a server may answer a few more commands until then.
func stopped(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	// The state follows the name, which is in parentheses and may contain any
	// character.
	_, after, ok := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" "))
	return ok && len(after) > 0 && (after[0] == 'T' || after[0] == 't')
}
