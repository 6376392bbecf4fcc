package main

import (
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

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
	guesses(tb, b)
	resets(tb, b, server)
	middlewarePart(tb, b, server)
}

// forgotCost is H5's: what one request for a reset takes of this process.
func forgotCost(tb redistest.TB, b *bench, server *redistest.Server) {
	const table = "One forgot request through the handler"
	b.step("handlers: cost of a forgot request")
	undo, _ := split(server.PID())
	defer undo()
	n := pick(b, 50_000, 5_000)
	// What happens after the answer is not part of the request, so it waits.
	oneWorker := func(o *recovery.Options) {
		o.Queue = recovery.NewMemoryQueue(recovery.MemoryQueueOptions{Capacity: 1 << 20, Workers: 1})
	}
	// Requests and writers are the server's, so they are made before.
	requests := make([]*http.Request, n+n/10)
	answers := make([]*answer, len(requests))
	for i := range requests {
		requests[i] = post("/forgot-password", unknownBody, i)
		answers[i] = &answer{header: http.Header{}}
	}
	var next atomic.Int64
	w := &wire{}
	p := newPortal(tb, place{addrs: []string{server.Addr}, dial: w.dial}, 1, oneWorker)
	const warm, trips = 100, 1000
	for i := range warm + trips {
		if i == warm {
			w.writes.Store(0)
		}
		must(tb, expect(p.handler, post("/forgot-password", unknownBody, 1<<22+i), http.StatusAccepted))
	}
	roundTrips := float64(w.writes.Load()) / trips

	p = newPortal(tb, at(server.Addr), 1, oneWorker)
	floor, end := open(tb, floorTarget, at(server.Addr))
	defer end()
	for range warm {
		_, err := floor(tb.Context(), "floor")
		must(tb, err)
	}
	const callers = 64
	finish := p.hold(tb)
	objects := allocations(callers, n, func(int) {
		i := next.Add(1) - 1
		p.handler.ServeHTTP(answers[i], requests[i])
	})
	finish()
	for i := range next.Load() {
		if answers[i].status != http.StatusAccepted {
			tb.Fatalf("forgot answered %d", answers[i].status)
		}
	}
	// CPU is that of many callers, because a lone one pays for waking up.
	alone := newPortal(tb, at(server.Addr), 1, func(o *recovery.Options) {
		oneWorker(o)
		o.Limiter = recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{MaxKeys: 1 << 20})
	})
	n = n / callers * callers
	var beyond, total, least, memory []float64
	for round := range b.rounds {
		fresh := make([]*http.Request, 2*n)
		for i := range fresh {
			fresh[i] = post("/forgot-password", unknownBody, 1<<23+2*round*n+i)
		}
		f := processorTime(n, callers, func(int) { _, _ = floor(tb.Context(), "floor") })
		finish := p.hold(tb)
		t := processorTime(n, callers, func(i int) { p.handler.ServeHTTP(answers[i], fresh[i]) })
		finish()
		finish = alone.hold(tb)
		m := processorTime(n, callers, func(i int) { alone.handler.ServeHTTP(answers[i], fresh[n+i]) })
		finish()
		total, least, memory, beyond = append(total, t), append(least, f), append(memory, m), append(beyond, t/f-1)
	}
	b.add(table, "ours", "", "round trips", roundTrips)
	b.add(table, "ours", "", "allocations", objects)
	b.add(table, "ours", "", "CPU us", median(total))
	b.add(table, "ours", "", "the floor's CPU us", median(least))
	b.add(table, "ours", "", "CPU us with a limiter in memory", median(memory))
	b.hold("L2", "round trips of a forgot request", roundTrips, "=", 1)
	b.hold("H5", "forgot at 64 callers, allocations", objects, "<=", 45)
	b.hold("H5", "forgot at 64 callers, CPU beyond the floor's, x the floor's", median(beyond), "<=", 1.5)
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
