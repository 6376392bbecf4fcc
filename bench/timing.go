package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
)

// timing is H3's: whether the time of an answer, or of the one right after it,
// tells a known address from an unknown one.
func timing(tb redistest.TB, b *bench, server *redistest.Server) {
	n := pick(b, 100_000, 10_000)
	b.step("handlers: timing of %d requests", n)
	// No limit may end the work after the answer early: all of it is to happen.
	p := newPortal(tb, at(server.Addr), 1, func(o *recovery.Options) { o.Limits = neverAnybody() })
	welch(tb, b, "ours", n, p.handler, "/forgot-password", http.StatusAccepted, true)
	stop, handler := pocketBase(tb)
	defer stop()
	welch(tb, b, "PocketBase", min(n, 20_000), handler, pocketBasePath, http.StatusNoContent, false)
}

// guesses is H3's too: whether the time of the answer to a wrong code tells who has
// a code, and who has an account, on a Redis that writes every change to its disk.
// Each person is asked about once, because few wrong codes end a right one.
func guesses(tb redistest.TB, b *bench) {
	const table, each = "Timing of wrong codes, every write fsynced", 200
	b.step("handlers: timing of %d wrong codes", 3*each)
	server := redistest.Start(tb, "--appendonly", "yes", "--appendfsync", "always")
	p := newPortal(tb, at(server.Addr), 2*each, func(o *recovery.Options) {
		// Limits would write as well, the same for everybody.
		o.Limits, o.Limiter = neverAnybody(), recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{})
	})
	// Without the handle of the code, a wrong one would not count.
	var handles []string
	for n := range 3 * each {
		handle, err := p.NewHandle()
		must(tb, err)
		if handles = append(handles, handle); n < each {
			_, err = p.ForgotPassword(tb.Context(), recovery.ForgotRequest{
				Key: recovery.LeadKey{Field: "EmailAddress", Value: mailOf(n)}, Code: true, Handle: handle,
			})
			must(tb, err)
		}
	}
	p.drained()
	if n := p.sent.Load(); n != each {
		tb.Fatalf("%d of %d codes were sent", n, each)
	}
	classes := []string{"known, with a code", "known, without a code", "unknown"}
	times := make([][]float64, len(classes))
	for i, n := range rand.Perm(len(classes) * each) {
		// Person n has a code below each, none below 2*each, and is nobody above.
		r := post("/check-token", `{"email":"`+mailOf(n)+`","code":"00000000","handle":"`+handles[n]+`"}`, i)
		sent := time.Now()
		a := serve(p.handler, r)
		times[n/each] = append(times[n/each], micros(time.Since(sent)))
		if a.status != http.StatusBadRequest {
			tb.Fatalf("a wrong code was answered with %d", a.status)
		}
	}
	most := 0.0
	for i, class := range classes {
		b.add(table, "ours", class, "us", stat.Mean(times[i], nil))
		t := welchT([2][]float64{times[i], times[(i+1)%len(classes)]})
		b.add(table, "ours", class, "Welch t, against the next", t)
		most = max(most, math.Abs(t))
	}
	b.hold("H3", fmt.Sprintf("Welch |t|, wrong codes, every write fsynced, %d of each", each), most, "<=", 4.5)
}

// welch sends requests about a known and an unknown address in random order,
// and after each the same neutral one.
func welch(tb redistest.TB, b *bench, name string, n int, h http.Handler, path string, status int, goal bool) {
	const table = "Timing of known and unknown addresses"
	neutral := forgotBody(mailOf(8))
	var first, after [2][]float64
	timed := func(r *http.Request) float64 {
		sent := time.Now()
		a := serve(h, r)
		took := micros(time.Since(sent))
		if a.status != status {
			tb.Fatalf("%s answered %d", name, a.status)
		}
		return took
	}
	for i := range n {
		class := rand.IntN(2)
		probe := post(path, []string{unknownBody, knownBody}[class], 2*i)
		next := post(path, neutral, 2*i+1)
		first[class] = append(first[class], timed(probe))
		after[class] = append(after[class], timed(next))
	}
	for _, s := range []struct {
		what  string
		times [2][]float64
	}{{"the answer", first}, {"the answer after it", after}} {
		t, cropped := welchT(s.times), welchT(crop(s.times, 0.95))
		b.add(table, name, s.what, "unknown us", stat.Mean(s.times[0], nil))
		b.add(table, name, s.what, "known us", stat.Mean(s.times[1], nil))
		b.add(table, name, s.what, "Welch t", t)
		b.add(table, name, s.what, "without the slowest 5 %", cropped)
		if goal {
			b.hold("H3", fmt.Sprintf("Welch |t|, %s, %d requests", s.what, n), math.Abs(t), "<=", 4.5)
			b.hold("H3", fmt.Sprintf("Welch |t|, %s, without the slowest 5 %%", s.what), math.Abs(cropped), "<=", 4.5)
		}
	}
}

func welchT(s [2][]float64) float64 {
	m0, v0 := stat.MeanVariance(s[0], nil)
	m1, v1 := stat.MeanVariance(s[1], nil)
	return (m1 - m0) / math.Sqrt(v0/float64(len(s[0]))+v1/float64(len(s[1])))
}

// crop drops what is slower than a quantile of both classes together, as such
// tests do, because a few interruptions hide small differences.
func crop(s [2][]float64, quantile float64) [2][]float64 {
	all := slices.Concat(s[0], s[1])
	slices.Sort(all)
	most := all[int(quantile*float64(len(all)-1))]
	for i := range s {
		s[i] = slices.DeleteFunc(slices.Clone(s[i]), func(v float64) bool { return v > most })
	}
	return s
}
