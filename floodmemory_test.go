package recovery_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
)

// The bytes that strangers can make grow, as the package's documentation says: of
// a client address in a MemoryLimiter, and of each of its requests that counts; of
// an address that shows secrets, and of each secret; of a job in the queue.
const (
	bytesOfClient  = 240
	bytesOfRequest = 18
	bytesOfShower  = 250
	bytesOfSecret  = 100
	bytesOfJob     = 2000
)

// The figures that the tests below hold are those of the documentation.
func TestDocumentedBytes_A95(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		fmt.Sprintf("asks            %d + %d a request", bytesOfClient, bytesOfRequest),
		fmt.Sprintf("shows one       %d + %d a secret", bytesOfShower, bytesOfSecret),
		"after its answer     2,000 ", // bytesOfJob
		"1,140 bytes of memory",       // bytesOfClient + 50*bytesOfRequest
	} {
		if !bytes.Contains(doc, []byte(want)) {
			t.Errorf("doc.go does not say %q", want)
		}
	}
}

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
// addresses, with all defaults, take no more memory than is documented.
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
		if full > 4001*bytesOfJob {
			t.Errorf("4,001 jobs take %d bytes, want at most %d each", full, bytesOfJob)
		}
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

// A59, A80: an address that shows as many wrong secrets as it may.
func TestBytesOfSecrets_A95(t *testing.T) {
	const clients, secrets = 4000, 25
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, func(_ *portal, o *recovery.Options) { o.Logger, o.Events = quiet, nil })
		before := heap()
		for i := range secrets {
			for n := range clients {
				_, err := p.AllowSecret(t.Context(), recovery.Requester{Client: floodAddress(n)}, recovery.NewSecret("guess "+strconv.Itoa(i)))
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		each := (heap() - before) / clients
		t.Logf("with %d secrets: %d bytes", secrets, each)
		if want := int64(bytesOfShower + secrets*bytesOfSecret); each > want {
			t.Errorf("want at most %d bytes", want)
		}
		runtime.KeepAlive(p)
	})
}
