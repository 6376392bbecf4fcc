package sqltest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/seed-51359b35/recovery/internal/testenv"
)

// PgBouncer returns a PgBouncer before the shared PostgreSQL server, which the
// tests of this process share. It pools transactions: two statements of one
// client may reach two connections of the server. Its URL is that of the server
// behind it.
func PgBouncer(t testenv.TB) *Server {
	t.Helper()
	return share(t, pgbouncer{server: PostgreSQL(t)})
}

type pgbouncer struct{ server *Server }

func (pgbouncer) name() string { return "PgBouncer" }

func (pgbouncer) program() string {
	return find("/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer")
}

func (k pgbouncer) missing() string {
	if k.program() == "" {
		return "there is no PgBouncer here: pgbouncer is missing"
	}
	return ""
}

func (k pgbouncer) initialize(dir string) error {
	return os.WriteFile(filepath.Join(dir, "users"), []byte("\"recovery\" \"\"\n"), 0o644)
}

func (k pgbouncer) command(dir string, port int) (string, []string) {
	conf := fmt.Sprintf(`[databases]
* = host=127.0.0.1 port=%d user=recovery
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = trust
auth_file = %s
pool_mode = transaction
default_pool_size = 8
max_client_conn = 200
ignore_startup_parameters = extra_float_digits
`, k.server.port, port, filepath.Join(dir, "users"))
	path := filepath.Join(dir, "conf")
	// An error shows itself when the program reads the file.
	_ = os.WriteFile(path, []byte(conf), 0o644)
	return k.program(), []string{path}
}

func (pgbouncer) ready(dir string, port, _ int) bool {
	conn, err := net.DialTimeout("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), time.Second)
	if err == nil {
		_ = conn.Close()
	}
	return err == nil
}

func (pgbouncer) stop() syscall.Signal { return syscall.SIGTERM }
