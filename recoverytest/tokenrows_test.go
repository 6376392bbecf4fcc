package recoverytest_test

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/seed-51359b35/recovery"
)

// dump returns every row and count, in order.
func (s *tableState) dump() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b []byte
	for _, r := range s.rows {
		b = fmt.Appendf(b, "%s %s %s %v %s %v\n", r.Slot, r.Digest, r.State, r.tries, r.owner, r.barred)
	}
	return fmt.Append(b, s.fails, s.guesses)
}

// purge removes what has expired.
func (s *table) purge() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.rows = slices.DeleteFunc(s.rows, func(r *row) bool {
		switch s.bug {
		case "purges the ended":
			return r.ended || !now.Before(r.Expires)
		case "purges by slot":
			return !slices.ContainsFunc(s.rows, func(other *row) bool { return other.Slot == r.Slot && now.Before(other.Expires) })
		case "purge releases claims":
			r.owner = ""
		case "purge forgets barred":
			r.barred = nil
		}
		return !now.Before(r.Expires)
	})
	for slot, fails := range s.fails {
		if len(fails) > 0 && (now.Sub(fails[len(fails)-1]) > s.windows[slot] || s.bug == "purges failures") {
			delete(s.fails, slot)
		}
	}
	maps.DeleteFunc(s.guesses, func(_ string, at time.Time) bool { return now.Sub(at) >= time.Minute })
}

// write writes a guess, also where there is nothing to count.
func (s *table) write(ref recovery.TokenRef, now time.Time) {
	code := slices.ContainsFunc(s.rows, func(r *row) bool { return r.Slot == ref.Slot && r.spec.Code && s.live(r, now) })
	switch {
	case s.bug == "guess spends its digest" && !code:
		spent := recovery.TokenRecord{Slot: ref.Slot, Digest: ref.Digest, Expires: now.Add(time.Minute)}
		s.rows = append(s.rows, &row{TokenRecord: spent, ended: true})
	case s.bug == "guess forgets failures" && !code:
		delete(s.fails, ref.Slot)
	case s.bug == "guess is kept":
		now = now.Add(24 * time.Hour)
	}
	s.guesses[ref.Slot] = now
}

// lastOf returns the youngest row of a slot, or nil.
func (s *table) lastOf(slot string) *row {
	for _, r := range slices.Backward(s.rows) {
		if r.Slot == slot {
			return r
		}
	}
	return nil
}

// freed reports whether the store has freed a slot too early, whose tokens have
// all expired and whose failures still count.
func (s *table) freed(slot string, now time.Time) bool {
	kept := map[string]time.Duration{"failures of a minute": time.Minute, "failures of an hour": time.Hour, "failures of a week": 7 * 24 * time.Hour}[s.bug]
	fails := s.fails[slot]
	return kept > 0 && len(fails) > 0 && now.Sub(fails[len(fails)-1]) > kept &&
		!slices.ContainsFunc(s.rows, func(r *row) bool { return r.Slot == slot && now.Before(r.Expires) })
}

// claimedIn returns how many tokens of a slot are claimed.
func (s *table) claimedIn(slot string, now time.Time) (n int) {
	for _, r := range s.rows {
		if r.Slot == slot && !r.ended && r.owner != "" && now.Before(r.Expires) {
			n++
		}
	}
	return n
}

// pause is a round trip, during which others work. The caller holds mu.
func (s *table) pause() {
	s.mu.Unlock()
	time.Sleep(time.Nanosecond)
	s.mu.Lock()
}

// forget removes old rows of a slot.
func (s *table) forget(slot string) {
	most := map[string]int{"32 spent": 32, "64 of all": 64}[s.bug]
	if most == 0 {
		return
	}
	rows := 0
	for _, r := range slices.Backward(s.rows) {
		if r.Slot == slot && (r.ended || s.bug == "64 of all") {
			rows++
		}
	}
	s.rows = slices.DeleteFunc(s.rows, func(r *row) bool {
		if r.Slot != slot || !r.ended && s.bug != "64 of all" {
			return false
		}
		rows--
		return rows >= most && r.ended
	})
}

// counts returns all counts of guesses, and restore puts them back, as a
// transaction does that is rolled back.
func (s *table) counts() (fails map[string][]time.Time, tries map[*row]int) {
	tries = map[*row]int{}
	for _, r := range s.rows {
		tries[r] = r.tries
	}
	return maps.Clone(s.fails), tries
}

func (s *table) restore(fails map[string][]time.Time, tries map[*row]int) {
	s.fails = fails
	for r, n := range tries {
		r.tries, r.ended = n, r.ended && n != 1
	}
}

// fellow reports whether the first of the refs names the slot of a code.
func (s *table) fellow(refs []recovery.TokenRef, now time.Time) bool {
	return slices.ContainsFunc(s.rows, func(r *row) bool { return r.Slot == refs[0].Slot && r.spec.Code && s.live(r, now) })
}

// bars reports whether an ID is barred on any token of a slot.
func (s *table) bars(slot, id string) bool {
	return slices.ContainsFunc(s.rows, func(r *row) bool { return r.Slot == slot && slices.Contains(r.barred, id) })
}
