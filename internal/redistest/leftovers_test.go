package redistest_test

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/internal/testenv"
)

// dieEnv makes the test binary, run by TestServersDieWithTheProcess, start a
// server and die.
const dieEnv = "REDISTEST_DIE"

func TestMain(m *testing.M) {
	redistest.QuietClients()
	if os.Getenv(dieEnv) != "" {
		die()
	}
	flag.Parse()
	// The tests mostly wait. By default only as many run at once as there are
	// cores.
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = f.Value.Set("12")
	}
	os.Exit(m.Run())
}

func die() {
	err := redistest.Run(context.Background(), "die", func(tb redistest.TB) {
		s := redistest.Start(tb)
		s.Freeze() // not even able to notice
		fmt.Println(s.Addr)
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = self.Kill()
		}
		tb.Fatalf("still alive: %v", err)
	})
	fmt.Println(err)
	os.Exit(1)
}

func TestServersEndWithTheTest(t *testing.T) {
	t.Parallel()
	redistest.Require(t)
	var addr, proxy string
	err := redistest.Run(t.Context(), "test", func(tb redistest.TB) {
		s := redistest.Start(tb)
		s.Freeze()
		addr, proxy = s.Addr, s.Proxy(tb).Addr
	})
	must(t, err)
	for _, a := range []string{addr, proxy} {
		if listens(a) {
			t.Errorf("something still listens on %s", a)
		}
	}
}

// Cleanups do not run in a process that is killed, or whose tests panic or time
// out.
func TestServersDieWithTheProcess(t *testing.T) {
	t.Parallel()
	redistest.Require(t)
	if runtime.GOOS != "linux" {
		t.Skip("only Linux kills the children of a process that dies")
	}
	self, err := os.Executable()
	must(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), dieEnv+"=1", "TMPDIR="+t.TempDir())
	out, err := cmd.Output()
	if err == nil || cmd.ProcessState.ExitCode() != -1 {
		t.Fatalf("the process was not killed: %v\n%s", err, out)
	}
	addr := strings.TrimSpace(string(out))
	if _, _, err := net.SplitHostPort(addr); err != nil {
		t.Fatalf("no server was started: %q", addr)
	}
	testenv.Eventually(t, 10*time.Second, "the server on "+addr+" ends with the process", func() bool {
		return !listens(addr)
	})
}

func listens(addr string) bool {
	conn, err := net.DialTimeout("tcp4", addr, time.Second)
	if err == nil {
		_ = conn.Close()
	}
	return err == nil
}
