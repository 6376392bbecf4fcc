package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/recoverytest"
	"github.com/seed-51359b35/recovery/redisstore"
)

// A guessing is a Service whose tokens are in Redis. Its limits are not, and
// stop nobody.
type guessing struct {
	*recovery.Service
	leads  *indexedLeads
	outbox *recoverytest.Outbox
	handle string // of whoever asks for codes and guesses
}

func newGuessing(t *testing.T, s *redisstore.Store) guessing {
	leads, outbox := &indexedLeads{leads: map[string]recovery.Lead{}}, &recoverytest.Outbox{}
	limiter := recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{})
	service := newService(t, leads, s, outbox, limiter)
	handle, err := service.NewHandle()
	must(t, err)
	return guessing{service, leads, outbox, handle}
}

// indexedLeads is a LeadStore that finds everybody and nobody in the same time.
// The ID of a lead is its address.
type indexedLeads struct {
	mu    sync.Mutex
	leads map[string]recovery.Lead
}

func (l *indexedLeads) add(address string, status recovery.LeadStatus) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.leads[address] = recovery.Lead{
		ID: address, Version: "v1", Status: status,
		Fields: map[string]recovery.FieldValue{"EmailAddress": {Value: address, Verified: true}},
	}
}

func (l *indexedLeads) FindLead(_ context.Context, key recovery.LeadKey) (recovery.Lead, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if lead, ok := l.leads[key.Value]; ok {
		return lead, nil
	}
	return recovery.Lead{}, recovery.ErrLeadNotFound
}

func (l *indexedLeads) SetPasswordHash(context.Context, string, string) error {
	return recovery.ErrNotWritten
}

// addWithCodes adds leads that each have a live code.
func (g guessing) addWithCodes(t *testing.T, addresses ...string) {
	t.Helper()
	for _, address := range addresses {
		g.leads.add(address, recovery.StatusActive)
		_, err := g.ForgotPassword(t.Context(), recovery.ForgotRequest{Key: email(address), Code: true, Handle: g.handle, Requester: origin})
		must(t, err)
	}
	_, err := g.outbox.Wait(t.Context(), len(addresses))
	must(t, err)
}

// guess tries a code that is wrong, but once in 10^8 times. Each guess comes
// from another client, so that no limit counts.
func (g guessing) guess(t *testing.T, address string) {
	t.Helper()
	client := rand.Uint32()
	from := recovery.Requester{Client: netip.AddrFrom4([4]byte{11, byte(client >> 16), byte(client >> 8), byte(client)})}
	_, err := g.CheckProof(t.Context(), recovery.CheckProofRequest{
		Proof: recovery.CodeProof(email(address), "12345678").WithHandle(g.handle), Requester: from,
	})
	if !errors.Is(err, recovery.ErrInvalidProof) {
		t.Errorf("a guess at %s: %v, want ErrInvalidProof", address, err)
	}
}

// A97: each ref of a guess costs one write, and no other command that writes,
// whoever the identifier belongs to and whatever became of the code.
func TestGuessesCostOneWrite_A97(t *testing.T) {
	t.Parallel()
	t.Run("standalone", func(t *testing.T) {
		server := redistest.Start(t)
		guessesCostOneWrite(t, server.Client(t), server.Client(t))
	})
	t.Run("Cluster", func(t *testing.T) {
		cluster := redistest.StartCluster(t)
		cluster.Calm(t)
		var masters []*redis.Client
		for _, node := range cluster.Nodes[:3] {
			masters = append(masters, node.Client(t))
		}
		guessesCostOneWrite(t, cluster.Client(t), masters...)
	})
}

func guessesCostOneWrite(t *testing.T, client redis.UniversalClient, masters ...*redis.Client) {
	s := newStore(t, client, nil)
	writing, err := masters[0].CommandList(t.Context(), &redis.FilterBy{ACLCat: "write"}).Result()
	must(t, err)
	costs := func(what string, sets int64, guess func()) {
		t.Helper()
		before := commandCalls(t, masters)
		guess()
		got := commandCalls(t, masters)
		for name, n := range before {
			got[name] -= n
		}
		want := map[string]int64{"get": sets, "set": sets}
		maps.DeleteFunc(got, func(name string, n int64) bool {
			return n == 0 || name != "get" && !strings.Contains(" "+strings.Join(writing, " ")+" ", " "+name+" ")
		})
		if !maps.Equal(got, want) {
			t.Errorf("%s: commands %v, want %v", what, got, want)
		}
	}

	g := newGuessing(t, s)
	g.addWithCodes(t, "code@example.com", "dead@example.com", "revoked@example.com", "disabled@example.com")
	g.leads.add("none@example.com", recovery.StatusActive)
	g.leads.add("disabled@example.com", recovery.StatusDisabled)
	must(t, g.RevokeTokens(t.Context(), "revoked@example.com"))
	for range 5 {
		g.guess(t, "dead@example.com")
	}
	for _, who := range []string{"code", "dead", "revoked", "disabled", "none", "nobody"} {
		for range 2 {
			// Of everybody, of known devices, and of a version without handles.
			costs(who, 3, func() { g.guess(t, who+"@example.com") })
		}
	}

	for name, prepare := range slotStates(t, s) {
		for _, digest := range []string{"right", "wrong"} {
			ref := recovery.TokenRef{Slot: prepare(), Digest: strings.Repeat(digest[:1], 43), Code: true}
			costs(name+", Peek, "+digest, 1, func() { _, _ = s.Peek(t.Context(), ref) })
			ref.Slot = prepare()
			costs(name+", Claim, "+digest, 1, func() { _, _ = s.Claim(t.Context(), "barred", ref) })
			other := recovery.TokenRef{Slot: prepare(), Digest: ref.Digest, Code: true}
			costs(name+", under two keys, "+digest, 2, func() { _, _ = s.Peek(t.Context(), ref, other) })
			if n, err := client.StrLen(t.Context(), other.Slot).Result(); err != nil || n < 100 || n > 180 {
				t.Errorf("%s: the record has %d bytes, %v, want about as many as one with a code", name, n, err)
			}
			if ttl, err := client.PTTL(t.Context(), other.Slot).Result(); err != nil || ttl <= 0 || name == "nothing" && ttl > time.Minute {
				t.Errorf("%s: the record is kept for %v, %v", name, ttl, err)
			}
		}
	}
}

// slotStates are what becomes of a code. Each makes a new slot, in which the
// code has a digest of 43 times "r", as long as one of a Service.
func slotStates(t *testing.T, s *redisstore.Store) map[string]func() string {
	digest := strings.Repeat("r", 43)
	with := func(edit func(*recovery.TokenSpec), then func(slot string, ref recovery.TokenRef)) func() string {
		return func() string {
			slot := fresh("slot")
			spec := recovery.TokenSpec{
				Digest: digest, State: strings.Repeat("s", 43), TTL: 10 * time.Minute,
				MaxLive: 1, Code: true, MaxTries: 5, MaxFailures: 20, FailureWindow: 24 * time.Hour,
			}
			if edit != nil {
				edit(&spec)
			}
			_, err := s.Put(t.Context(), slot, spec)
			must(t, err)
			then(slot, recovery.TokenRef{Slot: slot, Digest: digest})
			return slot
		}
	}
	wrong := func(slot string, _ recovery.TokenRef) {
		if _, err := s.Peek(t.Context(), recovery.TokenRef{Slot: slot, Digest: "wrong"}); !errors.Is(err, recovery.ErrTokenNotFound) {
			t.Errorf("a wrong guess: %v", err)
		}
	}
	return map[string]func() string{
		"nothing":     func() string { return fresh("slot") },
		"a live code": with(nil, func(string, recovery.TokenRef) {}),
		"a live code of another handle": with(func(spec *recovery.TokenSpec) { spec.Handle = strings.Repeat("h", 22) },
			func(string, recovery.TokenRef) {}),
		"an expired code": with(func(spec *recovery.TokenSpec) { spec.TTL = 50 * time.Millisecond }, func(slot string, ref recovery.TokenRef) {
			wrong(slot, ref) // the failure outlives the code
			testenv.Eventually(t, 5*time.Second, "the code has expired", func() bool {
				_, err := s.Peek(t.Context(), ref)
				return errors.Is(err, recovery.ErrTokenNotFound)
			})
		}),
		"a claimed code": with(nil, func(_ string, ref recovery.TokenRef) {
			_, err := s.Claim(t.Context(), "another", ref)
			must(t, err)
		}),
		"a barred claim": with(nil, func(_ string, ref recovery.TokenRef) {
			must(t, s.Release(t.Context(), "barred", ref))
		}),
		"a deleted code":      with(nil, func(slot string, _ recovery.TokenRef) { must(t, s.Delete(t.Context(), slot)) }),
		"no tries left":       with(func(spec *recovery.TokenSpec) { spec.MaxTries = 1 }, wrong),
		"too many failures":   with(func(spec *recovery.TokenSpec) { spec.MaxFailures = 1 }, wrong),
		"a link and no codes": with(func(spec *recovery.TokenSpec) { spec.Code = false }, func(string, recovery.TokenRef) {}),
	}
}

// commandCalls returns how often the servers have run each command, also for
// scripts.
func commandCalls(t *testing.T, servers []*redis.Client) map[string]int64 {
	t.Helper()
	calls := map[string]int64{}
	for _, server := range servers {
		info, err := server.Info(t.Context(), "commandstats").Result()
		must(t, err)
		for line := range strings.Lines(info) {
			name, rest, found := strings.Cut(strings.TrimPrefix(line, "cmdstat_"), ":calls=")
			if !found {
				continue
			}
			number, _, _ := strings.Cut(rest, ",")
			n, err := strconv.ParseInt(number, 10, 64)
			must(t, err)
			calls[name] += n
		}
	}
	return calls
}

// A95, A97: whatever a stranger types, guesses leave no more records than there
// are decoys, and only for a minute. The figures are those of the documentation
// of package recovery.
func TestGuessesLeaveLittle_A95_A97(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := server.Client(t)
	g := newGuessing(t, newStore(t, client, func(o *redisstore.Options) { o.Timeout = time.Minute }))
	used := func() int64 {
		info, err := client.Info(t.Context(), "memory").Result()
		must(t, err)
		_, rest, _ := strings.Cut(info, "used_memory_dataset:")
		text, _, _ := strings.Cut(rest, "\r")
		n, err := strconv.ParseInt(text, 10, 64)
		must(t, err)
		return n
	}
	g.guess(t, "first@example.com") // so that the script is there
	before := used()
	began := time.Now()
	var wg sync.WaitGroup
	for w := range 64 {
		wg.Go(func() {
			for i := w; i < 20_000; i += 64 {
				g.guess(t, fmt.Sprintf("invented%d@example.com", i))
			}
		})
	}
	wg.Wait()
	decoys, held := keys(t, client), used()-before
	// On a machine that took a minute for it, the first ones are gone again.
	if n := len(decoys); n > 8192 || n < 8000 && time.Since(began) < time.Minute {
		t.Errorf("20,000 invented identifiers left %d records, want at most 8,192, and most of them", n)
	}
	var each int64
	for _, key := range decoys {
		ttl, err := client.PTTL(t.Context(), key).Result()
		if must(t, err); ttl == -1 || ttl > time.Minute { // -1: it has none
			t.Fatalf("a record of guesses is kept for %v, want at most 1 min", ttl)
		}
		n, err := client.MemoryUsage(t.Context(), key).Result()
		if err != redis.Nil { // else it has ended since
			must(t, err)
		}
		each = max(each, n)
	}
	t.Logf("%d records of guesses hold %d bytes together, each at most %d", len(decoys), held, each)
	if each > 300 || held > 4<<20 {
		t.Errorf("a record costs %d bytes, and all of them %d, want at most 300 and 4 MB", each, held)
	}
}

// A97: on a Redis that syncs each write to its disk, the time of an answer does
// not tell who has a code, nor who is known: neither to somebody who guesses one
// after another, nor with 64 guessers at once.
//
// Who is guessed at next is drawn at random, so whatever else the machine does
// meets all three alike.
func TestGuessesTellNothingByTime_A97(t *testing.T) {
	server := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	g := newGuessing(t, newStore(t, server.Client(t), func(o *redisstore.Options) { o.Timeout = time.Minute }))
	for _, guessers := range []int{1, 64} {
		t.Run(fmt.Sprintf("%d at once", guessers), func(t *testing.T) {
			var order []string // a new address for each guess, of one of three kinds
			var coded []string
			for i := range samples {
				name := func(kind string) string { return fmt.Sprintf("%s-%d-%d@example.com", kind, guessers, i) }
				coded = append(coded, name("code"))
				g.leads.add(name("none"), recovery.StatusActive)
				order = append(order, name("code"), name("none"), name("nobody"))
			}
			g.outbox.Reset()
			g.addWithCodes(t, coded...)
			rand.Shuffle(len(order), func(i, k int) { order[i], order[k] = order[k], order[i] })
			var mu sync.Mutex
			times := map[string][]float64{}
			next := make(chan string)
			var wg sync.WaitGroup
			for range guessers {
				wg.Go(func() {
					for address := range next {
						began := time.Now()
						g.guess(t, address)
						took := time.Since(began)
						kind, _, _ := strings.Cut(address, "-")
						mu.Lock()
						times[kind] = append(times[kind], took.Seconds()*1000)
						mu.Unlock()
					}
				})
			}
			for _, address := range order {
				next <- address
			}
			close(next)
			wg.Wait()
			wantAlike(t, times, "code", "none")
			wantAlike(t, times, "code", "nobody")
			wantAlike(t, times, "none", "nobody")
		})
	}
}

// samples is how many guesses of each kind a test of their time makes.
const samples = 200

// wantAlike compares the times of two kinds of guesses by Welch's t: of all, and
// without the slowest twentieth of both, because a few interruptions hide a
// difference.
func wantAlike(t *testing.T, times map[string][]float64, one, other string) {
	t.Helper()
	both := slices.Sorted(slices.Values(slices.Concat(times[one], times[other])))
	if len(both) != 2*samples {
		t.Fatalf("%s and %s: %d samples, want %d", one, other, len(both), 2*samples)
	}
	for _, share := range []int{100, 95} {
		most := both[(len(both)-1)*share/100]
		var mean, squared [2]float64
		for i, kind := range []string{one, other} {
			quick := slices.DeleteFunc(slices.Clone(times[kind]), func(v float64) bool { return v > most })
			mean[i], squared[i] = meanAndError(quick)
		}
		welch := (mean[0] - mean[1]) / math.Sqrt(squared[0]+squared[1])
		t.Logf("%s and %s, %d %%: %.2f and %.2f ms, Welch t = %.2f", one, other, share, mean[0], mean[1], welch)
		if math.IsNaN(welch) || math.Abs(welch) >= 4.5 {
			t.Errorf("%s and %s differ in time: Welch t = %.2f, want less than 4.5", one, other, welch)
		}
	}
}

// meanAndError returns the mean, and the square of its standard error.
func meanAndError(s []float64) (mean, squared float64) {
	for _, v := range s {
		mean += v / float64(len(s))
	}
	for _, v := range s {
		squared += (v - mean) * (v - mean)
	}
	return mean, squared / float64(len(s)-1) / float64(len(s))
}
