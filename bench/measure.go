package main

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
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
	l.every = max(1, l.every)
	runtime.GC() // what earlier slices left is not this one's
	var (
		stop atomic.Bool
		wg   sync.WaitGroup
		// What each caller found is put together after the time was taken.
		own  = make([]sample, l.callers)
		took = make([][]time.Duration, l.callers)
	)
	began := time.Now()
	for caller := range l.callers {
		wg.Go(func() {
			s := &own[caller]
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
				took[caller] = append(took[caller], time.Since(sent)/time.Duration(l.every))
			}
		})
	}
	if l.most == 0 {
		time.Sleep(l.length)
		stop.Store(true)
	}
	wg.Wait()
	total := sample{elapsed: time.Since(began)}
	for _, s := range own {
		total.ops += s.ops
		total.errors += s.errors
		if total.err == nil {
			total.err = s.err
		}
	}
	if all := slices.Concat(took...); len(all) > 0 {
		slices.Sort(all)
		total.p50, total.p99 = all[(len(all)-1)/2], all[(len(all)-1)*99/100]
	}
	return total
}

// A slice measures once, for a short time.
type slice func() sample

// A series is the samples of one target, a round each.
type series []sample

// inTurn measures everybody in each round, because a machine's speed drifts.
// Each round begins with somebody else.
func inTurn(rounds int, slices []slice) []series {
	all := make([]series, len(slices))
	step := max(1, len(slices)/max(1, rounds))
	for round := range rounds {
		for n := range slices {
			at := (n + round*step) % len(slices)
			all[at] = append(all[at], slices[at]())
		}
	}
	return all
}

// each is a figure of every sample.
func (s series) each(figure func(sample) float64) []float64 {
	values := make([]float64, len(s))
	for i := range s {
		values[i] = figure(s[i])
	}
	return values
}

// over is the median of the rounds' ratios of a figure to that of another
// series, which was measured in the same rounds.
func (s series) over(other series, figure func(sample) float64) float64 {
	ratios := s.each(figure)
	for i, v := range other.each(figure) {
		ratios[i] /= v
	}
	return median(ratios)
}

// speedup is how many times the rate of another series this one's is.
func (s series) speedup(other series) float64 { return s.over(other, sample.rate) }

// The figures of a sample, in microseconds.
func p50Micros(s sample) float64 { return micros(s.p50) }
func p99Micros(s sample) float64 { return micros(s.p99) }

// failures is the share of calls that failed, and the first error.
func (s series) failures() (share float64, err error) {
	ops, errors := 0, 0
	for _, one := range s {
		ops, errors = ops+one.ops, errors+one.errors
		if err == nil {
			err = one.err
		}
	}
	return float64(errors) / float64(max(1, ops+errors)), err
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
// process, over n calls by so many callers at once.
func allocations(callers, n int, f func(i int)) float64 {
	each := func(n int) {
		var wg sync.WaitGroup
		for caller := range callers {
			wg.Go(func() {
				for i := caller; i < n; i += callers {
					f(i)
				}
			})
		}
		wg.Wait()
	}
	each(n / 10)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	each(n)
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / float64(n)
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
