package main

import (
	"fmt"
	"slices"
	"strings"
)

// steadyBound is how far the fastest round of the floor may be from the
// slowest, as a ratio, in a run whose figures can be trusted to a tenth or so.
const steadyBound = 1.25

// A floorRun is what the floor reached in the rounds of one comparison.
type floorRun struct {
	setting string
	callers int
	// elsewhere says that this floor is of another kind than that of one
	// server on loopback: the two are not compared.
	elsewhere bool
	rates     []float64
}

func (f floorRun) spread() float64 { return slices.Max(f.rates) / slices.Min(f.rates) }

// reportDrift writes what the floor did while everybody else was measured. A
// noisy machine shows in it.
func (b *bench) reportDrift() {
	const table = "The floor's calls per second, round by round"
	if len(b.floors) == 0 {
		return
	}
	var noisy []string
	for _, f := range b.floors {
		for i, rate := range f.rates {
			b.add(table, f.setting, "", fmt.Sprintf("round %d", i+1), rate)
		}
		b.add(table, f.setting, "", "min", slices.Min(f.rates))
		b.add(table, f.setting, "", "median", median(f.rates))
		b.add(table, f.setting, "", "max", slices.Max(f.rates))
		b.add(table, f.setting, "", "max / min", f.spread())
		b.add(table, f.setting, "", "last / first", f.rates[len(f.rates)-1]/f.rates[0])
		if f.spread() > steadyBound {
			noisy = append(noisy, fmt.Sprintf("%s (%.2f)", f.setting, f.spread()))
		}
	}
	if len(noisy) > 0 {
		b.note("NOISY: in %d of %d comparisons the floor's fastest round was more than %.2f times its slowest: %s. "+
			"Ratios of those are less certain than the others.", len(noisy), len(b.floors), steadyBound, strings.Join(noisy, ", "))
	} else {
		b.note("Quiet: in none of %d comparisons was the floor's fastest round more than %.2f times its slowest.", len(b.floors), steadyBound)
	}
	b.wholeRunDrift()
}

// wholeRunDrift compares the floor of the first comparison with that of the
// last, and with all between, at a number of callers that many parts use.
func (b *bench) wholeRunDrift() {
	const callers = 64
	var medians []float64
	for _, f := range b.floors {
		if f.callers == callers && !f.elsewhere {
			medians = append(medians, median(f.rates))
		}
	}
	if len(medians) < 2 {
		return
	}
	first, last := medians[0], medians[len(medians)-1]
	spread := slices.Max(medians) / slices.Min(medians)
	b.note("Over the whole run the floor at %d callers went from %s to %s a second; the slowest comparison had %s, the fastest %s.",
		callers, number(first), number(last), number(slices.Min(medians)), number(slices.Max(medians)))
	if spread > steadyBound {
		b.note("NOISY: that is a factor of %.2f. Ratios stand, because each is taken within its own rounds; do not compare absolute figures of different tables.", spread)
	}
}
