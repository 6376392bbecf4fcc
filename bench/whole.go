package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/seed-51359b35/recovery/internal/redistest"
)

// wholeCallers is how many connections ask at once.
const wholeCallers = 64

// A site is a program that answers forgot requests, ours or PocketBase.
type site struct {
	handler http.Handler
	path    string
	status  int
	drained func() // waits for what happens after the answers
	stop    func()
}

func openSite(tb redistest.TB, args childArgs) site {
	if args.Kind == "PocketBase" {
		stop, handler := pocketBase(tb)
		return site{handler, pocketBasePath, http.StatusNoContent, func() {}, stop}
	}
	p := newPortal(tb, at(args.Redis), 1, nil)
	return site{p.handler, "/forgot-password", http.StatusAccepted, p.drained, func() {}}
}

// A speed is what a child measured of its own handler.
type speed struct {
	Rate, Drained    float64
	P50, P99, CPU    float64 // microseconds
	Errors           int
	FirstError, Body string
}

// directChild calls a site's handler from 64 goroutines, for so many
// microseconds with each body.
func directChild(tb redistest.TB, args childArgs, say func(any)) {
	s := openSite(tb, args)
	defer s.stop()
	var speeds []speed
	start := 0
	for _, one := range bodies {
		body := one.body
		ask := func(_ context.Context, caller, i int) error {
			return expect(s.handler, post(s.path, body, i*wholeCallers+caller), s.status)
		}
		length := time.Duration(args.Micros) * time.Microsecond
		warm := run(tb.Context(), load{callers: wholeCallers, length: length / 4, start: start}, ask)
		s.drained()
		start += warm.ops // more than any caller's share
		began, cpu := time.Now(), usedTime()
		got := run(tb.Context(), load{callers: wholeCallers, length: length, start: start}, ask)
		s.drained()
		sp := speed{
			Rate: got.rate(), Drained: float64(got.ops) / time.Since(began).Seconds(),
			P50: micros(got.p50), P99: micros(got.p99), Errors: got.errors, Body: body,
			CPU: micros(usedTime()-cpu) / float64(max(1, got.ops)),
		}
		if got.err != nil {
			sp.FirstError = got.err.Error()
		}
		speeds = append(speeds, sp)
		start += got.ops
	}
	say(speeds)
}

// serveChild serves a site on a loopback port.
func serveChild(tb redistest.TB, args childArgs, say func(any)) {
	s := openSite(tb, args)
	tb.Cleanup(s.stop)
	say(listen(tb, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == drainedPath {
			s.drained()
			return
		}
		s.handler.ServeHTTP(w, r)
	})))
}

// drainedPath is answered once there is nothing left to do after the answers.
const drainedPath = "/drained"

func waitDrained(tb redistest.TB, addr string) {
	response, err := http.Get("http://" + addr + drainedPath)
	must(tb, err)
	drain(response.Body)
}

// listen serves until the part ends.
func listen(tb redistest.TB, h http.Handler) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(tb, err)
	server := &http.Server{Handler: h}
	tb.Cleanup(func() { _ = server.Close() })
	go func() { _ = server.Serve(l) }()
	return l.Addr().String()
}

// bodies are what forgot requests are about.
var bodies = []struct{ who, body string }{
	{"unknown address", unknownBody},
	{"known address", knownBody},
}

// siteKinds are who is compared.
var siteKinds = []string{"PocketBase", "ours"}

// wholeRequests compares forgot requests with PocketBase's: through the
// handlers alone, and over HTTP with the asking process on the same cores. Both
// are measured in turn.
func wholeRequests(tb redistest.TB, b *bench, server *redistest.Server) {
	length := 2 * max(b.slice, 500*time.Millisecond)
	rounds := pick(b, 3, 1)
	// The speeds of each kind with each body, a round each.
	direct, overHTTP := map[string][]speed{}, map[string][]speed{}
	addrs := map[string]string{}
	for _, kind := range siteKinds {
		var addr string
		defer startChild(tb, "serve", childArgs{Redis: server.Addr, Kind: kind}, &addr)()
		addrs[kind] = addr
	}
	askers := map[string]*asker{}
	for round := range rounds {
		b.step("handlers: forgot requests, round %d", round+1)
		for n := range siteKinds {
			kind := siteKinds[(n+round)%len(siteKinds)]
			var speeds []speed
			startChild(tb, "direct", childArgs{Redis: server.Addr, Kind: kind, Micros: int(length / time.Microsecond)}, &speeds)()
			for i, s := range speeds {
				direct[kind+bodies[i].who] = append(direct[kind+bodies[i].who], s)
				if s.Errors > 0 {
					b.note("%s answered %d of the requests otherwise: %s", kind, s.Errors, s.FirstError)
				}
			}
		}
		for i, one := range bodies {
			for n := range siteKinds {
				kind := siteKinds[(n+round)%len(siteKinds)]
				key := kind + one.who
				if askers[key] == nil {
					askers[key] = &asker{addr: addrs[kind], kind: kind, body: one.body, space: i << 22}
				}
				overHTTP[key] = append(overHTTP[key], askers[key].ask(tb, b, length))
			}
		}
	}
	reportWhole(b, direct, overHTTP)
}

func reportWhole(b *bench, direct, overHTTP map[string][]speed) {
	const table = "Forgot requests, 64 at once"
	figure := func(speeds []speed, of func(speed) float64) []float64 {
		var values []float64
		for _, s := range speeds {
			values = append(values, of(s))
		}
		return values
	}
	rate, drained := func(s speed) float64 { return s.Rate }, func(s speed) float64 { return s.Drained }
	for _, kind := range siteKinds {
		for _, one := range bodies {
			add := func(measure string, speeds []speed, of func(speed) float64) {
				b.add(table, kind, one.who, measure, median(figure(speeds, of)))
			}
			d, h := direct[kind+one.who], overHTTP[kind+one.who]
			add("through the handler, per second", d, rate)
			add("p50 us", d, func(s speed) float64 { return s.P50 })
			add("CPU us", d, func(s speed) float64 { return s.CPU })
			add("with the work after it, per second", d, drained)
			add("over HTTP, per second", h, rate)
			add("over HTTP, p50 us", h, func(s speed) float64 { return s.P50 })
			add("over HTTP, with the work after it, per second", h, drained)
		}
	}
	for i, bound := range []float64{2.5, 3.5} {
		who := bodies[i].who
		times := func(of map[string][]speed, value func(speed) float64) float64 {
			ratios := figure(of["ours"+who], value)
			for round, theirs := range figure(of["PocketBase"+who], value) {
				ratios[round] /= theirs
			}
			return median(ratios)
		}
		b.hold("H5", "forgot over HTTP, "+who+", x PocketBase", times(overHTTP, rate), ">=", bound)
		b.hold("H5", "forgot over HTTP, "+who+", with the work after it, x PocketBase", times(overHTTP, drained), ">=", 1.2)
		b.hold("H5", "forgot through the handler, "+who+", with the work after it, x PocketBase", times(direct, drained), ">=", 1.2)
	}
}

// An asker asks a site over 64 connections that stay open. It writes requests
// itself, because what is measured shares its cores.
type asker struct {
	addr, kind, body string
	// space is a part of the address space, and next its first address that
	// has not asked: no client asks twice.
	space, next int
}

// ask asks for so long.
func (a *asker) ask(tb redistest.TB, b *bench, length time.Duration) speed {
	path, status := "/forgot-password", http.StatusAccepted
	if a.kind == "PocketBase" {
		path, status = pocketBasePath, http.StatusNoContent
	}
	type connection struct {
		net.Conn
		r *bufio.Reader
	}
	connections := make([]connection, wholeCallers)
	for i := range connections {
		c, err := net.Dial("tcp", a.addr)
		must(tb, err)
		defer c.Close()
		connections[i] = connection{c, bufio.NewReader(c)}
	}
	ask := func(_ context.Context, caller, i int) error {
		c := connections[caller]
		_, err := fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: portal.example.com\r\nContent-Type: application/json\r\nX-Forwarded-For: %s\r\nContent-Length: %d\r\n\r\n%s",
			path, clientAddress(a.space+i*wholeCallers+caller), len(a.body), a.body)
		if err != nil {
			return err
		}
		response, err := http.ReadResponse(c.r, nil)
		if err != nil {
			return err
		}
		drain(response.Body)
		if response.StatusCode != status {
			return fmt.Errorf("%s answered %d", a.kind, response.StatusCode)
		}
		return nil
	}
	asked := func(length time.Duration) sample {
		s := run(tb.Context(), load{callers: wholeCallers, length: length, start: a.next}, ask)
		a.next += 2*s.ops/wholeCallers + 1 // more than any caller's share
		return s
	}
	asked(length / 4)
	waitDrained(tb, a.addr)
	began := time.Now()
	s := asked(length)
	waitDrained(tb, a.addr)
	drained := float64(s.ops) / time.Since(began).Seconds()
	if s.err != nil {
		b.note("%s over HTTP: %d requests failed, the first: %v", a.kind, s.errors, s.err)
	}
	return speed{Rate: s.rate(), Drained: drained, P50: micros(s.p50), P99: micros(s.p99)}
}
