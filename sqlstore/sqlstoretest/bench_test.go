package sqlstoretest

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/sqltest"
	"github.com/seed-51359b35/recovery/sqlstore"
)

// What an operation costs, beside SELECT 1 through the same driver, on servers
// that sync every commit to the disk. Compare the two in one run:
//
//	go test -run '^$' -bench . -benchtime 3s -count 5
func BenchmarkOperations(b *testing.B) {
	durable := []database{
		{"PostgreSQL", sqlstore.PostgreSQL, func(t testing.TB) (string, string) {
			return "pgx", sqltest.StartPostgreSQL(t).URL("postgres")
		}},
		{"MariaDB", sqlstore.MySQL, func(t testing.TB) (string, string) {
			server := sqltest.StartMariaDB(t)
			execute(t, connect(t, "mysql", "root@tcp("+server.Addr+")/"), "CREATE DATABASE bench")
			return "mysql", "root@tcp(" + server.Addr + ")/bench"
		}},
		{"SQLite", sqlstore.SQLite, func(t testing.TB) (string, string) {
			return "sqlite", "file:" + filepath.Join(t.TempDir(), "app.db") + "?_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)"
		}},
	}
	for _, d := range durable {
		b.Run(d.name, func(b *testing.B) {
			driver, source := d.create(b)
			db := connect(b, driver, source)
			db.SetMaxOpenConns(16)
			db.SetMaxIdleConns(16)
			if err := sqlstore.Migrate(b.Context(), db, d.dialect); err != nil {
				b.Fatal(err)
			}
			s := newStore(b, db, d)
			for _, callers := range []int{1, 16, 64} {
				b.Run(fmt.Sprintf("select-1/%d", callers), func(b *testing.B) {
					measure(b, callers, func(ctx context.Context, _ int64) error { return one(ctx, db) })
				})
				b.Run(fmt.Sprintf("allow/%d", callers), func(b *testing.B) {
					measure(b, callers, func(ctx context.Context, n int64) error {
						_, err := s.Allow(ctx, recovery.LimitRequest{
							Key:    fmt.Sprint("key", n*7919%10_000),
							Policy: recovery.LimitPolicy{Limits: []recovery.Limit{{N: 25, Window: 5 * time.Second}}},
						})
						return err
					})
				})
				b.Run(fmt.Sprintf("denied/%d", callers), func(b *testing.B) {
					request := recovery.LimitRequest{Key: fresh(), Policy: recovery.LimitPolicy{Limits: []recovery.Limit{{N: 1, Window: time.Hour}}}}
					measure(b, callers, func(ctx context.Context, _ int64) error {
						_, err := s.Allow(ctx, request)
						return err
					})
				})
				b.Run(fmt.Sprintf("claim/%d", callers), func(b *testing.B) {
					run := fresh()
					refs := make([]recovery.TokenRef, b.N)
					putAll(b, s, refs, run)
					b.ResetTimer()
					measure(b, callers, func(ctx context.Context, n int64) error {
						_, err := s.Claim(ctx, fmt.Sprint("id", n), refs[n])
						return err
					})
				})
			}
		})
	}
}

func one(ctx context.Context, db *sql.DB) error {
	var n int
	return db.QueryRowContext(ctx, "SELECT 1").Scan(&n)
}

func putAll(b *testing.B, s *sqlstore.Store, refs []recovery.TokenRef, run string) {
	b.Helper()
	var wg sync.WaitGroup
	for w := range 64 {
		wg.Go(func() {
			for i := w; i < len(refs); i += 64 {
				refs[i] = recovery.TokenRef{Slot: fmt.Sprint(run, i), Digest: "digest"}
				if _, err := s.Put(b.Context(), refs[i].Slot, recovery.TokenSpec{Digest: "digest", TTL: time.Hour, MaxLive: 3}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// measure has callers do the operation b.N times between them.
func measure(b *testing.B, callers int, operation func(ctx context.Context, n int64) error) {
	b.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for range callers {
		wg.Go(func() {
			for {
				n := next.Add(1) - 1
				if n >= int64(b.N) {
					return
				}
				if err := operation(b.Context(), n); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "op/s")
}
