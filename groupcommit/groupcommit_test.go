package groupcommit_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery/groupcommit"
)

// A server answers items with their number, after a time of its own choice, and
// writes down what it saw.
type server struct {
	mu       sync.Mutex
	out, max int
	calls    [][]int
	seen     map[int]int
	takes    func(items []int) (time.Duration, error)
}

func (s *server) call(_ context.Context, items []int, outs []string) error {
	s.mu.Lock()
	s.out++
	s.max = max(s.max, s.out)
	s.calls = append(s.calls, slices.Clone(items))
	if s.seen == nil {
		s.seen = make(map[int]int)
	}
	for _, item := range items {
		s.seen[item]++
	}
	takes, err := s.takes(items)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.out--
		s.mu.Unlock()
	}()
	time.Sleep(takes)
	for i, item := range items {
		outs[i] = fmt.Sprint(item)
	}
	return err
}

// always takes the same time.
func always(d time.Duration) func([]int) (time.Duration, error) {
	return func([]int) (time.Duration, error) { return d, nil }
}

// The contract, against callers that arrive, leave and fail at random: whatever
// happens, each of them gets its own answer, the error of its call, or leaves at
// its deadline to the nanosecond.
func TestModel(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 1))
				broken := errors.New("broken")
				s := &server{takes: func([]int) (time.Duration, error) {
					switch rng.IntN(10) {
					case 0:
						return time.Duration(rng.IntN(100)) * time.Millisecond, nil
					case 1:
						return time.Millisecond, broken
					}
					return time.Duration(rng.IntN(5)) * time.Millisecond, nil
				}}
				opts := groupcommit.Options[int]{
					MaxCalls: 1 + rng.IntN(3), MaxItems: 1 + rng.IntN(8), Timeout: 100 * time.Millisecond,
					Key: func(item int) string { return fmt.Sprint(item % 3) },
				}
				g := groupcommit.New(s.call, opts)
				var wg sync.WaitGroup
				plan := rand.New(rand.NewPCG(seed, 2))
				for item := range 400 {
					arrives := time.Duration(plan.IntN(400)) * time.Millisecond
					stays := time.Duration(plan.IntN(200)) * time.Millisecond
					wg.Go(func() {
						time.Sleep(arrives)
						ctx, cancel := context.WithTimeout(t.Context(), stays)
						defer cancel()
						began := time.Now()
						got, err := g.Do(ctx, item)
						waited := time.Since(began)
						switch {
						case err == nil && got == fmt.Sprint(item):
						case errors.Is(err, broken) && got == "":
						case errors.Is(err, groupcommit.ErrTimeout) && waited == opts.Timeout && got == "":
						case err == context.DeadlineExceeded && waited == stays && got == "":
						default:
							t.Errorf("item %d: %q, %v after %v", item, got, err, waited)
						}
						if waited > min(stays, opts.Timeout) {
							t.Errorf("item %d: a caller of %v waited %v", item, stays, waited)
						}
					})
				}
				wg.Wait()
				time.Sleep(time.Second) // calls whose callers have left end too
				synctest.Wait()
				if s.max > opts.MaxCalls {
					t.Errorf("%d calls were out at once, want at most %d", s.max, opts.MaxCalls)
				}
				for _, call := range s.calls {
					if len(call) == 0 || len(call) > opts.MaxItems {
						t.Errorf("a call has %d items, want 1 to %d", len(call), opts.MaxItems)
					}
				}
				for item, times := range s.seen {
					if times != 1 {
						t.Errorf("item %d was in %d calls", item, times)
					}
				}
			})
		})
	}
}

// Calls answer, fail, panic, end their goroutine, or hang for longer than
// Timeout, and the breaker lets some of them not begin. Whatever they do, nobody
// waits too long or gets the answer of another, the breaker is told of each end
// once, and afterwards as many calls can be out as before.
func TestPlacesComeBack(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				rng := rand.New(rand.NewPCG(seed, 1))
				chance := func(n int) int {
					mu.Lock()
					defer mu.Unlock()
					return rng.IntN(n)
				}
				const timeout = 100 * time.Millisecond
				calls, release, out := 1+rng.IntN(3), make(chan struct{}), atomic.Int64{}
				quiet := atomic.Bool{}
				call := func(_ context.Context, items []int, outs []int) error {
					if quiet.Load() {
						out.Add(1)
						<-release
						return nil
					}
					kind := chance(10)
					time.Sleep(time.Duration(chance(20)) * time.Millisecond)
					for i, item := range items {
						outs[i] = -item
					}
					switch kind {
					case 0:
						return errors.New("broken")
					case 1:
						panic("broken")
					case 2:
						runtime.Goexit()
					case 3:
						time.Sleep(3 * timeout)
					}
					return nil
				}
				watch := &watchedBreaker{refuses: func() bool { return !quiet.Load() && chance(5) == 0 }}
				g := groupcommit.New(call, groupcommit.Options[int]{
					MaxCalls: calls, MaxItems: 1 + rng.IntN(8), Timeout: timeout, Breaker: watch,
				})
				var wg sync.WaitGroup
				for item := range 300 {
					arrives := time.Duration(chance(800)) * time.Millisecond
					stays := time.Duration(1+chance(200)) * time.Millisecond
					wg.Go(func() {
						time.Sleep(arrives)
						ctx, cancel := context.WithTimeout(t.Context(), stays)
						defer cancel()
						began := time.Now()
						got, err := g.Do(ctx, item)
						if waited := time.Since(began); waited > min(stays, timeout) {
							t.Errorf("item %d: waited %v", item, waited)
						}
						if err == nil && got != -item || err != nil && got != 0 {
							t.Errorf("item %d: %d, %v", item, got, err)
						}
					})
				}
				wg.Wait()
				time.Sleep(10 * timeout) // calls that hang end
				synctest.Wait()
				if watch.begun.Load() != watch.ended.Load() {
					t.Errorf("%d calls began, and the breaker was told of %d ends", watch.begun.Load(), watch.ended.Load())
				}
				quiet.Store(true)
				for item := range 2 * calls {
					wg.Go(func() { _, _ = g.Do(t.Context(), item) })
				}
				synctest.Wait()
				if n := out.Load(); n != int64(calls) {
					t.Errorf("%d calls are out at once, want %d", n, calls)
				}
				close(release)
				wg.Wait()
			})
		})
	}
}

// A watchedBreaker counts what it is told.
type watchedBreaker struct {
	refuses      func() bool
	begun, ended atomic.Int64
}

func (b *watchedBreaker) Allow() (func(error), error) {
	if b.refuses() {
		return nil, errors.New("refused")
	}
	b.begun.Add(1)
	return func(error) { b.ended.Add(1) }, nil
}

// While one call is out, all who arrive share the next one, in their order.
func TestWhoArrivesDuringACallSharesTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{takes: always(time.Millisecond)}
		g := groupcommit.New(s.call, groupcommit.Options[int]{MaxCalls: 1, MaxItems: 4})
		var wg sync.WaitGroup
		for item := range 7 {
			wg.Go(func() {
				if got, err := g.Do(t.Context(), item); got != fmt.Sprint(item) || err != nil {
					t.Errorf("Do = %q, %v", got, err)
				}
			})
			synctest.Wait() // so that the order of arrival is known
		}
		wg.Wait()
		if want := [][]int{{0}, {1, 2, 3, 4}, {5, 6}}; fmt.Sprint(s.calls) != fmt.Sprint(want) {
			t.Errorf("the calls were %v, want %v", s.calls, want)
		}
	})
}

// One busy key does not make others wait: behind a thousand items of one key,
// the first of another is in the next call, and the busy key fills the rest. So
// it is each time that the other key comes.
func TestBusyKeyDoesNotMakeOthersWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{takes: always(time.Millisecond)}
		g := groupcommit.New(s.call, groupcommit.Options[int]{
			MaxCalls: 1, MaxItems: 4, Timeout: time.Minute,
			Key: func(item int) string { return fmt.Sprint(item < 0) },
		})
		var wg sync.WaitGroup
		ask := func(item int) {
			wg.Go(func() {
				if _, err := g.Do(t.Context(), item); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		for item := range 1000 {
			ask(item)
		}
		ask(-1)
		time.Sleep(2500 * time.Microsecond) // the third call is out
		ask(-2)
		wg.Wait()
		if got, want := fmt.Sprint(s.calls[:4]), "[[0] [1 -1 2 3] [4 5 6 7] [8 -2 9 10]]"; got != want {
			t.Errorf("the calls began %v, want %v", got, want)
		}
	})
}

// A caller that leaves before its call began is in none, and its place goes to
// the next one.
func TestWhoLeftIsNotCalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{takes: always(time.Second)}
		g := groupcommit.New(s.call, groupcommit.Options[int]{MaxCalls: 1, MaxItems: 1, Timeout: time.Minute})
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = g.Do(t.Context(), 0) })
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		wg.Go(func() {
			if _, err := g.Do(ctx, 1); err != context.Canceled {
				t.Errorf("Do = %v", err)
			}
		})
		synctest.Wait()
		wg.Go(func() { _, _ = g.Do(t.Context(), 2) })
		synctest.Wait()
		cancel()
		wg.Wait()
		if got := fmt.Sprint(s.calls); got != "[[0] [2]]" {
			t.Errorf("the calls were %v", got)
		}
		if _, err := g.Do(ctx, 3); err != context.Canceled || len(s.calls) != 2 {
			t.Errorf("a caller whose context had ended: %v", err)
		}
	})
}

// A caller with little time leaves at its own deadline, and the slow call goes
// on for the others that are in it.
func TestShortDeadlinesBesideALongOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{takes: always(300 * time.Millisecond)}
		g := groupcommit.New(s.call, groupcommit.Options[int]{MaxCalls: 1})
		var wg sync.WaitGroup
		for item := range 64 {
			wg.Go(func() {
				ctx := t.Context()
				if item > 0 {
					short, cancel := context.WithTimeout(ctx, time.Duration(item)*time.Millisecond)
					defer cancel()
					ctx = short
				}
				began := time.Now()
				got, err := g.Do(ctx, item)
				waited := time.Since(began)
				if item == 0 && (got != "0" || err != nil) {
					t.Errorf("the patient caller got %q, %v", got, err)
				}
				if item > 0 && (err == nil || waited != time.Duration(item)*time.Millisecond) {
					t.Errorf("the caller of %d ms got %q, %v after %v", item, got, err, waited)
				}
			})
			synctest.Wait()
		}
		wg.Wait()
	})
}

// A call that does not return is given up at its deadline. Others then have its
// place, and what it still returns reaches nobody.
func TestCallThatDoesNotReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var calls atomic.Int64
		stuck := func(_ context.Context, items []int, outs []string) error {
			if calls.Add(1) == 1 {
				<-release
			}
			for i := range items {
				outs[i] = "answer"
			}
			return nil
		}
		var ends []error
		g := groupcommit.New(stuck, groupcommit.Options[int]{
			MaxCalls: 1, Timeout: 50 * time.Millisecond, Breaker: breaker{done: func(err error) { ends = append(ends, err) }},
		})
		var wg sync.WaitGroup
		began := time.Now()
		wg.Go(func() {
			if got, err := g.Do(t.Context(), 1); got != "" || !errors.Is(err, groupcommit.ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Do = %q, %v", got, err)
			}
		})
		wg.Go(func() {
			time.Sleep(10 * time.Millisecond)
			got, err := g.Do(t.Context(), 2)
			if got != "answer" || err != nil || time.Since(began) != 50*time.Millisecond {
				t.Errorf("who waited behind it got %q, %v after %v", got, err, time.Since(began))
			}
		})
		wg.Wait()
		close(release)
		synctest.Wait()
		if got, err := g.Do(t.Context(), 3); got != "answer" || err != nil {
			t.Errorf("afterwards: %q, %v", got, err)
		}
		if len(ends) != 3 || !errors.Is(ends[0], groupcommit.ErrTimeout) || ends[1] != nil || ends[2] != nil {
			t.Errorf("the breaker was told %v", ends)
		}
	})
}

type breaker struct {
	done   func(error)
	refuse error
}

func (b breaker) Allow() (func(error), error) { return b.done, b.refuse }

// Where the breaker lets no call begin, everybody is told its error.
func TestBreakerRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := errors.New("down")
		s := &server{takes: always(0)}
		g := groupcommit.New(s.call, groupcommit.Options[int]{Breaker: breaker{refuse: down}})
		for range 3 {
			if _, err := g.Do(t.Context(), 1); err != down {
				t.Errorf("Do = %v", err)
			}
		}
		if len(s.calls) != 0 {
			t.Errorf("it was called: %v", s.calls)
		}
	})
}

// A panic of the call reaches each of its callers as an error with its stack,
// and nothing of it stays.
func TestPanicBecomesAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := true
		g := groupcommit.New(func(_ context.Context, _ []int, outs []string) error {
			if first {
				first = false
				panic("a hook of the host")
			}
			outs[0] = "answer"
			return nil
		}, groupcommit.Options[int]{})
		if _, err := g.Do(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "a hook of the host") ||
			!strings.Contains(err.Error(), "TestPanicBecomesAnError") {
			t.Errorf("Do = %v, want the panic and its stack", err)
		}
		if got, err := g.Do(t.Context(), 2); got != "answer" || err != nil {
			t.Errorf("afterwards: %q, %v", got, err)
		}
	})
}

type key struct{}

// A call has the values of its first caller, for tracing, and does not end with
// it.
func TestContextOfACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 1)
		g := groupcommit.New(func(ctx context.Context, _ []int, outs []string) error {
			outs[0] = fmt.Sprint(ctx.Value(key{}))
			time.Sleep(20 * time.Millisecond)
			ended <- ctx.Err()
			return nil
		}, groupcommit.Options[int]{})
		ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), key{}, "value"), 10*time.Millisecond)
		defer cancel()
		if _, err := g.Do(ctx, 1); err != context.DeadlineExceeded {
			t.Errorf("Do = %v", err)
		}
		if err := <-ended; err != nil {
			t.Errorf("the call ended with its caller: %v", err)
		}
		if got, err := g.Do(context.WithValue(t.Context(), key{}, "other"), 1); got != "other" || err != nil {
			t.Errorf("Do = %q, %v", got, err)
		}
	})
}

// Real goroutines on a real clock: 10^5 items (a million in the long form of
// redisstore's test) by 64 callers, of which every tenth gives up at once.
// Nobody is forgotten, and no goroutine stays.
func TestManyCallersThatGiveUp(t *testing.T) {
	g := groupcommit.New(func(_ context.Context, items []int, outs []int) error {
		for i, item := range items {
			outs[i] = -item
		}
		return nil
	}, groupcommit.Options[int]{MaxItems: 16, Timeout: time.Minute})
	before := runtime.NumGoroutine()
	var wg sync.WaitGroup
	var answers atomic.Int64
	for caller := range 64 {
		wg.Go(func() {
			for i := caller; i < 100_000; i += 64 {
				ctx := t.Context()
				if i%10 == 0 {
					short, cancel := context.WithTimeout(ctx, time.Microsecond)
					defer cancel()
					ctx = short
				}
				got, err := g.Do(ctx, i)
				switch {
				case err == nil && got == -i:
					answers.Add(1)
				case i%10 == 0 && err == context.DeadlineExceeded:
				default:
					t.Errorf("item %d: %d, %v", i, got, err)
				}
			}
		})
	}
	wg.Wait()
	if answers.Load() < 90_000 {
		t.Errorf("%d answers, want at least 90,000", answers.Load())
	}
	for range 1000 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

// New refuses what cannot work.
func TestOptionsAreChecked(t *testing.T) {
	call := func(context.Context, []int, []int) error { return nil }
	for name, make := range map[string]func(){
		"no call":          func() { groupcommit.New[int, int](nil, groupcommit.Options[int]{}) },
		"negative calls":   func() { groupcommit.New(call, groupcommit.Options[int]{MaxCalls: -1}) },
		"negative items":   func() { groupcommit.New(call, groupcommit.Options[int]{MaxItems: -1}) },
		"negative waiting": func() { groupcommit.New(call, groupcommit.Options[int]{Timeout: -1}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("New did not panic")
				}
			}()
			make()
		})
	}
}
