package sqlstoretest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/sqltest"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/sqlstore"
)

// A tokenCall is an operation on the one token of a history.
type tokenCall struct {
	release bool
	id      int
}

// A tokenAnswer is what its caller saw: that it worked, that it did not, or
// nothing.
type tokenAnswer int

const (
	done tokenAnswer = iota
	refused
	unknown
)

// A tokenState is who holds the token, 0 for nobody, and who is barred.
type tokenState struct {
	holder int
	barred uint64
}

// tokenModel is the contract of one live link. An operation whose reply was
// lost may run at any time later, or never, which is at the end: the checker is
// told that it has not returned.
var tokenModel = porcupine.Model{
	Init: func() any { return tokenState{} },
	Step: func(state, input, output any) (bool, any) {
		s, call, answer := state.(tokenState), input.(tokenCall), output.(tokenAnswer)
		if call.release {
			if s.holder == call.id {
				s.holder = 0
			}
			s.barred |= 1 << call.id
			return answer != refused, s
		}
		wins := s.barred&(1<<call.id) == 0 && (s.holder == 0 || s.holder == call.id)
		if wins {
			s.holder = call.id
		}
		return answer == unknown || (answer == done) == wins, s
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v: %v", input, output) },
}

// linked are the servers, behind a link.
var linked = []database{
	{"PostgreSQL", sqlstore.PostgreSQL, databases[0].create},
	{"MariaDB", sqlstore.MySQL, databases[1].create},
}

// onLinks runs a test on servers that can be reached directly and over a link.
func onLinks(t *testing.T, test func(t *testing.T, d database, link *sqltest.Link, near, far func(testing.TB) *sql.DB)) {
	t.Helper()
	for _, d := range linked {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			driver, source := d.create(t)
			if err := sqlstore.Migrate(t.Context(), connect(t, driver, source), d.dialect); err != nil {
				t.Fatal(err)
			}
			server := sqltest.PostgreSQL
			if d.dialect == sqlstore.MySQL {
				server = sqltest.MariaDB
			}
			addr := server(t).Addr
			link := sqltest.NewLink(t, addr)
			test(t, d, link,
				func(t testing.TB) *sql.DB { return connect(t, driver, source) },
				func(t testing.TB) *sql.DB { return connect(t, driver, strings.Replace(source, addr, link.Addr, 1)) })
		})
	}
}

// Whatever claims and releases race while connections are cut and replies are
// lost, what their callers see has an order in which one token explains it.
func TestClaimsAreLinearizable(t *testing.T) {
	t.Parallel()
	histories := 10
	if testenv.Long() {
		histories = 200
	}
	onLinks(t, func(t *testing.T, d database, link *sqltest.Link, _, far func(testing.TB) *sql.DB) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		stores := []*sqlstore.Store{newStore(t, far(t), d), newStore(t, far(t), d)}
		stop := make(chan struct{})
		var breaking sync.WaitGroup
		breaking.Go(func() {
			random := rand.New(rand.NewPCG(seed, 0))
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Duration(10+random.IntN(80)) * time.Millisecond):
				}
				link.Latency(time.Duration(random.IntN(10)) * time.Millisecond)
				link.Cut()
			}
		})
		calls, lost := 0, 0
		deadline := testenv.Within(time.Minute)
		for n := 0; (n < histories || lost == 0) && !deadline.Over(); n++ {
			ref := recovery.TokenRef{Slot: fresh(), Digest: "digest"}
			for {
				if _, err := stores[0].Put(t.Context(), ref.Slot, liveLink()); err == nil {
					break
				}
			}
			history := raceForOne(stores, ref, seed+uint64(n))
			calls += len(history)
			for _, op := range history {
				if op.Output == unknown {
					lost++
				}
			}
			if result := porcupine.CheckOperationsTimeout(tokenModel, history, 5*time.Second); result == porcupine.Illegal {
				for _, op := range history {
					t.Logf("%d to %d: %s", op.Call, op.Return, tokenModel.DescribeOperation(op.Input, op.Output))
				}
				t.Fatal("no order explains this history")
			} else if result == porcupine.Unknown {
				t.Log("a history was too long to check")
			}
		}
		close(stop)
		breaking.Wait()
		t.Logf("%d calls, %d without an answer", calls, lost)
		if lost == 0 {
			t.Error("nothing was lost, so this proves little")
		}
	})
}

// raceForOne has five callers of two instances claim and release one token.
func raceForOne(stores []*sqlstore.Store, ref recovery.TokenRef, seed uint64) []porcupine.Operation {
	var mu sync.Mutex
	var history []porcupine.Operation
	var ids atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for client := range 5 {
		random := rand.New(rand.NewPCG(seed, uint64(client)))
		s := stores[client%len(stores)]
		wg.Go(func() {
			run := func(call tokenCall) tokenAnswer {
				id := fmt.Sprintf("id%d", call.id)
				start := int64(time.Since(began))
				var err error
				if call.release {
					err = s.Release(context.Background(), id, ref)
				} else {
					_, err = s.Claim(context.Background(), id, ref)
				}
				answer, end := done, int64(time.Since(began))
				switch {
				case errors.Is(err, recovery.ErrTokenNotFound):
					answer = refused
				case err != nil:
					answer, end = unknown, int64(time.Hour)
				}
				mu.Lock()
				defer mu.Unlock()
				history = append(history, porcupine.Operation{ClientId: client, Input: call, Call: start, Output: answer, Return: end})
				return answer
			}
			id := int(ids.Add(1))
			for range 5 {
				answer := run(tokenCall{id: id})
				if answer == done || answer == unknown && random.IntN(2) == 0 {
					if random.IntN(3) > 0 && run(tokenCall{release: true, id: id}) == done {
						id = int(ids.Add(1))
					}
				}
			}
		})
	}
	wg.Wait()
	return history
}

// Behind 20 ms, and beside an instance that is near and never pauses, a far one
// gets its turn at a key that both want.
func TestFarInstanceGetsItsTurn(t *testing.T) {
	t.Parallel()
	onLinks(t, func(t *testing.T, d database, link *sqltest.Link, near, far func(testing.TB) *sql.DB) {
		link.Latency(20 * time.Millisecond)
		nearby, distant := newStore(t, near(t), d), newStore(t, far(t), d)
		request := recovery.LimitRequest{Key: fresh(), Policy: recovery.LimitPolicy{Limits: []recovery.Limit{{N: 10_000, Window: 200 * time.Millisecond}}}}
		stop := make(chan struct{})
		var busy sync.WaitGroup
		var calls atomic.Int64
		for range 4 {
			busy.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					if _, err := nearby.Allow(context.Background(), request); err != nil {
						t.Error(err)
						return
					}
					calls.Add(1)
				}
			})
		}
		testenv.Eventually(t, 20*time.Second, "the near instance is busy", func() bool { return calls.Load() > 50 })
		for range 10 {
			began := time.Now()
			if _, err := distant.Allow(t.Context(), request); err != nil {
				t.Error(err)
			}
			// A turn of two round trips that comes too late, and then turns with
			// the lock, of about six round trips, until it finds the row free:
			// 200 to 400 ms. Without the lock a call comes too late until Timeout.
			if took := time.Since(began); took > testenv.Patience(5*time.Second) {
				t.Errorf("a far call took %v, want about 300 ms", took)
			}
		}
		close(stop)
		busy.Wait()
	})
}
