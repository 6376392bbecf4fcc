package sqltest_test

import (
	"net"
	"os"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery/internal/sqltest"
	"github.com/seed-51359b35/recovery/internal/testenv"
)

func TestMain(m *testing.M) { os.Exit(sqltest.Main(m)) }

// servers are the servers of one test.
var servers = []struct {
	name   string
	start  func(testenv.TB, ...string) *sqltest.Server
	shared func(testenv.TB) *sqltest.Server
}{
	{"PostgreSQL", sqltest.StartPostgreSQL, sqltest.PostgreSQL},
	{"MariaDB", sqltest.StartMariaDB, sqltest.MariaDB},
}

// A server listens while its test runs, over a crash and a restart, and leaves
// nothing behind.
func TestServersEndWithTheTest(t *testing.T) {
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			var addr, dir string
			t.Run("while", func(t *testing.T) {
				server := s.start(t)
				addr, dir = server.Addr, server.Dir()
				if !listens(addr) {
					t.Fatal("the server does not listen")
				}
				if err := server.Kill(); err != nil {
					t.Fatal(err)
				}
				if listens(addr) {
					t.Error("something listens after the crash")
				}
				for range 2 {
					if err := server.Restart(); err != nil {
						t.Fatal(err)
					}
					if server.Addr != addr || !listens(addr) {
						t.Error("the server does not listen after a restart")
					}
				}
			})
			if addr == "" {
				return // "while" says that there is no server, or that it did not start
			}
			if listens(addr) {
				t.Error("something listens after the test")
			}
			if _, err := os.Stat(dir); !os.IsNotExist(err) {
				t.Errorf("its directory is still there: %v", err)
			}
		})
	}
}

func TestTestsShareAServer(t *testing.T) {
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			if first := s.shared(t); first != s.shared(t) || !listens(first.Addr) {
				t.Error("two servers, or none")
			}
		})
	}
}

func listens(addr string) bool {
	conn, err := net.DialTimeout("tcp4", addr, time.Second)
	if err == nil {
		_ = conn.Close()
	}
	return err == nil
}
