package recoverytest_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/seed-51359b35/recovery"
)

func newRow(slot string, spec recovery.TokenSpec, now time.Time) *row {
	return &row{
		TokenRecord: recovery.TokenRecord{Slot: slot, Digest: spec.Digest, State: spec.State, Created: now, Expires: now.Add(spec.TTL)},
		spec:        spec, tries: spec.MaxTries,
	}
}

// sameHandle compares two handles.
func (s *table) sameHandle(a, b string) bool {
	switch s.bug {
	case "handles in any case":
		return strings.EqualFold(a, b)
	case "handles of 63 bytes":
		return a[:min(63, len(a))] == b[:min(63, len(b))]
	}
	return a == b
}

// refuse returns why a code is not stored, if that is so.
func (s *table) refuse(slot string, spec recovery.TokenSpec, now time.Time, isLive bool) error {
	if !spec.Code {
		return nil
	}
	var err error
	room := isLive || s.hasRoom(slot, spec, now)
	if s.bug == "looks for room, then puts" {
		s.pause()
	}
	switch {
	case s.bug == "room before guesses" && !room:
		err = recovery.ErrTooManyCodes
	case s.exhausted(slot, spec, now) && s.bug != "stores what cannot be used":
		err = recovery.ErrTooManyGuesses
	case !room:
		err = recovery.ErrTooManyCodes
	}
	if err != nil && s.bug == "refused is spent" && !isLive {
		r := newRow(slot, spec, now)
		r.ended = true
		s.rows = append(s.rows, r)
	}
	return err
}

// hasRoom reports whether there are fewer than MaxLive codes with other handles.
func (s *table) hasRoom(slot string, spec recovery.TokenSpec, now time.Time) bool {
	others := 0
	var youngest *row
	for _, r := range s.rows {
		alive := !r.ended && now.Before(r.Expires) || s.bug == "spent codes take room"
		if s.bug == "claimed codes take no room" && r.owner != "" {
			alive = false
		}
		if r.Slot != slot || !alive {
			continue
		}
		if !s.sameHandle(r.spec.Handle, spec.Handle) {
			others++
			youngest = r
		} else if s.bug == "room for whoever has a code" {
			return true
		}
	}
	if others >= spec.MaxLive && s.bug == "replaces another handle" {
		youngest.ended = true
		return true
	}
	return others < spec.MaxLive
}

// replace ends the code with the same handle.
func (s *table) replace(slot string, spec recovery.TokenSpec, now time.Time) {
	s.forget(slot)
	for _, r := range slices.Clone(s.rows) {
		same := s.sameHandle(r.spec.Handle, spec.Handle) || s.bug == "one code a slot"
		switch {
		case r.Slot != slot || r.ended || !now.Before(r.Expires) || !same:
		case s.bug == "one of all codes", s.bug == "claimed codes stay" && r.owner != "":
		default:
			r.ended = true
			if s.bug == "forgets the replaced" {
				s.rows = slices.DeleteFunc(s.rows, func(other *row) bool { return other == r })
			}
		}
	}
}

// exhausted reports whether a slot had too many wrong guesses, by the numbers of a
// code.
func (s *table) exhausted(slot string, spec recovery.TokenSpec, now time.Time) bool {
	if s.bug == "failures by handle" {
		slot += "\n" + spec.Handle
	}
	n := 0
	for _, at := range s.fails[slot] {
		if now.Sub(at) < spec.FailureWindow || s.bug == "failures never pass" {
			n++
		}
	}
	return n >= spec.MaxFailures
}

// full reports whether a code cannot be used because of wrong guesses.
func (s *table) full(r *row, now time.Time) bool {
	spec := s.numbers[r.Slot]
	if s.bug == "numbers of each code" || s.bug == "failures by handle" {
		spec = r.spec
	}
	return s.exhausted(r.Slot, spec, now)
}

// guess counts a wrong guess.
func (s *table) guess(ref recovery.TokenRef, now time.Time) {
	slot, counted := ref.Slot, s.bug == "counts without a code"
	for _, r := range slices.Clone(s.rows) {
		if r.Slot == slot && !r.spec.Code && s.bug == "guesses kill links" {
			r.tries--
			r.ended = r.tries < -5
		}
		if r.Slot != slot || !r.spec.Code {
			continue
		}
		alive := s.live(r, now) && (!s.full(r, now) || s.bug == "guesses prolong") || s.bug == "counts against dead codes"
		if !alive {
			continue
		}
		if !s.sameHandle(r.spec.Handle, ref.Handle) && s.bug != "guesses at all handles" {
			counted = counted || s.bug == "failures of any handle"
			continue
		}
		left := r.tries - 1
		if s.bug == "guesses race" {
			s.pause()
		}
		r.tries = left
		if r.tries == 0 && s.bug == "guessed out is forgotten" {
			s.rows = slices.DeleteFunc(s.rows, func(other *row) bool { return other == r })
		}
		if r.tries == 0 || s.bug == "dies at the first" {
			r.ended = true
		}
		if s.bug == "failures end the code" && len(s.fails[slot]) == r.spec.MaxFailures-1 {
			r.ended = true
		}
		counted = counted || s.bug != "guesses race"
	}
	if counted {
		if s.bug == "failures by handle" {
			slot += "\n" + ref.Handle
		}
		s.fails[slot] = append(s.fails[slot], now)
	}
}

func (s *table) List(ctx context.Context, slots ...string) ([]recovery.TokenRecord, error) {
	for _, slot := range slots {
		if err := s.check(nil, recovery.TokenRef{Slot: slot, Digest: "d"}); err != nil {
			return nil, err
		}
	}
	if err := s.done(ctx); err != nil {
		if s.bug == "failures are done" {
			return nil, nil
		}
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	var all []recovery.TokenRecord
	for _, slot := range slots {
		found := false
		for _, r := range s.rows {
			if r.Slot == slot {
				found = true
				if s.listed(r, now) {
					all = append(all, r.TokenRecord)
				}
			}
		}
		if !found && s.bug == "no list of absent slots" {
			return nil, recovery.ErrTokenNotFound
		}
		if s.bug == "list writes" {
			s.guesses[slot] = now.Add(time.Hour)
		}
	}
	if s.bug == "lists the youngest first" {
		slices.Reverse(all)
	}
	return all, nil
}

func (s *table) listed(r *row, now time.Time) bool {
	switch s.bug {
	case "lists the ended":
		return r.owner == "" && now.Before(r.Expires)
	case "lists the claimed":
		return !r.ended && now.Before(r.Expires)
	case "lists the expired":
		return !r.ended && r.owner == ""
	case "lists nothing of a full slot":
		return s.live(r, now) && !(r.spec.Code && s.full(r, now))
	}
	return s.live(r, now)
}

func (s *table) End(ctx context.Context, refs ...recovery.TokenRef) error {
	if err := errors.Join(s.done(ctx), s.check(nil, refs...)); err != nil {
		if s.bug == "failures are done" {
			return nil
		}
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for _, ref := range refs {
		r := s.find(ref, now)
		switch {
		case r == nil && s.bug == "end of absent fails":
			return recovery.ErrTokenNotFound
		case r == nil && s.bug == "end guesses":
			s.guess(ref, now)
		case r == nil, s.bug == "end leaves claimed" && r.owner != "":
		case s.bug == "end forgets digests":
			s.rows = slices.DeleteFunc(s.rows, func(other *row) bool { return other == r })
		default:
			r.ended = true
		}
	}
	return nil
}
