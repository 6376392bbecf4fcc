package recovery_test

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
)

// The bytes that a client address takes in a MemoryLimiter, as "Operating" in the
// package's documentation says: so many, and so many more for each of its
// requests that still counts.
const (
	bytesOfClient  = 240
	bytesOfRequest = 18
)

// floodAddress returns the n-th address of a flood of both families. Every even n
// is an IPv4 address, and every odd one a /64, from which each call takes another
// address.
func floodAddress(n int) netip.Addr {
	if n%2 == 0 {
		return addressOf(n)
	}
	var b [16]byte
	binary.BigEndian.PutUint32(b[:], 0x20010db8)
	binary.BigEndian.PutUint32(b[4:], uint32(n))
	binary.BigEndian.PutUint64(b[8:], rand.Uint64())
	return netip.AddrFrom16(b)
}

// A95: a million requests for invented identifiers from a hundred thousand
// addresses, with all defaults, take no more memory than "Operating" says.
func TestFloodGrowsOnlyItsOwnCounters_A95(t *testing.T) {
	requests := 100_000
	switch {
	case raceDetector:
		requests = 20_000
	case testenv.Long():
		requests = 1_000_000
	}
	const each = 10
	addresses := requests / each
	synctest.Test(t, func(t *testing.T) {
		queue := recovery.NewMemoryQueue(recovery.MemoryQueueOptions{})
		p := newPortal(t, func(p *portal, o *recovery.Options) {
			p.tokens, p.users = recovery.NewMemoryTokenStore(), newNewcomers(0)
			o.Queue, o.DeliveryQueue = queue, recovery.NewMemoryQueue(recovery.MemoryQueueOptions{})
			o.Limits, o.Limiter, o.Logger, o.Events = recovery.Limits{}, nil, quiet, nil
		})
		// What the first requests make is not the flood's.
		if _, err := p.ForgotPassword(t.Context(), byMail("first@example.com")); err != nil {
			t.Fatal(err)
		}
		settle()
		before, full := heap(), int64(0)
		refused := 0
		for i := range requests {
			if queue.Stats().Waiting > 4000 {
				if full == 0 {
					full = heap() - before
				}
				time.Sleep(300 * time.Millisecond)
			}
			req := byMail("invented" + strconv.Itoa(i) + "@example.com")
			req.Requester.Client = floodAddress(i % addresses)
			if _, err := p.ForgotPassword(t.Context(), req); err != nil {
				if admitted(t, err) {
					t.Fatal(err)
				}
				refused++
			}
		}
		settle()
		after := heap() - before
		most := int64(addresses) * (bytesOfClient + each*bytesOfRequest)
		t.Logf("%d requests from %d addresses leave %d KiB: %d bytes for each address; %d requests met a shared window; %d KiB with the first 4,000 jobs in the queue",
			requests, addresses, after>>10, after/int64(addresses), refused, full>>10)
		if after > most {
			t.Errorf("%d bytes are left, want at most %d", after, most)
		}
		runtime.KeepAlive(p)
	})
}

// The most that one address takes: 50 requests count, and its log has grown while
// others left it.
func TestBytesOfAClientInMemory_A95(t *testing.T) {
	const clients = 4000
	synctest.Test(t, func(t *testing.T) {
		policy := recovery.DefaultLimits().ClientForgot
		before := heap()
		l := recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{})
		spend := func(calls int) {
			for range calls {
				for i := range clients {
					if !ask(t, l, "recovery:l:client:aaaaaaaaaaaaaaaa"+strconv.Itoa(100000+i), policy, "").Allowed {
						t.Fatal("refused")
					}
				}
			}
		}
		spend(15)
		time.Sleep(10 * time.Minute)
		spend(15)
		time.Sleep(10 * time.Minute)
		spend(20)
		usual := (heap() - before) / clients
		time.Sleep(3*time.Hour - 20*time.Minute) // the first 15 leave
		spend(15)
		most := (heap() - before) / clients
		t.Logf("with 50 requests: %d bytes, and %d at most", usual, most)
		if want := int64(bytesOfClient + 50*bytesOfRequest); usual > want || most > want {
			t.Errorf("want at most %d bytes", want)
		}
		runtime.KeepAlive(l)
	})
}
