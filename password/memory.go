package password

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// ownMemory is how much of a container's memory is left for everything but
// hashes: the program, its requests and what the kernel counts.
const ownMemory = 80 << 20

// fitsInto returns how many hashes at once fit into a limit of memory, at least
// 1. Each needs its memory twice: once, and once more until the garbage of the
// hash before is collected.
func fitsInto(limit uint64, kib uint32) int {
	free := limit - min(limit, ownMemory)
	return max(1, int(min(free/(2*uint64(kib)<<10), maxGateSlots)))
}

// fitMemory lowers MaxConcurrent, if it has its default, to what fits into the
// memory of the container, and says so. A number that the host chose stays, with
// a warning. The receiver has its defaults.
func (o *Argon2idOptions) fitMemory(root fs.FS, byDefault bool) {
	limit, ok := memoryLimit(root)
	if !ok || o.Memory == 0 {
		return
	}
	fits := fitsInto(limit, o.Memory)
	if fits >= o.MaxConcurrent {
		return
	}
	args := []any{"limit_mib", limit >> 20, "hash_mib", o.Memory >> 10, "slots", o.MaxConcurrent, "fit", fits}
	if byDefault {
		o.Logger.Warn("password: the container has too little memory to hash on every core, so fewer hashes run at once", args...)
		o.MaxConcurrent = fits
		return
	}
	o.Logger.Warn("password: MaxConcurrent hashes need more memory than the container has, so the kernel may end this process", args...)
}

// memoryLimit returns the memory limit of this process' control group, in bytes:
// the lowest of those of its group and of the groups around it. It reads files of
// cgroup v2 and v1 below root. In a container, the group's own path is often not
// visible; then its limit is that of the mount. Without a limit, or on another
// system than Linux, it returns false.
func memoryLimit(root fs.FS) (limit uint64, ok bool) {
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(groups)) {
		// hierarchy-ID:controllers:path
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		mount, file := "sys/fs/cgroup", "memory.max"
		switch {
		case fields[0] == "0" && fields[1] == "":
		case strings.Contains(","+fields[1]+",", ",memory,"):
			mount, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		for group := path.Clean("/" + fields[2]); ; group = path.Dir(group) {
			if n, found := readLimit(root, path.Join(mount, group, file)); found && (!ok || n < limit) {
				limit, ok = n, true
			}
			if group == "/" {
				break
			}
		}
	}
	return limit, ok
}

// unlimited is more memory than any machine has. cgroup v1 writes a number of
// that kind for "no limit".
const unlimited = 1 << 50

func readLimit(root fs.FS, name string) (n uint64, ok bool) {
	b, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	n, err = strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64) // "max" is no limit
	return n, err == nil && n < unlimited
}
