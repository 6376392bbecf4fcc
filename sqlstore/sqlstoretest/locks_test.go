package sqlstoretest

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/sqlstore"
)

// Somebody's open transaction has locked one row of a table. Calls for its key
// wait, and those for other keys do not, although many callers ask for the locked
// key all the time. What was asked for while it was locked is not counted.
func TestLockedRowDelaysNoOtherKey(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, d database, open func(testing.TB) *sql.DB) {
		for table, call := range map[string]func(context.Context, *sqlstore.Store, string) error{
			"recovery_limits": func(ctx context.Context, s *sqlstore.Store, key string) error {
				_, err := s.Allow(ctx, recovery.LimitRequest{Key: key, Policy: policy})
				return err
			},
			"recovery_tokens": func(ctx context.Context, s *sqlstore.Store, slot string) error {
				_, err := s.Claim(ctx, "id", recovery.TokenRef{Slot: slot, Digest: "wrong", Code: true})
				if errors.Is(err, recovery.ErrTokenNotFound) {
					return nil
				}
				return err
			},
		} {
			t.Run(table, func(t *testing.T) {
				db := open(t)
				timeout := min(testenv.Patience(2*time.Second), time.Minute)
				s, err := sqlstore.New(open(t), d.dialect, sqlstore.Options{Timeout: timeout})
				if err != nil {
					t.Fatal(err)
				}
				locked := put(t, s).Slot
				if table == "recovery_limits" {
					if err := call(t.Context(), s, locked); err != nil {
						t.Fatal(err)
					}
				}
				tx, err := db.Begin()
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = tx.Rollback() }()
				if _, err := tx.Exec("UPDATE " + table + " SET expires = expires + 1 WHERE name = '" + locked + "'"); err != nil {
					t.Fatal(err)
				}
				took, through := timeOthers(t, s, locked, call)
				median, longest := took[len(took)/2], took[len(took)-1]
				if median > timeout/50 || longest > timeout/4 {
					t.Errorf("calls for other keys took up to %v, half of them %v and more", longest, median)
				}
				t.Logf("%d calls for other keys: median %v, longest %v", len(took), median, longest)
				if through > 0 {
					t.Errorf("%d calls for the locked key were answered", through)
				}
				// Its turn comes after the statements whose callers have left.
				short, cancel := context.WithTimeout(t.Context(), timeout/8)
				defer cancel()
				if err := call(short, s, locked); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("a call for the locked key: %v", err)
				}
				if err := tx.Rollback(); err != nil {
					t.Fatal(err)
				}
				if table == "recovery_tokens" {
					return
				}
				decisions, err := s.Allow(t.Context(), recovery.LimitRequest{Key: locked, Policy: policy})
				// The last statement may have met the end of the transaction.
				if err != nil || decisions[0].Remaining < 22 {
					t.Errorf("afterwards: %+v, %v, want 22 or 23 left", decisions, err)
				}
			})
		}
	})
}

// timeOthers calls for a locked key from 16 goroutines and for 300 other keys
// from one, one after another. It returns how long each of the latter took, sorted,
// and how many of the former were answered.
func timeOthers(t *testing.T, s *sqlstore.Store, locked string, call func(context.Context, *sqlstore.Store, string) error) (took []time.Duration, through int32) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var answered atomic.Int32
	var waiting sync.WaitGroup
	for range 16 {
		waiting.Go(func() {
			for ctx.Err() == nil {
				short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
				if call(short, s, locked) == nil {
					answered.Add(1)
				}
				cancel()
			}
		})
	}
	for limit := testenv.Within(10 * time.Second); len(took) < 300 && !limit.Over(); {
		began := time.Now()
		if err := call(t.Context(), s, fresh()); err != nil {
			t.Error(err)
			break
		}
		took = append(took, time.Since(began))
	}
	stop()
	waiting.Wait()
	slices.Sort(took)
	return append(took, time.Hour)[:max(1, len(took))], answered.Load()
}

// onServers runs a test on the databases that lock rows. SQLite locks the file.
func onServers(t *testing.T, test func(t *testing.T, d database, open func(testing.TB) *sql.DB)) {
	t.Helper()
	on(t, databases[:2], test)
}
