package sqltest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/internal/testproc"
)

// RequireVariable names the environment variable that makes a missing server a
// failure.
const RequireVariable = "RECOVERY_REQUIRE_SQL"

// startLimit is far above the time that an idle machine needs.
const startLimit = 30 * time.Second

// A Server is one database server on a loopback port. The address stays the
// same over [Server.Restart]. Its user and password are those of its superuser:
// "recovery" without a password on PostgreSQL, "root" without one on MariaDB.
type Server struct {
	// Addr is the address on which it listens, "127.0.0.1:12345".
	Addr string

	kind kind
	dir  string
	port int
	args []string

	mu   sync.Mutex
	proc *testproc.Process
}

// A kind is a program, and how it is used.
type kind interface {
	name() string
	// missing returns the reason why it cannot run here, or the empty string.
	missing() string
	initialize(dir string) error
	command(dir string, port int) (program string, args []string)
	// ready reports whether the server with this process ID serves.
	ready(dir string, port, pid int) bool
	// stop is the signal that ends the server in order.
	stop() syscall.Signal
}

// start runs a server of its own for a test, which ends with the test.
func start(t testenv.TB, k kind, args ...string) *Server {
	t.Helper()
	if reason := k.missing(); reason != "" {
		testenv.Missing(t, RequireVariable, reason)
	}
	s, err := launch(k, args)
	if err != nil {
		t.Fatalf("sqltest: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("sqltest: log of %s:\n%s", k.name(), tail(s.dir))
		}
		s.remove()
	})
	return s
}

// launch makes a directory with an empty database and starts the server there.
func launch(k kind, args []string) (*Server, error) {
	dir, err := os.MkdirTemp("", "sqltest-*")
	if err != nil {
		return nil, err
	}
	s := &Server{kind: k, dir: dir, args: args}
	err = giveAway(dir)
	if err == nil {
		err = k.initialize(dir)
	}
	for range 5 {
		if err != nil {
			break
		}
		if s.port, err = testenv.FreePort(); err != nil {
			break
		}
		s.Addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port))
		// Another program can get the port first, so this is tried again.
		if err = s.run(); err == nil {
			return s, nil
		}
	}
	_ = os.RemoveAll(dir)
	return nil, err
}

func (s *Server) run() error {
	program, args := s.kind.command(s.dir, s.port)
	proc, err := startProcess(s.dir, program, append(args, s.args...)...)
	if err != nil {
		return err
	}
	s.proc = proc
	for deadline := testenv.Within(startLimit); !s.kind.ready(s.dir, s.port, proc.PID()); time.Sleep(10 * time.Millisecond) {
		if proc.Gone() {
			return fmt.Errorf("%s ended at once:\n%s", s.kind.name(), tail(s.dir))
		}
		if deadline.Over() {
			_ = end(proc, syscall.SIGKILL)
			return fmt.Errorf("%s did not answer within %v:\n%s", s.kind.name(), startLimit, tail(s.dir))
		}
	}
	return nil
}

// Kill ends the server at once, as a crash does, and waits until its port is
// free. The processes of PostgreSQL end a moment after the first one of them.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := end(s.proc, syscall.SIGKILL); err != nil {
		return err
	}
	for deadline := testenv.Within(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.DialTimeout("tcp4", s.Addr, time.Second)
		if err != nil {
			return nil
		}
		_ = conn.Close()
		if deadline.Over() {
			return fmt.Errorf("something listens on %s after %s was killed", s.Addr, s.kind.name())
		}
	}
}

// Restart starts the server again on its port, and stops it first if it runs.
func (s *Server) Restart() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := end(s.proc, s.kind.stop()); err != nil {
		return err
	}
	// The port was ours a moment ago, so another program uses it only briefly.
	err := s.run()
	for i := 0; i < 20 && err != nil; i++ {
		time.Sleep(100 * time.Millisecond)
		err = s.run()
	}
	return err
}

// Freeze suspends the server and its processes (SIGSTOP). The kernel goes on
// accepting connections and data, but nothing is answered. Thaw lets them go on.
func (s *Server) Freeze() error { return s.signal(freezing) }

// Thaw ends what [Server.Freeze] began. The server then answers what was sent
// meanwhile.
func (s *Server) Thaw() error { return s.signal(thawing) }

// signal signals the server first, so that it starts no further process, and then
// the processes that it has started.
func (s *Server) signal(signal syscall.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.proc.Process().Signal(signal); err != nil {
		return err
	}
	pids, err := children(s.proc.PID())
	for _, pid := range pids {
		if p, err := os.FindProcess(pid); err == nil {
			_ = p.Signal(signal) // it may have ended
		}
	}
	return err
}

func (s *Server) remove() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = end(s.proc, syscall.SIGKILL)
	_ = os.RemoveAll(s.dir)
}

// PID returns the process ID of the server.
func (s *Server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.proc.PID()
}

// Dir returns the directory of the server, for a test that looks into its files.
func (s *Server) Dir() string { return s.dir }

// find returns the first program that exists, or the empty string.
func find(patterns ...string) string {
	for _, pattern := range patterns {
		// The newest version is the last one.
		if files, _ := filepath.Glob(pattern); len(files) > 0 {
			return files[len(files)-1]
		}
	}
	return ""
}
