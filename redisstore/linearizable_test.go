package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/redisstore"
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

// A33, T2: whatever claims and releases race while replies are lost, late or
// cut off, what their callers see has an order in which one token explains it.
func TestClaimsAreLinearizable(t *testing.T) {
	server := redistest.Start(t)
	direct := newStore(t, server.Client(t), nil)
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			proxy := server.Proxy(t)
			s := newStore(t, proxy.Client(t, way.client...), func(o *redisstore.Options) {
				o.Timeout = testenv.Patience(30 * time.Millisecond)
			})
			stop := make(chan struct{})
			var breaking sync.WaitGroup
			breaking.Go(func() {
				random := rand.New(rand.NewPCG(seed, 0))
				for {
					select {
					case <-stop:
						proxy.Clear()
						return
					case <-time.After(time.Duration(10+random.IntN(60)) * time.Millisecond):
					}
					f := redistest.Fault{Commands: runs, Times: 1 + random.IntN(2)}
					switch random.IntN(12) {
					case 0, 1, 2:
						f.Mode = redistest.Cut
					case 3, 4:
						f.Mode = redistest.Reset
					case 5:
						f.Mode = redistest.Swallow
					default:
						f.Delay = time.Duration(random.IntN(60)) * time.Millisecond
					}
					proxy.Set(redistest.Direction(random.IntN(2)), f)
				}
			})
			calls, lost := 0, 0
			deadline := testenv.Within(20 * time.Second)
			// At least until something is lost, which most races bring.
			for n := 0; (n < size(12, 60, 30) || lost == 0) && !deadline.Over(); n++ {
				history := raceForOne(t, s, put(t, direct), seed+uint64(n))
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
}

// raceForOne has five callers claim and release one token.
func raceForOne(t *testing.T, s recovery.TokenStore, ref recovery.TokenRef, seed uint64) []porcupine.Operation {
	var mu sync.Mutex
	var history []porcupine.Operation
	var ids atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for client := range 5 {
		random := rand.New(rand.NewPCG(seed, uint64(client)))
		wg.Go(func() {
			run := func(call tokenCall) tokenAnswer {
				id := fmt.Sprintf("id%d", call.id)
				var start int64
				err := redisstore.ErrDown
				for errors.Is(err, redisstore.ErrDown) { // never sent
					pause(err)
					start = int64(time.Since(began))
					if call.release {
						err = s.Release(context.Background(), id, ref)
					} else {
						_, err = s.Claim(context.Background(), id, ref)
					}
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
