package redisstore_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// The bytes that a client address takes of Redis' memory, as the documentation of
// package recovery says: so many, and so many more for each of its requests that
// counts. And the bytes that this process keeps of one that was refused.
const (
	bytesOfClient  = 240
	bytesOfRequest = 5
	bytesOfDenial  = 400
)

// The figures that the tests below hold are those of the documentation.
func TestDocumentedBytes_A95(t *testing.T) {
	doc, err := os.ReadFile("../doc.go")
	must(t, err)
	for _, want := range []string{
		fmt.Sprintf("asks            %d + %d a request", bytesOfClient, bytesOfRequest),
		fmt.Sprintf("was refused     %d ", bytesOfDenial),
		fmt.Sprintf("or %d of Redis", bytesOfClient+50*bytesOfRequest),
	} {
		if !strings.Contains(string(doc), want) {
			t.Errorf("doc.go does not say %q", want)
		}
	}
}

// floodAddress returns the n-th address of a flood of both families: an IPv4
// address, or one of a /64.
func floodAddress(n int) netip.Addr {
	if n%2 == 0 {
		return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
	}
	var b [16]byte
	binary.BigEndian.PutUint32(b[:], 0x20010db8)
	binary.BigEndian.PutUint32(b[4:], uint32(n))
	return netip.AddrFrom16(b)
}

// A flood is a Service with all defaults, whose limits are on Redis, and strangers
// who ask it for invented identifiers.
type flood struct {
	*recovery.Service
	queue *recovery.MemoryQueue
	asked atomic.Int64
}

func newFlood(t *testing.T, client *redis.Client) *flood {
	t.Helper()
	f := &flood{queue: recovery.NewMemoryQueue(recovery.MemoryQueueOptions{})}
	store := newStore(t, client, nil)
	service, err := recovery.New(recoverytest.NewLeads(), store, &recoverytest.Outbox{}, recovery.Options{
		Keys:                    [][]byte{testenv.Key("k")},
		Link:                    recovery.Link{URL: "https://portal.example.com/reset"},
		DangerouslyKeepSessions: true,
		Limiter:                 store,
		Queue:                   f.queue,
		DeliveryQueue:           recovery.NewMemoryQueue(recovery.MemoryQueueOptions{}),
		Logger:                  slog.New(slog.DiscardHandler),
	})
	must(t, err)
	f.Service = service
	t.Cleanup(func() { _ = service.Shutdown(context.Background()) })
	f.ask(t, 64, 1) // connections and scripts are there
	must(t, client.FlushAll(t.Context()).Err())
	return f
}

// ask has each address ask so many times. It returns how many requests were
// refused, when the work after all answers is done.
func (f *flood) ask(t *testing.T, addresses, times int) (refused int64) {
	t.Helper()
	const callers = 64
	var over atomic.Int64
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			for n := caller; n < addresses*times; n += callers {
				for f.queue.Stats().Waiting > 3500 {
					time.Sleep(10 * time.Millisecond)
				}
				_, err := f.ForgotPassword(context.Background(), recovery.ForgotRequest{
					Key:       email("invented" + strconv.FormatInt(f.asked.Add(1), 10) + "@example.com"),
					Requester: recovery.Requester{Client: floodAddress(n % addresses)},
				})
				var limit *recovery.RateLimitError
				if errors.As(err, &limit) {
					over.Add(1)
				} else if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	for s := f.queue.Stats(); s.Waiting+s.Running > 0; s = f.queue.Stats() {
		time.Sleep(10 * time.Millisecond)
	}
	return over.Load()
}

// A95: a million requests for invented identifiers from a hundred thousand
// addresses leave one key for each address, for three hours, and no more bytes
// than are documented.
func TestFloodGrowsOnlyItsOwnCounters_A95(t *testing.T) {
	client := redistest.Start(t).Client(t)
	f := newFlood(t, client)
	const each = 10
	addresses := size(5_000, 100_000, 5_000)
	before, began := used(t, client), time.Now()
	if n := f.ask(t, addresses, each); n > 0 {
		t.Errorf("%d requests were over a limit", n)
	}
	took := time.Since(began)
	all, err := client.DBSize(t.Context()).Result()
	must(t, err)
	grown := used(t, client) - before
	t.Logf("%d requests from %d addresses in %v leave %d keys and %d KiB, %d bytes for each address",
		addresses*each, addresses, took.Round(time.Millisecond), all, grown>>10, grown/addresses)
	if all != int64(addresses) {
		t.Errorf("%d keys are left, want one for each of %d addresses", all, addresses)
	}
	if most := addresses * (bytesOfClient + each*bytesOfRequest); grown > most {
		t.Errorf("Redis uses %d bytes more, want at most %d", grown, most)
	}
	for range 100 {
		key, err := client.RandomKey(t.Context()).Result()
		must(t, err)
		if ttl := client.PTTL(t.Context(), key).Val(); ttl <= 0 || ttl > 3*time.Hour+time.Second {
			t.Fatalf("the key %s lives %v, want at most 3 h", key, ttl)
		}
	}
}

// A59, A95: addresses that go on after they were refused have a key each as
// before, and this process keeps a bounded number of bytes of each.
func TestFloodOfRefusals_A95(t *testing.T) {
	client := redistest.Start(t).Client(t)
	f := newFlood(t, client)
	const quota, more = 30, 3
	addresses := size(1_000, 5_000, 1_000)
	usedBefore, heapBefore := used(t, client), heap()
	if n := f.ask(t, addresses, quota+more); n != int64(addresses*more) {
		t.Errorf("%d requests were refused, want %d for each of %d addresses", n, more, addresses)
	}
	usedAfter, heapAfter := used(t, client), heap()
	t.Logf("%d addresses that are refused: %d bytes of Redis and %d of this process for each",
		addresses, (usedAfter-usedBefore)/addresses, (heapAfter-heapBefore)/addresses)
	if most := addresses * (bytesOfClient + quota*bytesOfRequest); usedAfter-usedBefore > most {
		t.Errorf("Redis uses %d bytes more, want at most %d", usedAfter-usedBefore, most)
	}
	if most := addresses * bytesOfDenial; heapAfter-heapBefore > most {
		t.Errorf("the heap holds %d bytes more, want at most %d", heapAfter-heapBefore, most)
	}
	runtime.KeepAlive(f)
}

// The most that one address takes: 50 requests count.
func TestBytesOfAClientOnRedis_A95(t *testing.T) {
	client := redistest.Start(t).Client(t)
	s := newStore(t, client, nil)
	// The default limits without the 30 in 10 min, which would take that long. The
	// log is the same.
	policy := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 50, Window: 3 * time.Hour}}}
	const addresses, together = 5000, 50
	spend := func(times int) {
		for n := range times * addresses / together {
			requests := make([]recovery.LimitRequest, together)
			for i := range requests {
				name := "recovery:l:client:aaaaaaaaaaaaaaaa" + strconv.Itoa(100_000+(n*together+i)%addresses)
				requests[i] = recovery.LimitRequest{Key: name, Policy: policy}
			}
			_, err := s.Allow(t.Context(), requests...)
			must(t, err)
		}
	}
	spend(1) // connections and scripts are there
	must(t, client.FlushAll(t.Context()).Err())
	before := used(t, client)
	spend(50)
	each := (used(t, client) - before) / addresses
	t.Logf("with 50 requests: %d bytes", each)
	if want := bytesOfClient + 50*bytesOfRequest; each > want {
		t.Errorf("%d bytes, want at most %d", each, want)
	}
}
