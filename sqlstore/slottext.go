package sqlstore

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// slotVersion is the version of the text of a slot. The text is a line with this
// version, a line for each token, oldest first, and, if the slot ever held a code,
// an empty line and a line with the wrong guesses at its codes:
//
//	1
//	digest state expires status [tries claim barred]
//
//	max window time...
//
// status is l for a link, c for a code, and x and y for those that are dead, of
// which the rest of the line is not kept. Times are microseconds since 1970. Names
// are printable ASCII without spaces. An empty one is written as a dash, and one of
// dashes alone has one more.
//
// barred are the claim IDs that are barred, with commas between. After them stand
// '@' with the time when the token was stored, and '#' with the handle of a code,
// unless it is empty. A version of this library that knows neither takes them for
// claim IDs, which nobody can have, and keeps them. So it can share the table
// during an upgrade.
const slotVersion = "1"

func parseSlot(text string) (record[tokenJob, tokenAnswer], error) {
	s := &slot{}
	if text == "" {
		return s, nil
	}
	head, guesses, codes := strings.Cut(text, "\n\n")
	version, rest, _ := strings.Cut(head, "\n")
	if version != slotVersion {
		if n, err := strconv.Atoi(version); err == nil && n > 1 {
			return nil, errNewer
		}
		return nil, errUnreadable
	}
	if codes && !s.parseFailures(strings.Fields(guesses)) {
		return nil, errUnreadable
	}
	for line := range strings.SplitSeq(rest, "\n") {
		if line == "" {
			continue
		}
		t, ok := parseToken(strings.Split(line, " "))
		if !ok {
			return nil, errUnreadable
		}
		s.tokens = append(s.tokens, t)
	}
	return s, nil
}

func (s *slot) parseFailures(words []string) bool {
	if len(words) < 2 {
		return false
	}
	var err1, err2 error
	s.maxFailures, err1 = strconv.Atoi(words[0])
	s.window, err2 = strconv.ParseInt(words[1], 10, 64)
	for _, word := range words[2:] {
		at, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return false
		}
		s.failures = append(s.failures, at)
	}
	return err1 == nil && err2 == nil
}

func parseToken(words []string) (t *token, ok bool) {
	if len(words) != 4 && len(words) != 7 {
		return nil, false
	}
	t = &token{digest: words[0], state: undash(words[1])}
	var err error
	if t.expires, err = strconv.ParseInt(words[2], 10, 64); err != nil {
		return nil, false
	}
	switch words[3] {
	case "l":
	case "c":
		t.code = true
	case "x":
		t.dead = true
	case "y":
		t.code, t.dead = true, true
	default:
		return nil, false
	}
	if len(words) == 4 {
		return t, true
	}
	if t.tries, err = strconv.Atoi(words[4]); err != nil {
		return nil, false
	}
	if words[5] != "-" {
		t.claim = words[5]
	}
	if words[6] == "-" {
		return t, true
	}
	for word := range strings.SplitSeq(words[6], ",") {
		var err error
		if created, ok := strings.CutPrefix(word, "@"); ok {
			t.created, err = strconv.ParseInt(created, 10, 64)
		} else if handle, ok := strings.CutPrefix(word, "#"); ok {
			t.handle, err = url.QueryUnescape(handle)
		} else {
			t.barred = append(t.barred, word)
		}
		if err != nil {
			return nil, false
		}
	}
	return t, true
}

// notes returns what parseToken reads as the word barred.
func (t *token) notes() string {
	words := slices.Clone(t.barred)
	if t.created != 0 {
		words = append(words, "@"+strconv.FormatInt(t.created, 10))
	}
	if t.handle != "" {
		words = append(words, "#"+url.QueryEscape(t.handle)) // which escapes commas
	}
	return dash(strings.Join(words, ","))
}

func (s *slot) text() (text string, expires int64) {
	b := []byte(slotVersion)
	for _, t := range s.tokens {
		status := "lcxy"[btoi(t.code)+2*btoi(t.dead)]
		b = append(append(append(append(b, '\n'), t.digest...), ' '), dash(t.state)...)
		b = append(strconv.AppendInt(append(b, ' '), t.expires, 10), ' ', status)
		if !t.dead {
			b = strconv.AppendInt(append(b, ' '), int64(t.tries), 10)
			b = append(append(b, ' '), dash(t.claim)...)
			b = append(append(b, ' '), t.notes()...)
		}
		expires = max(expires, t.expires)
	}
	if s.maxFailures > 0 {
		b = strconv.AppendInt(append(b, "\n\n"...), int64(s.maxFailures), 10)
		b = strconv.AppendInt(append(b, ' '), s.window, 10)
		for _, at := range s.failures {
			b = strconv.AppendInt(append(b, ' '), at, 10)
			expires = max(expires, at+s.window)
		}
	}
	return string(b), expires
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func dash(s string) string {
	if strings.Trim(s, "-") == "" {
		return s + "-"
	}
	return s
}

func undash(s string) string {
	if strings.Trim(s, "-") == "" && s != "" {
		return s[:len(s)-1]
	}
	return s
}
