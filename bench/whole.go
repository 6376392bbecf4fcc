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
	for _, body := range []string{unknownBody, knownBody} {
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

// wholeRequests compares forgot requests with PocketBase's: through the
// handlers alone, and over HTTP with the asking process on the same cores.
func wholeRequests(tb redistest.TB, b *bench, server *redistest.Server) {
	const table = "Forgot requests, 64 at once"
	direct, overHTTP := map[string]speed{}, map[string]speed{}
	bodies := map[string]string{"unknown address": unknownBody, "known address": knownBody}
	length := max(b.slice, 500*time.Millisecond)
	for _, kind := range []string{"PocketBase", "ours"} {
		b.step("handlers: forgot requests, %s", kind)
		args := childArgs{Redis: server.Addr, Kind: kind, Micros: int(2 * length / time.Microsecond)}
		var speeds []speed
		startChild(tb, "direct", args, &speeds)()
		for _, s := range speeds {
			direct[kind+s.Body] = s
			if s.Errors > 0 {
				b.note("%s answered %d of the requests otherwise: %s", kind, s.Errors, s.FirstError)
			}
		}
		var addr string
		stop := startChild(tb, "serve", args, &addr)
		for _, body := range bodies {
			overHTTP[kind+body] = askHTTP(tb, b, addr, kind, body, 2*length)
		}
		stop()
	}
	for _, kind := range []string{"PocketBase", "ours"} {
		for _, who := range []string{"unknown address", "known address"} {
			d, h := direct[kind+bodies[who]], overHTTP[kind+bodies[who]]
			b.add(table, kind, who, "through the handler, per second", d.Rate)
			b.add(table, kind, who, "p50 us", d.P50)
			b.add(table, kind, who, "CPU us", d.CPU)
			b.add(table, kind, who, "with the work after it, per second", d.Drained)
			b.add(table, kind, who, "over HTTP, per second", h.Rate)
			b.add(table, kind, who, "over HTTP, p50 us", h.P50)
			b.add(table, kind, who, "over HTTP, with the work after it, per second", h.Drained)
		}
	}
	for who, bound := range map[string]float64{"unknown address": 2.5, "known address": 3.5} {
		ours, theirs := "ours"+bodies[who], "PocketBase"+bodies[who]
		b.hold("H5", "forgot over HTTP, "+who+", x PocketBase", overHTTP[ours].Rate/overHTTP[theirs].Rate, ">=", bound)
		b.hold("H5", "forgot over HTTP, "+who+", with the work after it, x PocketBase", overHTTP[ours].Drained/overHTTP[theirs].Drained, ">=", 1.2)
		b.hold("H5", "forgot through the handler, "+who+", with the work after it, x PocketBase", direct[ours].Drained/direct[theirs].Drained, ">=", 1.2)
	}
}

// askHTTP asks over 64 connections that stay open. It writes requests itself,
// because what is measured shares its cores.
func askHTTP(tb redistest.TB, b *bench, addr, kind, body string, length time.Duration) speed {
	path, status := "/forgot-password", http.StatusAccepted
	if kind == "PocketBase" {
		path, status = pocketBasePath, http.StatusNoContent
	}
	type connection struct {
		net.Conn
		r *bufio.Reader
	}
	connections := make([]connection, wholeCallers)
	for i := range connections {
		c, err := net.Dial("tcp", addr)
		must(tb, err)
		defer c.Close()
		connections[i] = connection{c, bufio.NewReader(c)}
	}
	// Another part of the address space for each body, so that no client asks
	// twice.
	space := 1 << 22 * len(body)
	ask := func(_ context.Context, caller, i int) error {
		c := connections[caller]
		_, err := fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: portal.example.com\r\nContent-Type: application/json\r\nX-Forwarded-For: %s\r\nContent-Length: %d\r\n\r\n%s",
			path, clientAddress(space+i*wholeCallers+caller), len(body), body)
		if err != nil {
			return err
		}
		response, err := http.ReadResponse(c.r, nil)
		if err != nil {
			return err
		}
		drain(response.Body)
		if response.StatusCode != status {
			return fmt.Errorf("%s answered %d", kind, response.StatusCode)
		}
		return nil
	}
	warm := run(tb.Context(), load{callers: wholeCallers, length: length / 4}, ask)
	waitDrained(tb, addr)
	began := time.Now()
	s := run(tb.Context(), load{callers: wholeCallers, length: length, start: warm.ops}, ask)
	waitDrained(tb, addr)
	drained := float64(s.ops) / time.Since(began).Seconds()
	if s.err != nil {
		b.note("%s over HTTP: %d requests failed, the first: %v", kind, s.errors, s.err)
	}
	return speed{Rate: s.rate(), Drained: drained, P50: micros(s.p50), P99: micros(s.p99)}
}
