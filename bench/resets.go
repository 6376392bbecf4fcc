package main

import (
	"context"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/password"
)

const goodPassword = "seven-quiet-herons-over-fen"

// hashing is what children say of resets.
type hashing struct {
	PerSecond, PeakMiB, Procs float64
	Micros, HashMicros        float64
}

// resets measures hashing, which is what a reset costs.
func resets(tb redistest.TB, b *bench, server *redistest.Server) {
	const table = "Resets"
	bounds := []int{runtime.NumCPU(), runtime.NumCPU() + 1}
	if b.slowly("hashing with other bounds than as many as there are cores, and one more (H1)") {
		bounds = nil
		for m := 1; m <= 2*runtime.NumCPU(); m++ {
			bounds = append(bounds, m)
		}
	}
	n := pick(b, 192, 96)
	alone := make([][]float64, len(bounds))
	var rates, ratios []float64
	var peak, procs float64
	for round := range pick(b, 3, 1) {
		b.step("handlers: 64 resets at once, round %d", round+1)
		best := 0.0
		for i, m := range bounds {
			var h hashing
			startChild(tb, "hashes", childArgs{N: n, Micros: m}, &h)()
			alone[i] = append(alone[i], h.PerSecond)
			best = max(best, h.PerSecond)
		}
		var h hashing
		startChild(tb, "resets", childArgs{Redis: server.Addr, Kind: strconv.Itoa(round), N: n}, &h)()
		rates, ratios = append(rates, h.PerSecond), append(ratios, h.PerSecond/best)
		peak, procs = max(peak, h.PeakMiB), h.Procs
	}
	for i, m := range bounds {
		b.add(table, "argon2id alone, "+strconv.Itoa(m)+" at a time", "64 at once", "per second", median(alone[i]))
	}
	b.add(table, "ours, whole resets", "64 at once", "per second", median(rates))
	b.add(table, "ours, whole resets", "64 at once", "peak MiB", peak)
	b.hold("H1", "64 resets at once, x the best bounded rate of hashing alone", median(ratios), ">=", 0.95)
	b.hold("H1", "peak MiB of the process", peak, "<=", 2*procs*19+80)

	b.step("handlers: our own part of a reset")
	var own hashing
	startChild(tb, "own", childArgs{Redis: server.Addr, N: pick(b, 5000, 500)}, &own)()
	b.add(table, "ours, without the hash", "one after another", "us", own.Micros)
	b.add(table, "argon2id", "one after another", "us", own.HashMicros)
	b.hold("H6", "our own part of a reset, Redis included, % of the hash", 100*own.Micros/own.HashMicros, "<=", 2)
}

// hashesChild hashes alone, args.Micros at a time.
func hashesChild(tb redistest.TB, args childArgs, say func(any)) {
	hasher, err := password.NewArgon2id(password.Argon2idOptions{MaxConcurrent: args.Micros, MaxWaiting: 64, MaxWait: time.Minute})
	must(tb, err)
	s := run(tb.Context(), load{callers: 64, most: args.N}, func(ctx context.Context, _, _ int) error {
		_, err := hasher.Hash(ctx, goodPassword)
		return err
	})
	must(tb, s.err)
	say(hashing{PerSecond: s.rate()})
}

// resetsChild runs whole resets through the handler, 64 at a time.
func resetsChild(tb redistest.TB, args childArgs, say func(any)) {
	hasher, err := password.NewArgon2id(password.Argon2idOptions{MaxWaiting: 64, MaxWait: time.Minute})
	must(tb, err)
	p := newPortal(tb, at(args.Redis), args.N, func(o *recovery.Options) {
		o.Limits, o.Passwords.Hasher, o.Prefix = neverAnybody(), hasher, "resets"+args.Kind
	})
	requests := p.resetRequests(tb, args.N)
	s := run(tb.Context(), load{callers: 64, most: args.N}, func(_ context.Context, caller, i int) error {
		return expect(p.handler, requests[i*64+caller], http.StatusNoContent)
	})
	must(tb, s.err)
	say(hashing{PerSecond: s.rate(), PeakMiB: peakMiB(), Procs: float64(runtime.GOMAXPROCS(0))})
}

// resetRequests issues a token to each of n people.
func (p *portal) resetRequests(tb redistest.TB, n int) []*http.Request {
	requests := make([]*http.Request, n)
	for i := range requests {
		requests[i] = p.resetRequest(tb, i)
	}
	return requests
}

func (p *portal) resetRequest(tb redistest.TB, n int) *http.Request {
	issued, err := p.IssueToken(tb.Context(), recovery.IssueRequest{
		Key: recovery.LeadKey{Field: "EmailAddress", Value: mailOf(n)}, Requester: recovery.Requester{Caller: "bench"},
	})
	must(tb, err)
	return post("/reset-password", `{"token":"`+issued.Token.Reveal()+`","password":"`+goodPassword+`"}`, n)
}

// instant is a hasher that takes no time.
type instant struct{ password.Hasher }

// Hash implements [password.Hasher].
func (instant) Hash(context.Context, string) (string, error) { return "$instant$", nil }

// ownChild is a reset without its hash, one after another, and the hash.
func ownChild(tb redistest.TB, args childArgs, say func(any)) {
	hasher, err := password.NewArgon2id(password.Argon2idOptions{})
	must(tb, err)
	p := newPortal(tb, at(args.Redis), args.N, func(o *recovery.Options) {
		o.Limits, o.Passwords.Hasher, o.Prefix = neverAnybody(), instant{hasher}, "own"
	})
	requests := p.resetRequests(tb, args.N)
	var own, hash []time.Duration
	for _, r := range requests {
		sent := time.Now()
		must(tb, expect(p.handler, r, http.StatusNoContent))
		own = append(own, time.Since(sent))
	}
	p.drained()
	for range 40 {
		sent := time.Now()
		_, err := hasher.Hash(tb.Context(), goodPassword)
		must(tb, err)
		hash = append(hash, time.Since(sent))
	}
	say(hashing{Micros: micros(median(own)), HashMicros: micros(median(hash))})
}

// peakMiB is the most memory that this process has had, by the kernel's count;
// 0 where it does not say.
func peakMiB() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if v, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, _ := strconv.ParseFloat(strings.Fields(v)[0], 64)
			return kib / 1024
		}
	}
	return 0
}
