// Package sqltest starts real PostgreSQL and MariaDB servers, and PgBouncer, for
// tests. It has no driver, because those belong to the modules whose tests use
// it.
//
//	func TestMain(m *testing.M) { os.Exit(sqltest.Main(m)) }
//
//	server := sqltest.PostgreSQL(t) // shared by the tests of the package
//
// A test needs Debian's packages postgresql, mariadb-server and pgbouncer, or
// the same programs on the PATH. Without them its servers skip the test with one line,
// and fail it if RECOVERY_REQUIRE_SQL is 1.
//
// A server listens on a free loopback port, keeps its data in a temporary
// directory, and runs as the user nobody where the tests run as root, because
// both programs refuse root. It syncs no data to the disk, unless it is started
// as durable. [Main] ends the shared servers. On Linux the kernel kills every
// server when the test process dies.
package sqltest
