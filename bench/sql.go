package main

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/internal/sqltest"
	"github.com/seed-51359b35/recovery/sqlstore"
)

// A database is one that package sqlstore is measured on. It syncs every commit
// to the disk.
type database struct {
	name    string
	dialect sqlstore.Dialect
	driver  string
	// start returns the source for the driver, and the server's process, if
	// there is one.
	start func(tb redistest.TB) (source string, pid int)
	empty string // the statement that removes all tokens
}

var databases = []database{
	{
		"PostgreSQL", sqlstore.PostgreSQL, "pgx",
		func(tb redistest.TB) (string, int) {
			server := sqltest.StartPostgreSQL(tb)
			return server.URL("postgres"), server.PID()
		},
		"TRUNCATE recovery_tokens",
	},
	{
		"SQLite", sqlstore.SQLite, "sqlite",
		func(tb redistest.TB) (string, int) {
			return "file:" + filepath.Join(tb.TempDir(), "app.db") + "?_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)", 0
		},
		"DELETE FROM recovery_tokens",
	},
}

// sqlPart measures package sqlstore in turn with SELECT 1 through the same
// driver and pool.
func sqlPart(tb redistest.TB, b *bench) {
	var names tokenNames
	names.slot, names.spec = realToken(tb)
	var exact []target
	for _, d := range databases {
		b.step("sql: starting %s", d.name)
		db, pid := d.open(tb)
		store, err := sqlstore.New(db, d.dialect, sqlstore.Options{Logger: quiet, Timeout: patient})
		must(tb, err)
		exact = append(exact, sqlLimiter("ours on "+d.name, store))
		undo := func() {}
		if pid != 0 {
			undo, _ = split(pid)
		}
		sqlSpeed(tb, b, d, db, store, names)
		undo()
	}
	playTraces(tb, b, place{}, "Accuracy on SQL, 25 in 5 s", exact, func(time.Time) {})
}

// open starts the database and makes the tables.
func (d database) open(tb redistest.TB) (db *sql.DB, pid int) {
	source, pid := d.start(tb)
	db, err := sql.Open(d.driver, source)
	must(tb, err)
	tb.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(16)
	must(tb, sqlstore.Migrate(tb.Context(), db, d.dialect))
	return db, pid
}

func sqlLimiter(name string, store *sqlstore.Store) target {
	return target{name: name, open: func(place) (decide, func(), error) {
		return func(ctx context.Context, key string) (bool, error) {
			d, err := store.Allow(ctx, recovery.LimitRequest{Key: key, Policy: limitPolicy})
			if err != nil {
				return false, err
			}
			return d[0].Allowed, nil
		}, func() {}, nil
	}}
}

func sqlSpeed(tb redistest.TB, b *bench, d database, db *sql.DB, store *sqlstore.Store, names tokenNames) {
	table := "On " + d.name + ", beside SELECT 1"
	floor := func(ctx context.Context, _, _ int) error {
		var n int
		return db.QueryRowContext(ctx, "SELECT 1").Scan(&n)
	}
	beside := func(what string, callers int, own slice) (s, floors series) {
		account := floorRun{setting: d.name + ", " + what + ", " + callersSetting(callers), callers: callers, elsewhere: true}
		s, floors = b.beside(tb, account, floor, own)
		b.addSeries(table, what, callersSetting(callers), s, floors)
		return s, floors
	}
	ask, end := open(tb, sqlLimiter("", store), place{})
	defer end()
	for _, callers := range []int{1, 16, 64} {
		setting := callersSetting(callers)
		b.step("sql: %s, %s", d.name, setting)
		// An earlier number of callers has left windows behind.
		keys := keys(manyKeys(callers))
		for i := range keys {
			keys[i] = fmt.Sprintf("%03d:%s", callers, keys[i])
		}
		l := load{callers: callers, length: b.slice}
		l.start = run(tb.Context(), l, asking(ask, keys, callers, nil)).ops / callers
		allow, floors := beside("limiter, many keys", callers, func() sample {
			s := run(tb.Context(), l, asking(ask, keys, callers, nil))
			l.start += s.ops / callers
			return s
		})
		hot := asking(ask, []string{fmt.Sprint("hot", callers)}, callers, nil)
		run(tb.Context(), load{callers: callers, length: b.slice}, hot)
		beside("limiter, one key over its limit", callers, func() sample {
			return run(tb.Context(), load{callers: callers, length: b.slice, every: 64}, hot)
		})
		claims, claimFloors := b.claims(tb, store, func() {
			_, err := db.ExecContext(tb.Context(), d.empty)
			must(tb, err)
		}, names, callers, func(own slice) (s, floors series) { return beside("claim", callers, own) })
		b.holdSQL(d, setting, callers, allow, floors, claims, claimFloors)
	}
}

// holdSQL holds the figures against P1.
func (b *bench) holdSQL(d database, setting string, callers int, allow, floors, claims, claimFloors series) {
	switch {
	case d.dialect == sqlstore.SQLite && callers == 64:
		b.hold("P1", "SQLite, decisions a second, "+setting, median(allow.each(sample.rate)), ">=", 5_000)
	case d.dialect == sqlstore.PostgreSQL && callers == 16:
		b.hold("P1", "PostgreSQL, limiter, x SELECT 1, "+setting, allow.speedup(floors), ">=", 0.35)
	case d.dialect == sqlstore.PostgreSQL && callers == 64:
		b.hold("P1", "PostgreSQL, limiter, x SELECT 1, "+setting, allow.speedup(floors), ">=", 0.9)
		b.hold("P1", "PostgreSQL, claim, x SELECT 1, "+setting, claims.speedup(claimFloors), ">=", 0.5)
	}
}
