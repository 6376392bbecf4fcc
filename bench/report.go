package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// A result is one figure.
type result struct {
	table   string // which table it stands in
	target  string // who was measured
	setting string // under which circumstances
	measure string // what was measured, and in which unit
	value   float64
}

// report collects what the parts find.
type report struct {
	results  []result
	verdicts []verdict
	notes    []string
	progress io.Writer
}

func (r *report) add(table, target, setting, measure string, value float64) {
	r.results = append(r.results, result{table, target, setting, measure, value})
}

// note says in words what a figure cannot.
func (r *report) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// step says what is being measured.
func (r *report) step(format string, args ...any) {
	fmt.Fprintf(r.progress, format+"\n", args...)
}

// value finds a figure; NaN where it was not measured.
func (r *report) value(table, target, setting, measure string) float64 {
	for _, v := range r.results {
		if v.table == table && v.target == target && v.setting == setting && v.measure == measure {
			return v.value
		}
	}
	return math.NaN()
}

// print writes every table, then the goals.
func (r *report) print(w io.Writer) {
	for _, table := range distinct(r.results, func(v result) string { return v.table }) {
		fmt.Fprintf(w, "\n%s\n\n", table)
		rows := slices.DeleteFunc(slices.Clone(r.results), func(v result) bool { return v.table != table })
		columns := distinct(rows, func(v result) string { return v.measure })
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintf(t, "\t\t%s\n", strings.Join(columns, "\t"))
		type line struct{ target, setting string }
		for _, l := range distinct(rows, func(v result) line { return line{v.target, v.setting} }) {
			cells := make([]string, len(columns))
			for i, c := range columns {
				if v := r.value(table, l.target, l.setting, c); !math.IsNaN(v) {
					cells[i] = number(v)
				}
			}
			fmt.Fprintf(t, "%s\t%s\t%s\n", l.target, l.setting, strings.Join(cells, "\t"))
		}
		_ = t.Flush()
	}
	if len(r.verdicts) > 0 {
		fmt.Fprint(w, "\nGoals\n\n")
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprint(t, "\t\treached\tgoal\t\n")
		for _, v := range r.sorted() {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s %s\t%s\n", v.goal, v.what, number(v.value), v.relation, number(v.bound), word(v.met()))
		}
		_ = t.Flush()
		fmt.Fprintf(w, "\n%s\n", r.summary())
	}
	if len(r.notes) > 0 {
		fmt.Fprint(w, "\nNotes\n\n")
		for _, n := range r.notes {
			fmt.Fprintln(w, "- "+n)
		}
	}
}

// writeCSV writes results.csv and goals.csv.
func (r *report) writeCSV(dir string) error {
	rows := [][]string{{"table", "target", "setting", "measure", "value"}}
	for _, v := range r.results {
		rows = append(rows, []string{v.table, v.target, v.setting, v.measure, exact(v.value)})
	}
	goals := [][]string{{"goal", "what", "reached", "relation", "bound", "met"}}
	for _, v := range r.sorted() {
		goals = append(goals, []string{v.goal, v.what, exact(v.value), v.relation, exact(v.bound), word(v.met())})
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, rows := range map[string][][]string{"results.csv": rows, "goals.csv": goals} {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		w := csv.NewWriter(f)
		err = w.WriteAll(rows)
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func exact(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

// number writes three digits, or whole ones with thousands apart.
func number(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v):
		return "-"
	case a >= 1000:
		s := strconv.FormatFloat(math.Round(v), 'f', 0, 64)
		for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
			s = s[:i] + "," + s[i:]
		}
		return s
	case a >= 100 || v == math.Trunc(v):
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case a >= 1:
		return strconv.FormatFloat(v, 'f', 2, 64)
	default:
		return strconv.FormatFloat(v, 'f', 3, 64)
	}
}

// distinct returns the keys of values in the order of their first appearance.
func distinct[V any, K comparable](values []V, key func(V) K) []K {
	var keys []K
	for _, v := range values {
		if k := key(v); !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	return keys
}
