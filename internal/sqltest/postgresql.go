package sqltest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/seed-51359b35/recovery/internal/testenv"
)

// PostgreSQL returns the PostgreSQL server that the tests of this process
// share. It loses what it holds in a crash of the machine.
func PostgreSQL(t testenv.TB) *Server {
	t.Helper()
	return share(t, postgresql{}, "-c", "fsync=off", "-c", "full_page_writes=off")
}

// StartPostgreSQL starts a server for one test. Arguments are those of
// postgres, such as "-c", "fsync=off". By default it is durable.
func StartPostgreSQL(t testenv.TB, args ...string) *Server {
	t.Helper()
	return start(t, postgresql{}, args...)
}

// URL returns the address of a database on a PostgreSQL server, or behind
// PgBouncer.
func (s *Server) URL(database string) string {
	return "postgres://recovery@" + s.Addr + "/" + database + "?sslmode=disable"
}

type postgresql struct{}

func (postgresql) name() string { return "PostgreSQL" }

// tool returns a program of PostgreSQL. Debian keeps them off the PATH.
func (postgresql) tool(name string) string {
	if path, err := exec.LookPath(name); err == nil && name == "postgres" {
		return path
	}
	return find("/usr/lib/postgresql/*/bin/"+name, "/usr/local/bin/"+name, "/usr/bin/"+name)
}

func (k postgresql) missing() string {
	for _, name := range []string{"initdb", "postgres"} {
		if k.tool(name) == "" {
			return "there is no PostgreSQL here: " + name + " is missing"
		}
	}
	return ""
}

func (k postgresql) initialize(dir string) error {
	return run(dir, k.tool("initdb"), "--pgdata", filepath.Join(dir, "data"), "--username", "recovery",
		"--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync")
}

func (k postgresql) command(dir string, port int) (string, []string) {
	return k.tool("postgres"), []string{
		"-D", filepath.Join(dir, "data"), "-k", dir, "-p", strconv.Itoa(port),
		"-c", "listen_addresses=127.0.0.1", "-c", "max_connections=300",
		"-c", "shared_buffers=64MB", "-c", "log_min_messages=fatal",
	}
}

// ready looks at the file in which a server writes its state. The first line is
// its process, so it is not the file of a server that crashed.
func (postgresql) ready(dir string, _, pid int) bool {
	state, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	if err != nil {
		return false
	}
	lines := strings.Split(string(state), "\n")
	return lines[0] == strconv.Itoa(pid) && len(lines) > 7 && strings.TrimSpace(lines[7]) == "ready"
}

// stop is the fast shutdown, which does not wait for clients.
func (postgresql) stop() syscall.Signal { return syscall.SIGINT }
