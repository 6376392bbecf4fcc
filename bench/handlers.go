package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"

	"gonum.org/v1/gonum/stat"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
)

// The two addresses that forgot requests are about.
var (
	knownBody   = forgotBody(mailOf(0))
	unknownBody = forgotBody(mailOf(9))
)

func handlersPart(tb redistest.TB, b *bench) {
	server := redistest.Start(tb)
	forgotCost(tb, b, server)
	wholeRequests(tb, b, server)
	timing(tb, b, server)
	resets(tb, b, server)
	middlewarePart(tb, b, server)
}

// idleQueue is the in-process queue with nobody to perform its jobs' work: what
// happens after the answer is not part of the request.
type idleQueue struct{ *recovery.MemoryQueue }

type nothing struct{}

func (nothing) Perform(context.Context, recovery.Job) error     { return nil }
func (nothing) DeadLetter(context.Context, recovery.Job, error) {}

// Start hides the queue's own from the Service.
func (q idleQueue) Start(recovery.JobHandler) error { return q.MemoryQueue.Start(nothing{}) }

// forgotCost is H5's: what one request for a reset takes of this process.
func forgotCost(tb redistest.TB, b *bench, server *redistest.Server) {
	const table = "One forgot request through the handler"
	b.step("handlers: cost of a forgot request")
	undo, _ := split(server.PID())
	defer undo()
	n := pick(b, 50_000, 5_000)
	quietQueue := func(o *recovery.Options) {
		o.Queue = idleQueue{recovery.NewMemoryQueue(recovery.MemoryQueueOptions{Capacity: 1 << 20})}
	}
	// Requests and writers are the server's, so they are made before.
	requests := make([]*http.Request, n+n/10)
	answers := make([]*answer, len(requests))
	for i := range requests {
		requests[i] = post("/forgot-password", unknownBody, i)
		answers[i] = &answer{header: http.Header{}}
	}
	next := 0
	w := &wire{}
	p := newPortal(tb, place{addr: server.Addr, dial: w.dial}, 1, quietQueue)
	const warm, trips = 100, 1000
	for i := range warm + trips {
		if i == warm {
			w.writes.Store(0)
		}
		must(tb, expect(p.handler, post("/forgot-password", unknownBody, 1<<22+i), http.StatusAccepted))
	}
	roundTrips := float64(w.writes.Load()) / trips

	p = newPortal(tb, place{addr: server.Addr}, 1, quietQueue)
	floor, end := open(tb, floorTarget, place{addr: server.Addr})
	defer end()
	for range warm {
		_, err := floor(tb.Context(), "floor")
		must(tb, err)
	}
	objects := allocations(n, func(int) {
		p.handler.ServeHTTP(answers[next], requests[next])
		next++
	})
	for i := range next {
		if answers[i].status != http.StatusAccepted {
			tb.Fatalf("forgot answered %d", answers[i].status)
		}
	}
	// CPU is that of 16 callers, because a lone one pays for waking up.
	alone := newPortal(tb, place{addr: server.Addr}, 1, func(o *recovery.Options) {
		quietQueue(o)
		o.Limiter = recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{MaxKeys: 1 << 20})
	})
	const callers = 16
	n = n / callers * callers
	var own, total, least, memory []float64
	for round := range b.rounds {
		fresh := make([]*http.Request, 2*n)
		for i := range fresh {
			fresh[i] = post("/forgot-password", unknownBody, 1<<23+2*round*n+i)
		}
		f := processorTime(n, callers, func(int) { _, _ = floor(tb.Context(), "floor") })
		t := processorTime(n, callers, func(i int) { p.handler.ServeHTTP(answers[i], fresh[i]) })
		m := processorTime(n, callers, func(i int) { alone.handler.ServeHTTP(answers[i], fresh[n+i]) })
		total, least, memory, own = append(total, t), append(least, f), append(memory, m), append(own, t-f)
	}
	b.add(table, "ours", "", "round trips", roundTrips)
	b.add(table, "ours", "", "allocations", objects)
	b.add(table, "ours", "", "CPU us", median(total))
	b.add(table, "ours", "", "the floor's CPU us", median(least))
	b.add(table, "ours", "", "CPU us with a limiter in memory", median(memory))
	b.hold("H5", "forgot, round trips", roundTrips, "=", 1)
	b.hold("H5", "forgot, allocations", objects, "<=", 60)
	b.hold("H5", "forgot, CPU us beyond the floor's", median(own), "<=", 15)
}

// processorTime is how many microseconds of CPU this process spends on one of n
// calls of f by so many callers, the kernel's part included.
func processorTime(n, callers int, f func(i int)) float64 {
	runtime.GC()
	before := usedTime()
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			for i := caller; i < n; i += callers {
				f(i)
			}
		})
	}
	wg.Wait()
	return micros(usedTime()-before) / float64(n)
}

func usedTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// timing is H3's: whether the time of an answer, or of the one right after it,
// tells a known address from an unknown one.
func timing(tb redistest.TB, b *bench, server *redistest.Server) {
	n := pick(b, 100_000, 10_000)
	b.step("handlers: timing of %d requests", n)
	// No limit may end the work after the answer early: all of it is to happen.
	p := newPortal(tb, place{addr: server.Addr}, 1, func(o *recovery.Options) { o.Limits = neverAnybody() })
	welch(tb, b, "ours", n, p.handler, "/forgot-password", http.StatusAccepted, true)
	stop, handler := pocketBase(tb)
	defer stop()
	welch(tb, b, "PocketBase", min(n, 20_000), handler, pocketBasePath, http.StatusNoContent, false)
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
