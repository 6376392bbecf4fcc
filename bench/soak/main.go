// Command soak runs mixed traffic over two instances of the library, each a
// process of its own, on a Redis and a mail server that it starts. It counts what
// was promised and what came, while nothing fails and through a table of faults,
// and prints the table. See the README of bench.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery/internal/redistest"
)

// An environment is what one row of the table runs in.
type environment struct {
	ctx     context.Context
	server  *redistest.Server
	proxy   *redistest.Proxy // in front of the server, for the instances
	admin   *redis.Conn      // a connection to the server that stays
	relay   *relay
	fleet   *fleet
	traffic *traffic
	ended   error // how the instance ended that a fault ended
}

func main() {
	if os.Getenv(redisVariable) != "" {
		redistest.QuietClients()
		if err := serveInstance(); err != nil {
			fmt.Fprintln(os.Stderr, "instance:", err)
			os.Exit(1)
		}
		return
	}
	soakFor := flag.Duration("for", 10*time.Minute, "how long the mixed traffic runs while nothing fails; 0 leaves it out")
	rate := flag.Int("rate", 200, "requests a second, 1 to 10,000")
	only := flag.String("only", "", "faults to run: those whose name contains it; \"none\" for no fault")
	people := flag.Int("resets", 0, "let so many people reset at once instead, up to 10,000")
	verbose := flag.Bool("log", false, "print what the instances logged in each row")
	flag.Parse()
	if *rate < 1 || *rate > 10_000 || *soakFor < 0 || *people < 0 || *people > mostTokens {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	redistest.QuietClients()
	signal.Ignore(syscall.SIGXFSZ) // for the Redis that it starts: see fileLimit
	if *people > 0 {
		if err := redistest.Run(ctx, "resets", func(tb redistest.TB) { resetsAtOnce(tb, *people) }); err != nil {
			fmt.Fprintln(os.Stderr, "soak:", err)
			os.Exit(1)
		}
		return
	}
	rows := faults()
	if *soakFor > 0 {
		rows = append([]fault{{name: "soak for " + soakFor.String(), holds: *soakFor, begin: func(*environment) error { return nil }}}, rows...)
	}
	fmt.Println("| fault | answers | slowest | healthy after | all mail after | promised | lost | doubled | log lines of each |\n|---|---|---|---|---|---|---|---|---|")
	failed := false
	for i, f := range rows {
		isSoak := *soakFor > 0 && i == 0
		if !isSoak && (!strings.Contains(f.name, *only) || *only == "none") {
			continue
		}
		err := redistest.Run(ctx, f.name, func(tb redistest.TB) { row(tb, f, *rate, *verbose, isSoak) })
		if err != nil {
			fmt.Fprintln(os.Stderr, "soak:", f.name+":", err)
			failed = true
		}
		if ctx.Err() != nil {
			break
		}
	}
	if failed {
		os.Exit(1)
	}
}

// row runs one fault in an environment of its own, and prints its row.
func row(tb redistest.TB, f fault, rate int, verbose, footprints bool) {
	e := newEnvironment(tb, f)
	t := e.traffic
	stop, done := make(chan struct{}), make(chan struct{})
	go func() { defer close(done); t.run(rate, stop) }()
	pause(tb, 2*time.Second)
	if footprints {
		fmt.Fprintln(os.Stderr, "at the start:", e.fleet.footprint())
	}
	e.fleet.takeLines() // those of the start
	check(tb, f.begin(e))
	pause(tb, f.holds)
	if f.end != nil {
		check(tb, f.end(e))
	}
	over := time.Now()
	for !t.healthy() && time.Since(over) < time.Minute && tb.Context().Err() == nil {
		pause(tb, 20*time.Millisecond)
	}
	healthy := time.Since(over)
	pause(tb, 2*time.Second)
	close(stop)
	<-done
	limit := f.settles
	if limit == 0 {
		limit = 3 * time.Minute
	}
	settled := t.settle(limit)
	pause(tb, 2*time.Second) // for mails that come twice
	people, missing, doubled := t.promised()
	lines := e.fleet.takeLines()
	var counts []string
	for _, of := range lines {
		counts = append(counts, strconv.Itoa(len(of)))
	}
	fmt.Printf("| %s | %s | %v | %v | %v | %d | %d | %d | %s |\n", f.name, t.said(), t.slowest.Round(10*time.Millisecond), healthy.Round(time.Millisecond),
		settled.Round(10*time.Millisecond), people, missing, doubled, strings.Join(counts, ", "))
	if footprints {
		fmt.Fprintln(os.Stderr, "at the end:  ", e.fleet.footprint())
	}
	if e.ended != nil {
		fmt.Fprintln(os.Stderr, "the instance ended with:", e.ended)
	}
	if verbose {
		fmt.Fprintln(os.Stderr, strings.Join(e.relay.repeats(), "\n"))
		for n, of := range lines {
			fmt.Fprintf(os.Stderr, "instance %d logged:\n%s\n", n+1, strings.Join(of, "\n"))
		}
	}
}

func newEnvironment(tb redistest.TB, f fault) *environment {
	e := &environment{ctx: tb.Context(), server: redistest.Start(tb, f.redis...)}
	e.proxy = e.server.Proxy(tb)
	e.admin = e.server.Client(tb).Conn()
	tb.Cleanup(func() { _ = e.admin.Close() })
	var err error
	e.relay, err = newRelay()
	check(tb, err)
	tb.Cleanup(func() { _ = e.relay.listener.Close() })
	if f.password != "" {
		check(tb, e.admin.ConfigSet(e.ctx, "requirepass", f.password).Err())
	}
	e.fleet, err = newFleet(2, e.proxy.Addr, f.password, e.relay.listener.Addr().String())
	check(tb, err)
	e.traffic = &traffic{fleet: e.fleet, relay: e.relay, answers: map[int]int{}}
	tb.Cleanup(e.fleet.end)
	return e
}

func check(tb redistest.TB, err error) {
	if err != nil {
		tb.Fatalf("%v", err)
	}
}

// pause waits, and no longer than the run lasts.
func pause(tb redistest.TB, d time.Duration) {
	select {
	case <-time.After(d):
	case <-tb.Context().Done():
	}
}
