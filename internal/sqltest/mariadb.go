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

// MariaDB returns the MariaDB server that the tests of this process share. It
// loses what it holds in a crash of the machine.
func MariaDB(t testenv.TB) *Server {
	t.Helper()
	return share(t, mariadb{}, "--innodb-flush-log-at-trx-commit=0", "--skip-innodb-doublewrite")
}

// StartMariaDB starts a server for one test. Arguments are those of mariadbd.
// By default it is durable.
func StartMariaDB(t testenv.TB, args ...string) *Server {
	t.Helper()
	return start(t, mariadb{}, args...)
}

type mariadb struct{}

func (mariadb) name() string { return "MariaDB" }

func (mariadb) tool(names ...string) string {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
		if path := find("/usr/sbin/"+name, "/usr/bin/"+name); path != "" {
			return path
		}
	}
	return ""
}

func (k mariadb) server() string    { return k.tool("mariadbd") }
func (k mariadb) installer() string { return k.tool("mariadb-install-db") }

func (k mariadb) missing() string {
	switch {
	case k.server() == "":
		return "there is no MariaDB here: mariadbd is missing"
	case k.installer() == "":
		return "there is no MariaDB here: mariadb-install-db is missing"
	}
	return ""
}

func (k mariadb) initialize(dir string) error {
	return run(dir, k.installer(), "--no-defaults", "--datadir="+filepath.Join(dir, "data"), tmpdir(dir),
		"--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve")
}

func (k mariadb) command(dir string, port int) (string, []string) {
	return k.server(), []string{
		"--no-defaults", "--datadir=" + filepath.Join(dir, "data"), tmpdir(dir), "--socket=" + filepath.Join(dir, "socket"),
		"--pid-file=" + filepath.Join(dir, "pid"), "--port=" + strconv.Itoa(port), "--bind-address=127.0.0.1",
		"--skip-name-resolve", "--max-connections=300", "--innodb-buffer-pool-size=64M",
		"--innodb-log-file-size=16M", "--character-set-server=utf8mb4", "--collation-server=utf8mb4_unicode_ci",
	}
}

// tmpdir has MariaDB keep its temporary tables to itself: a server that starts
// removes those of all others in its temporary directory.
func tmpdir(dir string) string { return "--tmpdir=" + dir }

// ready looks at the file that a server writes once it listens. It holds its
// process, so it is not the file of a server that crashed.
func (mariadb) ready(dir string, _, pid int) bool {
	text, err := os.ReadFile(filepath.Join(dir, "pid"))
	return err == nil && strings.TrimSpace(string(text)) == strconv.Itoa(pid)
}

func (mariadb) stop() syscall.Signal { return syscall.SIGTERM }
