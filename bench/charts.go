package main

import (
	"bytes"
	"errors"
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Colours that can be read on white and on black: ours, everybody else's, and
// what is only there for orientation.
var (
	accent  = color.RGBA{R: 0x1f, G: 0x8f, B: 0xd6, A: 0xff}
	muted   = color.RGBA{R: 0x9a, G: 0xa2, B: 0xab, A: 0xff}
	ink     = color.RGBA{R: 0x7a, G: 0x84, B: 0x90, A: 0xff}
	warning = color.RGBA{R: 0xd9, G: 0x6c, B: 0x2f, A: 0xff}
)

// A bar is one line of a chart.
type bar struct {
	label string
	value float64
	text  string // what is written at its end
	own   bool
}

// draw makes the charts of what was measured.
func (b *bench) draw(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return errors.Join(
		b.drawSpeed(filepath.Join(dir, "limiter-speed.svg")),
		b.drawAccuracy(filepath.Join(dir, "limiter-accuracy.svg")),
		b.drawBytes(filepath.Join(dir, "limiter-memory.svg")),
		b.drawForgot(filepath.Join(dir, "forgot.svg")),
		b.drawGrowth(filepath.Join(dir, "growth.svg")),
	)
}

func (b *bench) drawSpeed(path string) error {
	var bars []bar
	for _, t := range limiters {
		v := b.value(speedTable, t.name, callersSetting(64), "x floor")
		bars = append(bars, bar{t.name, v, fmt.Sprintf("%.2f", v), isOurs(t.name)})
	}
	return drawBars(path, "Decisions per second, 64 callers, many keys", "as a multiple of the cheapest possible script call (the line at 1)", bars, 1)
}

func (b *bench) drawAccuracy(path string) error {
	var bars []bar
	for _, t := range limiters {
		most, refused := math.NaN(), 0.0
		for _, r := range b.results {
			if r.table != "Accuracy, 25 in 5 s" || r.target != t.name {
				continue
			}
			switch r.measure {
			case "most in any 5 s":
				most = math.Max(r.value, zeroIfNaN(most))
			case "refused falsely":
				refused += r.value
			}
		}
		text := number(most)
		if refused > 0 {
			text += ", and calls refused that should have passed"
		}
		bars = append(bars, bar{t.name, most, text, isOurs(t.name)})
	}
	return drawBars(path, "Calls let through within 5 seconds, at worst", "the limit is 25 (the line)", bars, limitN)
}

func (b *bench) drawBytes(path string) error {
	var bars []bar
	for _, t := range limiters {
		v := b.value(costTable, t.name, "", "bytes per key at 25 calls")
		if t.name != oursContexts.name { // the same as ours
			bars = append(bars, bar{t.name, v, number(v), isOurs(t.name)})
		}
	}
	return drawBars(path, "Memory in Redis for one caller who has used all 25 calls", "bytes", bars, 0)
}

func (b *bench) drawForgot(path string) error {
	const table = "Forgot requests, 64 at once"
	var bars []bar
	for _, who := range []string{"unknown address", "known address"} {
		for _, kind := range []string{"PocketBase", "ours"} {
			v := b.value(table, kind, who, "over HTTP, per second")
			bars = append(bars, bar{kind + ", " + who, v, number(v), kind == "ours"})
		}
	}
	return drawBars(path, "\"I forgot my password\" requests per second over HTTP", "64 connections, both sides on the same cores", bars, 0)
}

func isOurs(name string) bool { return strings.HasPrefix(name, "ours") }

func zeroIfNaN(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return v
}

// newPlot is an empty chart in our colours.
func newPlot(title, below string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil // the page's own
	p.Title.Text, p.Title.TextStyle.Color = title, ink
	p.Title.TextStyle.Font = font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, 14)
	p.Title.Padding = 8
	p.X.Label.Text = below
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Color, axis.LineStyle.Color, axis.Tick.LineStyle.Color = ink, ink, ink
		for _, style := range []*draw.TextStyle{&axis.Label.TextStyle, &axis.Tick.Label} {
			style.Color = ink
			style.Font = font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, 11)
		}
	}
	return p
}

// drawBars draws horizontal bars, the first on top, and a line at mark.
func drawBars(path, title, below string, bars []bar, mark float64) error {
	bars = slices.DeleteFunc(bars, func(b bar) bool { return math.IsNaN(b.value) })
	if len(bars) == 0 {
		return nil // that part did not run
	}
	slices.Reverse(bars)
	p := newPlot(title, below)
	longest := mark
	var labels plotter.XYLabels
	names := make([]string, len(bars))
	for i, one := range bars {
		c, err := plotter.NewBarChart(plotter.Values{one.value}, vg.Points(15))
		if err != nil {
			return err
		}
		c.Horizontal, c.XMin, c.LineStyle.Width = true, float64(i), 0
		c.Color = muted
		if one.own {
			c.Color = accent
		}
		p.Add(c)
		names[i] = one.label
		longest = max(longest, one.value)
		labels.XYs = append(labels.XYs, plotter.XY{X: one.value, Y: float64(i)})
		labels.Labels = append(labels.Labels, " "+one.text)
	}
	if mark > 0 {
		l, err := plotter.NewLine(plotter.XYs{{X: mark, Y: -0.6}, {X: mark, Y: float64(len(bars)) - 0.4}})
		if err != nil {
			return err
		}
		l.Color, l.Dashes = warning, []vg.Length{vg.Points(4), vg.Points(3)}
		p.Add(l)
	}
	text, err := plotter.NewLabels(labels)
	if err != nil {
		return err
	}
	for i := range text.TextStyle {
		text.TextStyle[i].Color, text.TextStyle[i].YAlign = ink, draw.YCenter
		text.TextStyle[i].Font = font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, 11)
	}
	p.Add(text)
	p.NominalY(names...)
	p.Y.Tick.Length = 0
	p.X.Min, p.X.Max = 0, 1.15*longest
	if slices.ContainsFunc(bars, func(b bar) bool { return len(b.text) > 12 }) {
		p.X.Max = 2 * longest
	}
	return save(p, path, 22*len(bars)+80)
}

// drawGrowth draws cost over size, both as powers of ten.
func (b *bench) drawGrowth(path string) error {
	p := newPlot("Requests per second as everything grows", "live limiter keys, or live tokens")
	p.Y.Label.Text = "x the cheapest script call"
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	top := 1.0
	for i, what := range []string{"live limiter keys", "live tokens"} {
		var points plotter.XYs
		for _, r := range b.results {
			if r.table == growthTable && r.target == what && r.measure == "x floor" {
				var size float64
				_, _ = fmt.Sscan(strings.ReplaceAll(r.setting, ",", ""), &size)
				points = append(points, plotter.XY{X: size, Y: r.value})
				top = max(top, r.value)
			}
		}
		if len(points) == 0 {
			return nil
		}
		l, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return err
		}
		l.Width, dots.Radius, dots.Shape = vg.Points(2), vg.Points(3), draw.CircleGlyph{}
		l.Color, dots.Color = accent, accent
		if i == 1 {
			l.Color, dots.Color = warning, warning
		}
		p.Add(l, dots)
		p.Legend.Add(map[string]string{"live limiter keys": "a rate limit decision", "live tokens": "looking a token up"}[what], l, dots)
	}
	p.Legend.TextStyle.Color, p.Legend.Left, p.Legend.Top = ink, true, false
	p.Legend.TextStyle.Font = font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, 11)
	p.Legend.YOffs, p.Legend.XOffs = vg.Points(10), vg.Points(10)
	p.Y.Min, p.Y.Max = 0, 1.2*top
	return save(p, path, 260)
}

var family = regexp.MustCompile(`font-family:[^;"]*`)

// save writes a chart. Its text is in the reader's own font, because none is
// embedded.
func save(p *plot.Plot, path string, height int) error {
	c := vgsvg.New(720, vg.Length(height))
	p.Draw(draw.New(c))
	var svg bytes.Buffer
	if _, err := c.WriteTo(&svg); err != nil {
		return err
	}
	return os.WriteFile(path, family.ReplaceAll(svg.Bytes(), []byte("font-family:system-ui,'Segoe UI',Helvetica,Arial,sans-serif")), 0o644)
}
