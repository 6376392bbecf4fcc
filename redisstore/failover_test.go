package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/recoverytest"
	"github.com/seed-51359b35/recovery/redisstore"
)

// outage calls f until it is told to stop, counts the successes, and returns the
// longest time between two of them.
func outage(stop <-chan struct{}, served *atomic.Int64, f func() error) time.Duration {
	var longest time.Duration
	last := time.Now()
	for {
		select {
		case <-stop:
			return max(longest, time.Since(last))
		default:
		}
		if f() == nil {
			longest, last = max(longest, time.Since(last)), time.Now()
			served.Add(1)
		}
		time.Sleep(time.Millisecond)
	}
}

// R3: a failover costs no more with this package than a bare client in the
// same run, and nothing hangs on the old master afterwards.
func TestSentinelFailover(t *testing.T) {
	for _, way := range []string{"killed", "frozen"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel() // with each other alone
			sentinel := redistest.StartSentinel(t)
			bare := sentinel.FailoverClient(t)
			budget := testenv.Patience(250 * time.Millisecond)
			var ours [2]*redisstore.Store
			for i := range ours {
				ours[i] = newStore(t, sentinel.FailoverClient(t), func(o *redisstore.Options) { o.Timeout = budget })
				works(t, ours[i])
			}
			stop := make(chan struct{})
			var times [3]time.Duration
			var served [3]atomic.Int64
			late := testenv.Lateness(t)
			var wg sync.WaitGroup
			wg.Go(func() {
				times[2] = outage(stop, &served[2], func() error {
					return bare.Eval(context.Background(), "return redis.call('SET', KEYS[1], 1, 'PX', 1000)", []string{"bare"}).Err()
				})
			})
			for i := range ours {
				wg.Go(func() {
					times[i] = outage(stop, &served[i], func() error {
						_, err := ours[i].Put(context.Background(), fresh("slot"), link("digest"))
						return err
					})
				})
			}
			testenv.Eventually(t, 10*time.Second, "all three have begun", func() bool {
				return served[0].Load() > 0 && served[1].Load() > 0 && served[2].Load() > 0
			})
			var old *redistest.Server
			if way == "killed" {
				old = sentinel.KillMaster(t)
			} else {
				old = sentinel.FreezeMaster(t)
			}
			sentinel.WaitPromotion(t, old)
			for i := range ours {
				works(t, ours[i])
			}
			testenv.Eventually(t, 20*time.Second, "the bare client works again", func() bool {
				return bare.Ping(t.Context()).Err() == nil
			})
			close(stop)
			wg.Wait()
			margin := 3 * late()
			for i := range ours {
				t.Logf("store %d: %v, a bare client %v", i, times[i], times[2])
				// The breaker asks ten times a second, and no call is waited
				// for longer than the budget.
				if most := times[2]*11/10 + budget + testenv.Patience(150*time.Millisecond) + margin; times[i] > most {
					t.Errorf("store %d: an outage of %v, want at most %v", i, times[i], most)
				}
			}
			// Nothing is stuck: 64 callers at once are served.
			for i := range ours {
				testenv.Steady(t, budget/4, func() error {
					works(t, ours[i]) // a try before may have opened the breaker
					var failed atomic.Int64
					for range 64 {
						wg.Go(func() {
							if _, err := ours[i].Put(context.Background(), fresh("slot"), link("digest")); err != nil {
								failed.Add(1)
							}
						})
					}
					wg.Wait()
					if n := failed.Load(); n > 0 {
						return fmt.Errorf("store %d: %d of 64 calls failed after the failover", i, n)
					}
					return nil
				})
			}
		})
	}
}

// R4: the link to the replica stalls, claims go on, and the replica takes
// over. With Replicas no claim that was acknowledged is lost; without, they
// are, which shows that this test can fail.
func TestPromotionBehindAStalledLink(t *testing.T) {
	t.Parallel()
	for _, replicas := range []int{1, 0} {
		t.Run("Replicas="+strconv.Itoa(replicas), func(t *testing.T) {
			t.Parallel()
			late := testenv.Lateness(t)
			budget := testenv.Patience(time.Second)
			r := redistest.StartMasterReplica(t, 1)
			edit := func(o *redisstore.Options) {
				o.Timeout, o.Replicas = budget, replicas
			}
			s := newStore(t, r.Master.Client(t), edit)
			const tokens = 400
			refs := make([]recovery.TokenRef, tokens)
			for i := range refs {
				refs[i] = put(t, s)
			}
			r.WaitSync(t)
			var acknowledged, tooFew, unanswered atomic.Int64
			won := make([]bool, tokens)
			var wg sync.WaitGroup
			var next atomic.Int64
			const callers = 8
			for range callers {
				wg.Go(func() {
					for i := next.Add(1) - 1; i < tokens; i = next.Add(1) - 1 {
						if i == tokens/2 {
							r.Stall(0)
						}
						_, err := s.Claim(context.Background(), "id", refs[i])
						won[i] = err == nil
						switch {
						case err == nil:
							acknowledged.Add(1)
						case errors.Is(err, redisstore.ErrTooFewReplicas):
							tooFew.Add(1)
							return // each takes its budget
						case errors.Is(err, context.DeadlineExceeded), errors.Is(err, redisstore.ErrDown):
							// Once the link stalls, a claim may spend its budget
							// behind those that wait for the replica.
							if i < tokens/2-callers {
								unanswered.Add(1)
							}
						default:
							t.Errorf("Claim: %v", err)
						}
					}
				})
			}
			wg.Wait()
			if n := unanswered.Load(); n > 0 && late() < budget/4 {
				t.Errorf("%d claims were not answered in time on a machine that did not stall", n)
			}
			promoted := r.Promote(t, 0)
			r.Master.Kill()
			after := newStore(t, promoted.Client(t), func(o *redisstore.Options) { o.Timeout = time.Minute })
			lost := 0
			for i, ref := range refs {
				if !won[i] {
					continue
				}
				if _, err := after.Claim(t.Context(), "other", ref); err == nil {
					lost++
				}
			}
			t.Logf("%d claims acknowledged, %d with too few replicas, %d lost", acknowledged.Load(), tooFew.Load(), lost)
			if replicas == 1 && (lost > 0 || tooFew.Load() == 0 || acknowledged.Load() == 0) {
				t.Error("want none lost, some acknowledged, and some refused")
			}
			if replicas == 0 && lost == 0 {
				t.Error("nothing was lost without replicas, so this test proves nothing")
			}
		})
	}
}

// A91: a token that was used comes back, by a failover or a restored backup,
// and is dead, because the password that it was made for is gone.
func TestRestoredTokenIsDead(t *testing.T) {
	server := redistest.Start(t)
	client := server.Client(t)
	s := newStore(t, client, nil)
	leads, outbox := recoverytest.NewLeads(), &recoverytest.Outbox{}
	leads.AddEmail("jane@example.com", "old")
	service := newService(t, leads, s, outbox, s)
	ctx := t.Context()
	forgot(t, service, "jane@example.com")
	message, err := outbox.Next(ctx)
	must(t, err)
	snapshot := map[string]string{}
	for _, key := range keys(t, client) {
		snapshot[key] = client.Dump(ctx, key).Val()
	}
	reset := func() error {
		return resetWith(service, message, "correct horse battery staple")
	}
	must(t, reset())
	if err := reset(); !errors.Is(err, recovery.ErrInvalidProof) {
		t.Fatalf("a second reset: %v", err)
	}
	must(t, client.FlushDB(ctx).Err()) // a server of this test alone
	for key, value := range snapshot {
		must(t, client.RestoreReplace(ctx, key, time.Hour, value).Err())
	}
	writes := leads.Writes()
	if err := reset(); !errors.Is(err, recovery.ErrInvalidProof) || leads.Writes() != writes {
		t.Errorf("a restored token: %v, %d writes", err, leads.Writes()-writes)
	}
}

func keys(t testing.TB, client *redis.Client) []string {
	t.Helper()
	var all []string
	iter := client.Scan(context.Background(), 0, "*", 1000).Iterator()
	for iter.Next(context.Background()) {
		all = append(all, iter.Val())
	}
	must(t, iter.Err())
	return all
}
