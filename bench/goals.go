package main

import (
	"fmt"
	"slices"
	"strings"
)

// goalNames are the project's goals that this program judges, in the order in
// which they are printed.
var goalNames = []string{
	"L1", "L2", "L3", "L4", "L5", "L6", "L7", "L8", "L9", "L10", "L11",
	"P1", "T1", "T3", "H1", "H3", "H5", "H6", "H7", "R1", "R2", "R3", "R4",
}

// A verdict is a goal of the project and the figure that it is held against.
type verdict struct {
	goal, what string
	value      float64
	relation   string // "<=", ">=" or "="
	bound      float64
}

func (v verdict) met() bool {
	switch v.relation {
	case "<=":
		return v.value <= v.bound
	case ">=":
		return v.value >= v.bound
	}
	return v.value == v.bound
}

// hold holds a figure against a goal. One that was not measured is none.
func (r *report) hold(goal, what string, value float64, relation string, bound float64) {
	if !slices.Contains(goalNames, goal) {
		panic(fmt.Sprintf("no goal %q", goal))
	}
	r.verdicts = append(r.verdicts, verdict{goal, what, value, relation, bound})
}

// sorted is the verdicts in the order of the goals.
func (r *report) sorted() []verdict {
	v := slices.Clone(r.verdicts)
	slices.SortStableFunc(v, func(a, b verdict) int {
		return slices.Index(goalNames, a.goal) - slices.Index(goalNames, b.goal)
	})
	return v
}

// summary says how many goals were met, which were missed, and of which this
// run has no figure.
func (r *report) summary() string {
	var missed, silent []string
	for _, goal := range goalNames {
		judged, ok := 0, true
		for _, v := range r.verdicts {
			if v.goal == goal {
				judged++
				ok = ok && v.met()
			}
		}
		switch {
		case judged == 0:
			silent = append(silent, goal)
		case !ok:
			missed = append(missed, goal)
		}
	}
	s := fmt.Sprintf("Met: %d of %d goals. Missed: %s.", len(goalNames)-len(missed)-len(silent), len(goalNames), listOr(missed, "none"))
	if len(silent) > 0 {
		s += " No figure in this run: " + strings.Join(silent, ", ") + "."
	}
	return s
}

func listOr(names []string, none string) string {
	if len(names) == 0 {
		return none
	}
	return strings.Join(names, ", ")
}

func word(met bool) string {
	if met {
		return "met"
	}
	return "MISSED"
}
