package sqlstoretest

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/seed-51359b35/recovery/internal/sqltest"
	"github.com/seed-51359b35/recovery/sqlstore"
)

func TestMain(m *testing.M) {
	if os.Getenv(workerVariable) != "" {
		if err := workerMain(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	// Without this it prints lines for every server that a test kills.
	_ = mysql.SetLogger(log.New(io.Discard, "", 0))
	flag.Parse()
	// The parallel tests mostly wait, and by default as many run as there are
	// cores.
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = f.Value.Set("12")
	}
	os.Exit(sqltest.Main(m))
}

// A database is a kind of database that the tests run on.
type database struct {
	name    string
	dialect sqlstore.Dialect
	// create makes an empty database and returns how drivers open it.
	create func(t testing.TB) (driver, source string)
}

var databases = []database{
	{"PostgreSQL", sqlstore.PostgreSQL, func(t testing.TB) (string, string) {
		server := sqltest.PostgreSQL(t)
		name := fresh()
		admin := connect(t, "pgx", server.URL("postgres"))
		execute(t, admin, "CREATE DATABASE "+name)
		t.Cleanup(func() { execute(t, admin, "DROP DATABASE "+name+" WITH (FORCE)") })
		return "pgx", server.URL(name)
	}},
	{"MariaDB", sqlstore.MySQL, func(t testing.TB) (string, string) {
		server := sqltest.MariaDB(t)
		name := fresh()
		admin := connect(t, "mysql", "root@tcp("+server.Addr+")/")
		execute(t, admin, "CREATE DATABASE "+name)
		t.Cleanup(func() { execute(t, admin, "DROP DATABASE "+name) })
		return "mysql", "root@tcp(" + server.Addr + ")/" + name
	}},
	{"SQLite", sqlstore.SQLite, func(t testing.TB) (string, string) {
		return "sqlite", "file:" + filepath.Join(t.TempDir(), "app.db") + "?_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)&_pragma=synchronous(OFF)"
	}},
}

// pgBouncer is PostgreSQL behind a PgBouncer that pools transactions. Prepared
// statements do not work there before its version 1.21.
var pgBouncer = database{"PgBouncer", sqlstore.PostgreSQL, func(t testing.TB) (string, string) {
	_, _ = sqltest.PgBouncer(t), sqltest.PostgreSQL(t)
	driver, source := databases[0].create(t)
	source = strings.Replace(source, sqltest.PostgreSQL(t).Addr, sqltest.PgBouncer(t).Addr, 1)
	return driver, source + "&default_query_exec_mode=exec"
}}

// strict is PostgreSQL at the strictest isolation, which gives transactions up.
var strict = database{"Serializable", sqlstore.PostgreSQL, func(t testing.TB) (string, string) {
	driver, source := databases[0].create(t)
	return driver, source + "&default_transaction_isolation=serializable"
}}

// plain is SQLite as it is by default: it waits for no lock, and readers lock
// writers out.
var plain = database{"PlainSQLite", sqlstore.SQLite, func(t testing.TB) (string, string) {
	return "sqlite", "file:" + filepath.Join(t.TempDir(), "app.db") + "?_pragma=synchronous(OFF)"
}}

// onEach runs a test on every kind of database. Open returns another pool of
// connections to the same tables.
func onEach(t *testing.T, test func(t *testing.T, d database, open func(testing.TB) *sql.DB)) {
	t.Helper()
	on(t, databases, test)
}

func on(t *testing.T, databases []database, test func(t *testing.T, d database, open func(testing.TB) *sql.DB)) {
	t.Helper()
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			driver, source := d.create(t)
			open := func(t testing.TB) *sql.DB { return connect(t, driver, source) }
			if err := sqlstore.Migrate(t.Context(), open(t), d.dialect); err != nil {
				t.Fatal(err)
			}
			test(t, d, open)
		})
	}
}

func connect(t testing.TB, driver, source string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxIdleConns(8)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func execute(t testing.TB, db *sql.DB, query string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(context.Background(), query, args...); err != nil {
		t.Fatal(err)
	}
}

// newStore returns a store with a budget that a busy machine does not exceed,
// for tests of other things than time.
func newStore(t testing.TB, db *sql.DB, d database) *sqlstore.Store {
	t.Helper()
	s, err := sqlstore.New(db, d.dialect, sqlstore.Options{Timeout: 30 * time.Second, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var serial atomic.Int64

// fresh returns a name that nothing else has.
func fresh() string { return fmt.Sprintf("test_%d_%d", os.Getpid(), serial.Add(1)) }

// dump returns the records of a table, without the rows that hold none and
// without what every write changes.
func dump(t testing.TB, db *sql.DB, table string) string {
	t.Helper()
	rows, err := db.QueryContext(context.Background(), "SELECT name, record, expires FROM "+table+" WHERE previous = 0 ORDER BY name")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var b strings.Builder
	for rows.Next() {
		var name, record string
		var expires int64
		if err := rows.Scan(&name, &record, &expires); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(name, " ") {
			fmt.Fprintf(&b, "%q %q %d\n", name, record, expires)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
