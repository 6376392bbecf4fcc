package main

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// An op is one operation of a caller, its i-th.
type op func(ctx context.Context, caller, i int) error

// A load is how an op is called.
type load struct {
	callers int
	length  time.Duration
	// every is how many calls one measured latency stands for. Calls that
	// take a fraction of a microsecond would otherwise be mostly clock.
	every int
	// start is the index of the first call of each caller, and most, if
	// positive, how many calls there are over all callers.
	start, most int
}

// A sample is what came of a load.
type sample struct {
	ops, errors int
	elapsed     time.Duration
	p50, p99    time.Duration
	err         error // the first one
}

func (s sample) rate() float64 { return float64(s.ops) / s.elapsed.Seconds() }

// run has callers call f one after another until the time is over. Errors
// count as no operation.
func run(ctx context.Context, l load, f op) sample {
	if l.every == 0 {
		l.every = 1
	}
	runtime.GC() // what earlier slices left is not this one's
	var (
		stop    atomic.Bool
		wg      sync.WaitGroup
		mu      sync.Mutex
		total   sample
		latency = hdrhistogram.New(1, int64(time.Minute), 3)
	)
	began := time.Now()
	for caller := range l.callers {
		wg.Go(func() {
			own := hdrhistogram.New(1, int64(time.Minute), 3)
			s := sample{}
			quota := l.most / l.callers
			for i := 0; !stop.Load() && (l.most == 0 || i < quota); i += l.every {
				sent := time.Now()
				for j := range l.every {
					if err := f(ctx, caller, l.start+i+j); err != nil {
						s.errors++
						if s.err == nil {
							s.err = err
						}
						continue
					}
					s.ops++
				}
				_ = own.RecordValue(int64(time.Since(sent)) / int64(l.every))
			}
			mu.Lock()
			defer mu.Unlock()
			total.ops += s.ops
			total.errors += s.errors
			if total.err == nil {
				total.err = s.err
			}
			latency.Merge(own)
		})
	}
	if l.most == 0 {
		time.Sleep(l.length)
		stop.Store(true)
	}
	wg.Wait()
	total.elapsed = time.Since(began)
	total.p50 = time.Duration(latency.ValueAtQuantile(50))
	total.p99 = time.Duration(latency.ValueAtQuantile(99))
	return total
}

// A pair is a target and the floor, measured in turn: medians over the rounds.
type pair struct {
	rate, floor        float64
	p50, p99           time.Duration
	floorP99           time.Duration
	ratio, p99Ratio    float64
	errorShare, admits float64
	err                error
}

// paired measures the floor and the target in turn, because a machine's speed
// drifts, and takes the median of the rounds' ratios.
func paired(rounds int, floor, target func(round int) sample) pair {
	var rates, floors, ratios, p99Ratios []float64
	var p50s, p99s, floorP99s []time.Duration
	var p pair
	var ops, errors int
	for round := range rounds {
		f := floor(round)
		t := target(round)
		rates, floors = append(rates, t.rate()), append(floors, f.rate())
		ratios = append(ratios, t.rate()/f.rate())
		p50s, p99s, floorP99s = append(p50s, t.p50), append(p99s, t.p99), append(floorP99s, f.p99)
		p99Ratios = append(p99Ratios, float64(t.p99)/float64(f.p99))
		ops, errors = ops+t.ops, errors+t.errors
		if p.err == nil {
			p.err = t.err
		}
		if p.err == nil {
			p.err = f.err
		}
	}
	p.rate, p.floor, p.ratio = median(rates), median(floors), median(ratios)
	p.p50, p.p99, p.floorP99, p.p99Ratio = median(p50s), median(p99s), median(floorP99s), median(p99Ratios)
	p.errorShare = float64(errors) / float64(max(1, ops+errors))
	return p
}

func median[T float64 | time.Duration](values []T) T {
	s := slices.Clone(values)
	slices.Sort(s)
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

// allocations is how many heap objects one call of f makes, in this whole
// process, over n calls by one caller.
func allocations(n int, f func(i int)) float64 {
	for i := range n / 10 {
		f(i)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range n {
		f(i)
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / float64(n)
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
