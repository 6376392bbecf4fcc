package messages

import (
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// formatTime writes a time that nobody can mistake for another: the date in the
// order of ISO 8601, 24 hours, and the zone. An abbreviation alone is not
// enough, because IST and CST are three zones each.
func formatTime(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return ""
	}
	t = t.In(zone)
	s := t.Format("2006-01-02 15:04 ")
	name, offset := t.Zone()
	switch {
	case offset == 0 && (name == "UTC" || name == ""):
		return s + "UTC"
	case name == "" || name[0] == '+' || name[0] == '-' || len(name) > 6:
		return s + t.Format("UTC-07:00")
	}
	return s + name + t.Format(" (UTC-07:00)")
}

// formatNetwork returns the network of an address, for hosts without a database
// of places. The whole address would tell the reader nothing more, and would
// tell bystanders too much.
func formatNetwork(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	bits := 24
	if a.Is6() {
		bits = 48
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}

// remaining returns the time until t, and the key of its unit: whole days from
// two days on, hours from two hours on, and minutes below. Minutes are rounded to
// the nearest, because the message about a link of one hour is rendered a moment
// after the link was made. Hours and days are rounded down, because a promise
// that is too short does no harm.
func remaining(now, t time.Time) (unit string, n int) {
	const day = 24 * time.Hour
	d := t.Sub(now).Round(time.Minute)
	switch {
	case d >= 2*day:
		return "days", int(d / day)
	case d >= 2*time.Hour:
		return "hours", int(d / time.Hour)
	}
	return "minutes", max(1, int(d/time.Minute))
}

// textWidth is the width of the text part, in columns. Mail programs that show
// this part wrap longer lines badly or not at all.
const textWidth = 72

// wrap breaks every line of s that is wider than 72 columns. It breaks at
// spaces and behind the punctuation of Chinese and Japanese. It never breaks a
// link, because a link is one word. A link that the template put on its own
// line stays there.
func wrap(s string) string {
	var b strings.Builder
	for i, line := range strings.Split(s, "\n") {
		if i > 0 {
			b.WriteByte('\n')
		}
		column := 0
		for j, word := range breakable(line) {
			trimmed := strings.TrimRight(word, " ")
			if j > 0 && trimmed != "" && column+columns(trimmed) > textWidth {
				b.WriteByte('\n')
				column = 0
			}
			b.WriteString(word)
			column += columns(word)
		}
	}
	lines := strings.Split(b.String(), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.Join(lines, "\n")
}

// breakable splits a line behind every character where wrap may break it.
func breakable(line string) []string {
	var words []string
	start := 0
	for i, r := range line {
		switch r {
		case ' ', '\u3001', '\u3002', '\uff01', '\uff0c', '\uff1a', '\uff1b', '\uff1f':
			words = append(words, line[start:i+utf8.RuneLen(r)])
			start = i + utf8.RuneLen(r)
		}
	}
	return append(words, line[start:])
}

// columns returns how many columns of a terminal s takes.
func columns(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Cf):
		case width.LookupRune(r).Kind() == width.EastAsianWide || width.LookupRune(r).Kind() == width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}
