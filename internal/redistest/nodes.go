package redistest

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// These are the limits for changes of topologies. A failover takes a second or
// two, and several times as long on a machine whose cores are all busy.
const (
	formLimit     = 25 * time.Second
	failoverLimit = 25 * time.Second
)

// startAll starts n servers at the same time.
func startAll(tb TB, n int, conf func(port int) string, args ...string) []*Server {
	tb.Helper()
	program := Require(tb)
	servers := make([]*Server, n)
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		dir := tb.TempDir()
		wg.Go(func() { servers[i], errs[i] = start(tb, program, dir, conf, args) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		tb.Fatalf("redistest: %v", err)
	}
	return servers
}

// byAddr returns the server that listens on an address, or nil.
func byAddr(servers []*Server, addr string) *Server {
	for _, s := range servers {
		if s.Addr == addr {
			return s
		}
	}
	return nil
}

func addrs(servers []*Server) []string {
	list := make([]string, len(servers))
	for i, s := range servers {
		list[i] = s.Addr
	}
	return list
}

// command sends a command and returns the reply as text.
func (s *Server) command(args ...any) (string, error) {
	v, err := s.Do(args...)
	if err != nil {
		return "", fmt.Errorf("%v on %s: %w", args, s.Addr, err)
	}
	return fmt.Sprint(v), nil
}

// must sends commands that have to succeed.
func (s *Server) must(tb TB, commands ...[]any) {
	tb.Helper()
	for _, c := range commands {
		if _, err := s.command(c...); err != nil {
			tb.Fatalf("redistest: %v", err)
		}
	}
}

// info returns one field of INFO, or of CLUSTER INFO. It returns "" if the
// server does not answer or has no such field.
func (s *Server) info(section, field string) string {
	args := []any{"INFO", section}
	if section == "cluster" {
		args = []any{"CLUSTER", "INFO"}
	}
	text, err := s.command(args...)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(text) {
		if v, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// inSync reports whether a replica is connected to its master.
func (s *Server) inSync() bool {
	return s.info("replication", "master_link_status") == "up"
}

// replicaOf makes a server replicate from an address, also after a restart.
func (s *Server) replicaOf(tb TB, addr string) {
	tb.Helper()
	host, port, _ := net.SplitHostPort(addr)
	s.must(tb, []any{"REPLICAOF", host, port}, []any{"CONFIG", "REWRITE"})
}

func (s *Server) hostPort() (host, port string) {
	host, port, _ = net.SplitHostPort(s.Addr)
	return host, port
}
