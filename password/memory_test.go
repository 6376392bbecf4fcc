package password_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed-51359b35/recovery/password"
)

func files(pairs ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1] + "\n")}
	}
	return m
}

func TestMemoryLimitOfTheContainer(t *testing.T) {
	for _, test := range []struct {
		sentence string
		root     fstest.MapFS
		want     uint64 // 0: none
	}{
		{"no control groups", files(), 0},
		{"v2 in a container", files("proc/self/cgroup", "0::/", "sys/fs/cgroup/memory.max", "268435456"), 256 << 20},
		{"v2 without a limit", files("proc/self/cgroup", "0::/", "sys/fs/cgroup/memory.max", "max"), 0},
		{"v2 in a unit of systemd", files("proc/self/cgroup", "0::/system.slice/web.service",
			"sys/fs/cgroup/system.slice/web.service/memory.max", "536870912", "sys/fs/cgroup/system.slice/memory.max", "max"), 512 << 20},
		{"v2 with a lower limit around", files("proc/self/cgroup", "0::/pod/web",
			"sys/fs/cgroup/pod/web/memory.max", "536870912", "sys/fs/cgroup/pod/memory.max", "268435456"), 256 << 20},
		{"v2 whose path is not visible", files("proc/self/cgroup", "0::/../../docker/abc", "sys/fs/cgroup/memory.max", "268435456"), 256 << 20},
		{"v1 in a container", files("proc/self/cgroup", "5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n0::/",
			"sys/fs/cgroup/memory/memory.limit_in_bytes", "268435456"), 256 << 20},
		{"v1 with its path", files("proc/self/cgroup", "4:memory:/a/b",
			"sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "134217728", "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712"), 128 << 20},
		{"v1 without a limit", files("proc/self/cgroup", "4:memory:/", "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712"), 0},
		{"v1 with another controller in the same hierarchy", files("proc/self/cgroup", "4:hugetlb,memory:/", "sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824"), 1 << 30},
		{"garbage", files("proc/self/cgroup", "::::\n\n0::\nx", "sys/fs/cgroup/memory.max", "-1"), 0},
	} {
		got, ok := password.MemoryLimit(test.root)
		if ok != (test.want > 0) || ok && got != test.want {
			t.Errorf("%s: %d, %v; want %d", test.sentence, got, ok, test.want)
		}
	}
}

// On eight cores and in 256 MiB, fewer hashes run at once than there are cores,
// and the log says so. A number that the host chose stays.
func TestSlotsFitTheMemory(t *testing.T) {
	for _, test := range []struct {
		sentence string
		mib      string
		chosen   int
		want     int
		says     string
	}{
		{"eight cores in 256 MiB", "268435456", 0, 4, "fewer hashes run at once"},
		{"eight cores in 512 MiB", "536870912", 0, 8, ""},
		{"eight cores without a limit", "max", 0, 8, ""},
		{"less than one hash needs", "33554432", 0, 1, "fewer hashes run at once"},
		{"the host's own number, which fits", "268435456", 4, 4, ""},
		{"the host's own number, which does not fit", "268435456", 8, 8, "the kernel may end this process"},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			var log bytes.Buffer
			root := files("proc/self/cgroup", "0::/", "sys/fs/cgroup/memory.max", test.mib)
			got := password.SlotsIn(root, 8, password.Argon2idOptions{MaxConcurrent: test.chosen, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			if got != test.want || !strings.Contains(log.String(), test.says) || (test.says == "") != (log.Len() == 0) {
				t.Errorf("%d slots, want %d; logged %q", got, test.want, log.String())
			}
		})
	}
}
