package redistest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/internal/testproc"
)

// These are the limits for the steps of a server. Each is far above the time
// that an idle machine needs. On a slow machine the limits are longer.
const (
	startLimit   = 20 * time.Second
	stopLimit    = 8 * time.Second
	freezeLimit  = 5 * time.Second
	commandLimit = 20 * time.Second
)

// Server is one redis-server process on a loopback port, or one sentinel. Its
// address stays the same over [Server.Restart]. Its methods may be called from
// several goroutines.
type Server struct {
	// Addr is the address on which it listens, "127.0.0.1:12345".
	Addr string

	tb       TB
	program  string
	dir      string
	args     []string
	sentinel bool

	mu     sync.Mutex
	proc   *testproc.Process
	frozen bool
}

// Start runs a redis-server on a free loopback port and waits until it answers.
// The server ends with the test. Its log is printed when the test fails.
//
// By default nothing is persisted and DEBUG is allowed. Arguments in the form
// of the command line change this and all other settings:
//
//	redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
//	redistest.Start(t, "--maxmemory", "8mb", "--maxmemory-policy", "noeviction")
//
// A server that asks for a password cannot be used with the methods of Server
// that send commands.
func Start(tb TB, args ...string) *Server {
	tb.Helper()
	s, err := start(tb, Require(tb), tb.TempDir(), redisConf, args)
	if err != nil {
		tb.Fatalf("redistest: %v", err)
	}
	return s
}

// redisConf returns the configuration of a redis-server. It is a file, so that
// CONFIG REWRITE works. A server then keeps the role that a failover gave it
// over a restart, as in production.
func redisConf(port int) string {
	return fmt.Sprintf(`bind 127.0.0.1
port %d
save ""
appendonly no
enable-debug-command yes
# A full synchronisation waits 5 s for more replicas by default.
repl-diskless-sync-delay 0
repl-ping-replica-period 1
# A stop waits 10 s for stalled replicas by default.
shutdown-timeout 1
`, port)
}

// busOffset is how much higher than a node's port that of its Cluster bus is.
const busOffset = 10_000

// start does not call Fatalf, so that several servers can be started by several
// goroutines.
func start(tb TB, program, dir string, conf func(port int) string, args []string) (*Server, error) {
	var last error
	for range 5 {
		port, err := testenv.FreePort(busOffset)
		if err != nil {
			return nil, err
		}
		s := &Server{
			Addr:     testenv.Loopback(port),
			tb:       tb,
			program:  program,
			dir:      dir,
			args:     args,
			sentinel: len(args) > 0 && args[0] == "--sentinel",
		}
		if err := os.WriteFile(s.confPath(), []byte(conf(port)), 0o600); err != nil {
			return nil, err
		}
		if last = s.run(); last == nil {
			tb.Cleanup(s.cleanUp)
			return s, nil
		}
		if !errors.Is(last, errTaken) {
			return nil, last
		}
		_ = os.Remove(s.logPath())
	}
	return nil, last
}

// errTaken reports that another program used the port first.
var errTaken = errors.New("the port was taken")

// run starts the process and waits until it answers. The caller holds the lock,
// or no other goroutine knows the server yet.
func (s *Server) run() error {
	args := append([]string{filepath.Base(s.confPath())}, s.args...)
	before := len(s.Log())
	cmd := exec.Command(s.program, args...)
	cmd.Dir = s.dir
	proc, err := testproc.Start(cmd, s.logPath())
	if err != nil {
		return err
	}
	s.proc, s.frozen = proc, false
	deadline := testenv.Within(startLimit)
	for !s.answers() {
		if proc.Gone() {
			log := s.Log()[before:]
			if strings.Contains(log, "Address already in use") ||
				strings.Contains(log, "Failed listening on port") {
				return fmt.Errorf("redis-server on %s: %w", s.Addr, errTaken)
			}
			return fmt.Errorf("redis-server on %s ended at once:\n%s", s.Addr, log)
		}
		if deadline.Over() {
			_ = proc.Kill()
			return fmt.Errorf("redis-server on %s did not answer within %v:\n%s",
				s.Addr, startLimit, s.Log()[before:])
		}
		time.Sleep(5 * time.Millisecond)
	}
	return nil
}

// answers reports whether the process serves. It asks for the id of the
// process, because the port may belong to another server, and ours may be about
// to end for that reason. It uses plain TCP, because the pool of a client would
// log every refusal.
func (s *Server) answers() bool {
	conn, err := net.DialTimeout("tcp4", s.Addr, time.Second)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
	// A loading server answers INFO, so PING comes first.
	if _, err := conn.Write([]byte("PING\r\nINFO server\r\n")); err != nil {
		return false
	}
	r := bufio.NewReader(conn)
	pong, err := r.ReadString('\n')
	if err != nil {
		return false
	}
	if strings.HasPrefix(pong, "-NOAUTH") {
		return !s.proc.Gone()
	}
	if !strings.HasPrefix(pong, "+PONG") {
		return false
	}
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return false
		}
		if id, ok := strings.CutPrefix(line, "process_id:"); ok {
			return strings.TrimSpace(id) == strconv.Itoa(s.proc.PID())
		}
	}
}

// Client returns a client of the server with the defaults of go-redis, changed
// by the options. It is closed with the test.
func (s *Server) Client(tb TB, options ...func(*redis.Options)) *redis.Client {
	tb.Helper()
	return newClient(tb, s.Addr, options)
}

func newClient(tb TB, addr string, options []func(*redis.Options)) *redis.Client {
	o := &redis.Options{Addr: addr}
	for _, option := range options {
		option(o)
	}
	c := redis.NewClient(o)
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

// Do sends one command once, over a connection of its own, and returns the
// reply. It returns an error after 20 seconds without one.
func (s *Server) Do(args ...any) (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), commandLimit)
	defer cancel()
	return s.do(ctx, args...).Result()
}

func (s *Server) do(ctx context.Context, args ...any) *redis.Cmd {
	c := redis.NewClient(&redis.Options{
		Addr:                  s.Addr,
		Protocol:              2,
		PoolSize:              1,
		MaxRetries:            -1, // a repeated FAILOVER would be a second failover
		DialerRetries:         1,
		ContextTimeoutEnabled: true,
		DisableIdentity:       true,
		MaintNotificationsConfig: &maintnotifications.Config{
			Mode: maintnotifications.ModeDisabled,
		},
	})
	defer func() { _ = c.Close() }()
	return c.Do(ctx, args...)
}

// ScriptFlush makes the server forget every script, as a restart does.
func (s *Server) ScriptFlush() {
	if _, err := s.Do("SCRIPT", "FLUSH"); err != nil {
		s.tb.Errorf("redistest: SCRIPT FLUSH on %s: %v", s.Addr, err)
	}
}

// Stop shuts the server down regularly, so that it writes what it persists. It
// thaws the server first. It does nothing if the server is down.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.stop(); err != nil {
		s.tb.Errorf("redistest: stop of %s: %v", s.Addr, err)
	}
}

func (s *Server) stop() error {
	if s.proc.Gone() {
		return nil
	}
	p := s.proc.Process()
	if s.frozen {
		if err := resume(p); err != nil {
			return err
		}
		s.frozen = false
	}
	if err := terminate(p); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return s.proc.Wait(stopLimit)
}

// Kill ends the server at once, as a crash does (SIGKILL), frozen or not, and
// waits until it is gone.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frozen = false
	if err := s.proc.Kill(); err != nil {
		s.tb.Errorf("redistest: kill of %s: %v", s.Addr, err)
	}
}

// Restart starts the server again on its port, and stops it first if it runs.
// The server then has the data that it had persisted. That is nothing, unless
// it was started with "--appendonly", "yes" or the like.
func (s *Server) Restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.stop(); err != nil {
		s.tb.Errorf("redistest: stop of %s: %v", s.Addr, err)
		return
	}
	// The port was ours a moment ago, so another program uses it only briefly.
	err := s.run()
	for i := 0; i < 20 && errors.Is(err, errTaken); i++ {
		time.Sleep(100 * time.Millisecond)
		err = s.run()
	}
	if err != nil {
		s.tb.Errorf("redistest: restart: %v", err)
	}
}

// Freeze suspends the process (SIGSTOP). The kernel goes on accepting
// connections and data, but nothing is answered. Freeze returns once the
// process has stopped.
func (s *Server) Freeze() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := suspend(s.proc.Process()); err != nil {
		s.tb.Errorf("redistest: freeze of %s: %v", s.Addr, err)
		return
	}
	s.frozen = true
	for deadline := testenv.Within(freezeLimit); !stopped(s.proc.PID()); {
		if deadline.Over() {
			s.tb.Errorf("redistest: %s did not freeze within %v", s.Addr, freezeLimit)
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// Thaw lets a frozen server go on. The server then answers all commands that
// were sent meanwhile.
func (s *Server) Thaw() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := resume(s.proc.Process()); err != nil {
		s.tb.Errorf("redistest: thaw of %s: %v", s.Addr, err)
		return
	}
	s.frozen = false
}

// Up reports whether the process runs and is not frozen.
func (s *Server) Up() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.frozen && !s.proc.Gone()
}

// PID returns the id of the process, or of the last process if the server is
// down.
func (s *Server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.proc.PID()
}

// Log returns what the server has logged so far, over all restarts.
func (s *Server) Log() string {
	log, err := os.ReadFile(s.logPath())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err.Error()
	}
	return string(log)
}

func (s *Server) confPath() string { return filepath.Join(s.dir, "redis.conf") }
func (s *Server) logPath() string  { return filepath.Join(s.dir, "log") }

// cleanUp ends the server with its test.
func (s *Server) cleanUp() {
	s.Kill()
	if !s.tb.Failed() {
		return
	}
	const tail = 4 << 10
	log := s.Log()
	if len(log) > tail {
		log = "..." + log[len(log)-tail:]
	}
	s.tb.Logf("redistest: log of the server on %s:\n%s", s.Addr, log)
}

// await calls ok until it reports true. It fails the test after the limit, or
// later on a slow machine. The failure contains the last reason that ok
// returned.
func await(tb TB, what string, limit time.Duration, ok func() (bool, string)) {
	tb.Helper()
	if err := waitFor(what, limit, ok); err != nil {
		tb.Fatalf("redistest: %v", err)
	}
}

// waitFor is await for a caller that can do something about the failure.
func waitFor(what string, limit time.Duration, ok func() (bool, string)) error {
	deadline := testenv.Within(limit)
	for {
		done, reason := ok()
		if done {
			return nil
		}
		if deadline.Over() {
			return fmt.Errorf("%s: not seen within %v: %s", what, limit, reason)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
