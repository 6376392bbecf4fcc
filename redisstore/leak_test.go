package redisstore_test

import (
	"context"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/redisstore"
)

// H7: very many keys, in the long form a million, come and go, and leave
// nothing: in Redis, or here.
func TestKeysComeAndGo(t *testing.T) {
	server := redistest.Start(t)
	client := server.Client(t)
	// A small cache of denials leaves room for a small bound on the heap.
	denials, allowedHeap := size(1_000, 0, 0), size(4<<20, 24<<20, 24<<20)
	s := newStore(t, client, func(o *redisstore.Options) { o.DenialCache = denials })
	works(t, s)
	tier := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 1, Window: 500 * time.Millisecond}}}
	burst := func(n int) {
		var wg sync.WaitGroup
		prefix := fresh("leak") + ":"
		for w := range 64 {
			wg.Go(func() {
				for i := w; i < n; i += 64 {
					key := prefix + strconv.Itoa(i)
					if i%10 == 0 {
						spec := link("digest")
						spec.TTL = 500 * time.Millisecond
						if _, err := s.Put(context.Background(), key, spec); err != nil {
							t.Error(err)
						}
						continue
					}
					for range 1 + i%2 { // half of them are denied once
						if _, err := s.Allow(context.Background(), recovery.LimitRequest{Key: key, Policy: tier}); err != nil {
							t.Error(err)
						}
					}
				}
			})
		}
		wg.Wait()
	}
	burst(2_000) // what stays once is there: connections, scripts, buffers
	empty(t, client)
	usedBefore, heapBefore, goroutines := used(t, client), heap(), runtime.NumGoroutine()
	burst(size(40_000, 1_000_000, 100_000))
	empty(t, client)
	allowed := max(usedBefore/10, 2<<20)
	deadline := testenv.Within(20 * time.Second)
	for used(t, client) > usedBefore+allowed && !deadline.Over() {
		time.Sleep(50 * time.Millisecond) // tables shrink bit by bit
	}
	usedAfter, heapAfter := used(t, client), heap()
	t.Logf("Redis %d to %d bytes, heap %d to %d, goroutines %d to %d",
		usedBefore, usedAfter, heapBefore, heapAfter, goroutines, runtime.NumGoroutine())
	if usedAfter > usedBefore+allowed {
		t.Errorf("Redis holds %d bytes more", usedAfter-usedBefore)
	}
	// The cache of denials may be full: 65,536 keys in the long form.
	if heapAfter > heapBefore+allowedHeap {
		t.Errorf("the heap holds %d bytes more", heapAfter-heapBefore)
	}
	testenv.Eventually(t, 5*time.Second, "at most 20 goroutines more than before", func() bool {
		return runtime.NumGoroutine() <= goroutines+20
	})
}

// empty waits until every key has expired.
func empty(t *testing.T, client *redis.Client) {
	t.Helper()
	deadline := testenv.Within(30 * time.Second)
	for client.DBSize(t.Context()).Val() > 10 { // those of works live for minutes
		if deadline.Over() {
			t.Fatalf("%d keys are left", client.DBSize(t.Context()).Val())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func used(t *testing.T, client *redis.Client) int {
	t.Helper()
	info, err := client.Info(t.Context(), "memory").Result()
	must(t, err)
	for line := range strings.Lines(info) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "used_memory:"); ok {
			n, err := strconv.Atoi(v)
			must(t, err)
			return n
		}
	}
	t.Fatal("no used_memory")
	return 0
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
