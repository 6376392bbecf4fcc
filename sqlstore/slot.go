package sqlstore

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-51359b35/recovery"
)

// A slot is the record of a slot of tokens. Its text is a line with the version
// of the format, a line for each token, oldest first, and, if the slot ever held
// a code, an empty line and a line with the wrong guesses at its codes:
//
//	1
//	digest state expires status [tries claim barred]
//
//	max window time...
//
// status is l for a link, c for a code, and x and y for those that are dead.
// Times are microseconds since 1970. Names are printable ASCII without spaces.
// An empty one is written as a dash, and one of dashes alone has one more.
type slot struct {
	tokens []*token
	// failures are the times of the wrong guesses in the last window.
	failures    []int64
	window      int64
	maxFailures int
}

type token struct {
	digest, state string
	expires       int64
	code, dead    bool
	tries         int    // wrong guesses left
	claim         string // the ID of the claim that holds it, or empty
	barred        []string
}

const (
	slotVersion = "1"
	// maxSpent is how many spent tokens a slot remembers, and maxBarred how
	// many barred claim IDs a token remembers.
	maxSpent  = 64
	maxBarred = 32
)

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
	if words[6] != "-" {
		t.barred = strings.Split(words[6], ",")
	}
	return t, true
}

func (s *slot) text() (text string, expires int64) {
	b := []byte(slotVersion)
	for _, t := range s.tokens {
		status := "lcxy"[btoi(t.code)+2*btoi(t.dead)]
		b = append(append(append(append(b, '\n'), t.digest...), ' '), dash(t.state)...)
		b = append(strconv.AppendInt(append(b, ' '), t.expires, 10), ' ', status)
		if t.tries > 0 || t.claim != "" || len(t.barred) > 0 {
			b = strconv.AppendInt(append(b, ' '), int64(t.tries), 10)
			b = append(append(b, ' '), dash(t.claim)...)
			b = append(append(b, ' '), dash(strings.Join(t.barred, ","))...)
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

// decide does one operation.
func (s *slot) decide(j tokenJob, now int64) (tokenAnswer, bool) {
	s.forget(now)
	switch j.operation {
	case putToken:
		return s.put(j, now)
	case releaseToken:
		return tokenAnswer{word: done}, s.release(j)
	case deleteTokens:
		changed := false
		for _, t := range s.tokens {
			changed = changed || !t.dead
			t.dead = true
		}
		return tokenAnswer{word: done}, changed
	}
	answer, changed := s.use(j, now)
	if !j.ref.Code {
		return answer, changed
	}
	// A guess at a code is one write of about the same size, whatever it finds:
	// the time of a write would tell who has a code (A97).
	if len(s.tokens) == 0 {
		s.tokens = append(s.tokens, decoy(now))
	}
	return answer, true
}

// decoy is a dead token for the slot of a guess that has no tokens, as long as
// that of a code. Its digest is longer than a caller's may be, so it stands in
// nobody's way. It is the oldest of its slot, and the first to be forgotten.
func decoy(now int64) *token {
	return &token{digest: strings.Repeat("-", 100), expires: now + micros(time.Minute), code: true, dead: true}
}

// forget removes what has expired.
func (s *slot) forget(now int64) {
	s.tokens = slices.DeleteFunc(s.tokens, func(t *token) bool { return t.expires <= now })
	s.failures = slices.DeleteFunc(s.failures, func(at int64) bool { return now-at >= s.window })
}

func (s *slot) find(digest string) *token {
	for _, t := range s.tokens {
		if t.digest == digest {
			return t
		}
	}
	return nil
}

func (s *slot) put(j tokenJob, now int64) (tokenAnswer, bool) {
	if t := s.find(j.ref.Digest); t != nil {
		if t.dead || t.claim != "" {
			return tokenAnswer{word: spent}, false
		}
		return t.found(), false
	}
	if j.spec.Code {
		s.maxFailures, s.window = j.spec.MaxFailures, micros(j.spec.FailureWindow)
	}
	s.makeRoom(j.spec.MaxLive)
	t := &token{digest: j.ref.Digest, state: j.spec.State, expires: now + micros(j.spec.TTL), code: j.spec.Code}
	if j.spec.Code {
		t.tries = j.spec.MaxTries
	}
	s.tokens = append(s.tokens, t)
	return t.found(), true
}

func (t *token) found() tokenAnswer {
	return tokenAnswer{word: found, state: t.state, expires: t.expires}
}

// makeRoom kills the youngest tokens until one more fits, so that neither an
// attacker who keeps asking nor a late message kills the first links. Claimed
// ones count, because a release makes them usable again, and go last. Of the
// dead ones it keeps the youngest.
func (s *slot) makeRoom(maxLive int) {
	alive, dead := 0, 0
	for _, t := range s.tokens {
		if t.dead {
			dead++
		} else {
			alive++
		}
	}
	for _, claimed := range []bool{false, true} {
		for _, t := range slices.Backward(s.tokens) {
			if alive >= maxLive && !t.dead && (t.claim != "") == claimed {
				t.dead = true
				alive, dead = alive-1, dead+1
			}
		}
	}
	s.tokens = slices.DeleteFunc(s.tokens, func(t *token) bool {
		if !t.dead || dead <= maxSpent {
			return false
		}
		dead--
		return true
	})
}

// use is what Peek and Claim have in common. A Peek has no claim ID.
func (s *slot) use(j tokenJob, now int64) (tokenAnswer, bool) {
	t := s.find(j.ref.Digest)
	switch {
	case t == nil:
		return tokenAnswer{word: notRecorded}, s.countGuess(now)
	case t.dead:
		return tokenAnswer{word: notFound}, s.countGuess(now)
	case t.claim != "" && t.claim != j.claimID:
		return tokenAnswer{word: held}, false
	case t.code && s.exhausted() || slices.Contains(t.barred, j.claimID):
		return tokenAnswer{word: notFound}, false
	case j.operation == peekToken || t.claim == j.claimID:
		return t.found(), false
	}
	t.claim = j.claimID
	return t.found(), true
}

func (s *slot) exhausted() bool { return len(s.failures) >= s.maxFailures }

// countGuess counts a wrong guess against the live code of the slot. It reports
// false if there is none.
func (s *slot) countGuess(now int64) bool {
	for _, t := range s.tokens {
		if !t.code || t.dead || t.claim != "" {
			continue
		}
		if s.exhausted() {
			return false
		}
		t.tries--
		t.dead = t.tries == 0
		s.failures = append(s.failures, now)
		return true
	}
	return false
}

func (s *slot) release(j tokenJob) (changed bool) {
	t := s.find(j.ref.Digest)
	if t == nil {
		return false
	}
	if t.claim == j.claimID {
		t.claim, changed = "", true
	}
	if !slices.Contains(t.barred, j.claimID) {
		t.barred, changed = append(t.barred, j.claimID), true
		t.barred = t.barred[max(0, len(t.barred)-maxBarred):]
	}
	return changed
}

// A tokenJob is one operation on one slot.
type tokenJob struct {
	operation operation
	ref       recovery.TokenRef
	spec      recovery.TokenSpec // of putToken
	claimID   string             // of claimToken and releaseToken
}

type operation int

const (
	putToken operation = iota
	peekToken
	claimToken
	releaseToken
	deleteTokens
)

// A tokenAnswer is a word, and for the word found the token.
type tokenAnswer struct {
	word    word
	state   string
	expires int64
}

type word int

const (
	notFound word = iota
	notRecorded
	found
	held // by another claim
	spent
	done
)
