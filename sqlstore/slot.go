package sqlstore

import (
	"slices"
	"strings"
	"time"

	"github.com/seed-51359b35/recovery"
)

// A slot is the record of a slot of tokens.
type slot struct {
	tokens []*token
	// failures are the times of the wrong guesses in the last window.
	failures    []int64
	window      int64
	maxFailures int
}

type token struct {
	digest, state    string
	created, expires int64 // created is 0 if an earlier version has written the token
	code, dead       bool
	handle           string // of a code
	tries            int    // wrong guesses left
	claim            string // the ID of the claim that holds it, or empty
	barred           []string
}

const (
	// maxSpent is how many spent tokens a slot remembers, and maxBarred how
	// many barred claim IDs a token remembers.
	maxSpent  = 64
	maxBarred = 32
)

// decide does one operation.
func (s *slot) decide(j tokenJob, now int64) (tokenAnswer, bool) {
	s.forget(now)
	switch j.operation {
	case putToken:
		return s.put(j, now)
	case releaseToken:
		return tokenAnswer{word: done}, s.release(j)
	case deleteTokens:
		return tokenAnswer{word: done}, kill(s.tokens...)
	case listTokens:
		return tokenAnswer{word: done, live: s.live(j.ref.Slot)}, false
	case endToken:
		t := s.find(j.ref.Digest)
		return tokenAnswer{word: done}, t != nil && kill(t)
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
// that of a code with its handle. Its digest is longer than a caller's may be, so it
// stands in nobody's way. It is the oldest of its slot, and the first to be
// forgotten.
func decoy(now int64) *token {
	return &token{digest: strings.Repeat("-", 125), expires: now + micros(time.Minute), code: true, dead: true}
}

// kill makes tokens dead. It reports whether one of them was not.
func kill(tokens ...*token) (changed bool) {
	for _, t := range tokens {
		changed = changed || !t.dead
		t.dead = true
	}
	return changed
}

// live returns the tokens that a Peek could find if there were no wrong guesses, the
// oldest first.
func (s *slot) live(name string) (records []recovery.TokenRecord) {
	for _, t := range s.tokens {
		if !t.dead && t.claim == "" {
			records = append(records, t.record(name))
		}
	}
	slices.SortStableFunc(records, func(a, b recovery.TokenRecord) int { return a.Created.Compare(b.Created) })
	return records
}

func (t *token) record(slot string) recovery.TokenRecord {
	r := recovery.TokenRecord{Slot: slot, Digest: t.digest, State: t.state, Expires: time.UnixMicro(t.expires)}
	if t.created != 0 {
		r.Created = time.UnixMicro(t.created)
	}
	return r
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
	t := s.find(j.ref.Digest)
	if t != nil && (t.dead || t.claim != "") {
		return tokenAnswer{word: spent}, false
	}
	if j.spec.Code && s.failuresIn(micros(j.spec.FailureWindow), now) >= j.spec.MaxFailures {
		return tokenAnswer{word: tooManyGuesses}, false
	}
	if t != nil {
		return t.found(j), false
	}
	if j.spec.Code {
		if !s.hasRoomForCode(j.spec) {
			return tokenAnswer{word: tooManyCodes}, false
		}
		s.maxFailures, s.window = j.spec.MaxFailures, micros(j.spec.FailureWindow)
		s.killCodeOf(j.spec.Handle)
	} else {
		s.makeRoom(j.spec.MaxLive)
	}
	s.forgetSpent()
	t = &token{
		digest: j.ref.Digest, state: j.spec.State, created: now, expires: now + micros(j.spec.TTL), code: j.spec.Code, handle: j.spec.Handle,
	}
	if j.spec.Code {
		t.tries = j.spec.MaxTries
	}
	s.tokens = append(s.tokens, t)
	return t.found(j), true
}

func (t *token) found(j tokenJob) tokenAnswer {
	return tokenAnswer{word: found, token: t.record(j.ref.Slot)}
}

// makeRoom kills the youngest links until one more fits, so that neither an
// attacker who keeps asking nor a late message kills the first ones. Claimed
// ones count, because a release makes them usable again, and go last.
func (s *slot) makeRoom(maxLive int) {
	alive := 0
	for _, t := range s.tokens {
		if !t.dead {
			alive++
		}
	}
	for _, claimed := range []bool{false, true} {
		for _, t := range slices.Backward(s.tokens) {
			if alive >= maxLive && !t.dead && (t.claim != "") == claimed {
				t.dead = true
				alive--
			}
		}
	}
}

// hasRoomForCode reports whether one more code fits beside those of other handles.
// These are not replaced: otherwise a stranger who asks for codes would end those of
// the person.
func (s *slot) hasRoomForCode(spec recovery.TokenSpec) bool {
	others := 0
	for _, t := range s.tokens {
		if !t.dead && t.handle != spec.Handle {
			others++
		}
	}
	return others < spec.MaxLive
}

// killCodeOf kills the code of a handle, also if it is claimed.
func (s *slot) killCodeOf(handle string) {
	for _, t := range s.tokens {
		if t.handle == handle {
			t.dead = true
		}
	}
}

// forgetSpent forgets the oldest of too many dead tokens.
func (s *slot) forgetSpent() {
	dead := 0
	for _, t := range s.tokens {
		dead += btoi(t.dead)
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
		return tokenAnswer{word: notRecorded}, s.countGuess(j.ref.Handle, now)
	case t.dead:
		return tokenAnswer{word: notFound}, s.countGuess(j.ref.Handle, now)
	case t.claim != "" && t.claim != j.claimID:
		return tokenAnswer{word: held}, false
	case slices.Contains(t.barred, j.claimID):
		return tokenAnswer{word: notFound}, false
	case t.code && s.exhausted():
		return tokenAnswer{word: tooManyGuesses}, false
	case j.operation == peekToken || t.claim == j.claimID:
		return t.found(j), false
	}
	t.claim = j.claimID
	return t.found(j), true
}

func (s *slot) exhausted() bool { return len(s.failures) >= s.maxFailures }

func (s *slot) failuresIn(window, now int64) (n int) {
	for _, at := range s.failures {
		n += btoi(now-at < window)
	}
	return n
}

// countGuess counts a wrong guess against the live code of the handle. It reports
// false if there is none.
func (s *slot) countGuess(handle string, now int64) bool {
	for _, t := range s.tokens {
		if !t.code || t.dead || t.claim != "" || t.handle != handle {
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
	listTokens
	endToken
)

// A tokenAnswer is a word, for the word found the token, and for listTokens those
// that are live.
type tokenAnswer struct {
	word  word
	token recovery.TokenRecord
	live  []recovery.TokenRecord
}

type word int

const (
	notFound word = iota
	notRecorded
	found
	held // by another claim
	spent
	tooManyGuesses
	tooManyCodes
	done
)
