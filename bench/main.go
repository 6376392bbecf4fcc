// Command bench measures this library and its peers on a Redis that it starts,
// and says which of the project's goals are met. See README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/seed-51359b35/recovery/internal/redistest"
)

// bench is one run.
type bench struct {
	report
	slice  time.Duration // how long a target is measured at a time
	rounds int           // how often
	quick  bool
	floors []floorRun // what the floor reached, in the order of measuring
}

// slowly notes what a quick run leaves out, and reports whether this is one.
func (b *bench) slowly(what string) bool {
	if b.quick {
		b.note("Left out of a quick run: %s.", what)
	}
	return !b.quick
}

// pick is quick's value in a quick run.
func pick[T any](b *bench, full, quick T) T {
	if b.quick {
		return quick
	}
	return full
}

// A part can be run alone.
type part struct {
	name string
	run  func(tb redistest.TB, b *bench)
}

var parts = []part{
	{"limiter", limiterPart},
	{"cluster", clusterPart},
	{"accuracy", accuracyPart},
	{"tokens", tokensPart},
	{"handlers", handlersPart},
	{"growth", growthPart},
	{"faults", faultsPart},
	{"sql", sqlPart},
}

func main() {
	if child := os.Getenv(childVariable); child != "" {
		runChild(child)
		return
	}
	var names []string
	for _, p := range parts {
		names = append(names, p.name)
	}
	only := flag.String("only", "", "parts to run, of "+strings.Join(names, ","))
	quick := flag.Bool("quick", false, "less of everything: under three minutes, and noisier")
	seconds := flag.Float64("seconds", 0, "how long each target is measured at a time (default 0.5, quick 0.1)")
	csvDir := flag.String("csv", "", "directory for results.csv and goals.csv")
	svgDir := flag.String("svg", "", "directory for the charts")
	flag.Parse()
	b := &bench{report: report{progress: os.Stderr}, slice: 500 * time.Millisecond, rounds: 5, quick: *quick}
	if *quick {
		b.slice, b.rounds = 100*time.Millisecond, 3
	}
	if *seconds > 0 {
		b.slice = time.Duration(*seconds * float64(time.Second))
	}
	if err := b.main(*only, *csvDir, *svgDir); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func (b *bench) main(only, csvDir, svgDir string) error {
	chosen := parts
	if only != "" {
		wanted := strings.Split(only, ",")
		chosen = slices.DeleteFunc(slices.Clone(parts), func(p part) bool { return !slices.Contains(wanted, p.name) })
		if len(chosen) != len(wanted) {
			return fmt.Errorf("-only %s names an unknown part", only)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	redistest.QuietClients()
	var failed error
	for _, p := range chosen {
		began := time.Now()
		err := redistest.Run(ctx, p.name, func(tb redistest.TB) { p.run(tb, b) })
		if errors.Is(err, redistest.ErrSkipped) {
			return err
		}
		if err != nil {
			// What was measured so far is still worth showing.
			failed = errors.Join(failed, fmt.Errorf("%s: %w", p.name, err))
		}
		b.step("%s took %v", p.name, time.Since(began).Round(time.Second))
		if ctx.Err() != nil {
			break
		}
	}
	b.reportDrift()
	b.print(os.Stdout)
	if csvDir != "" {
		failed = errors.Join(failed, b.writeCSV(csvDir))
	}
	if svgDir != "" {
		failed = errors.Join(failed, b.draw(svgDir))
	}
	return failed
}
