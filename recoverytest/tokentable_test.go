package recoverytest_test

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed-51359b35/recovery"
)

// table is a TokenStore as a team might write it. It is right, except for one
// bug that it can be given. Several instances may share one state.
type table struct {
	*tableState
	bug   string
	cache map[recovery.TokenRef]recovery.TokenRecord // of an instance, for one bug
}

type tableState struct {
	manual
	mu    sync.Mutex
	rows  []*row
	fails map[string][]time.Time
	// guesses has the last guess at each slot, for what it costs to write it.
	guesses map[string]time.Time
	// windows are the longest FailureWindow of each slot.
	windows map[string]time.Duration
	// numbers are the spec of the code that was stored last in each slot.
	numbers map[string]recovery.TokenSpec
	last    *row                       // for one bug
	seen    map[recovery.TokenRef]bool // the wrong guesses, for one bug
	fault   string                     // "stalls", "breaks" or nothing
}

type row struct {
	recovery.TokenRecord
	spec    recovery.TokenSpec
	tries   int
	owner   string
	claimed time.Time
	barred  []string
	ended   bool
}

// manual is a clock that the test moves, once stopped is set.
type manual struct {
	clock   sync.Mutex
	stopped time.Time
}

func (m *manual) now() time.Time {
	m.clock.Lock()
	defer m.clock.Unlock()
	if m.stopped.IsZero() {
		return time.Now()
	}
	return m.stopped
}

func (m *manual) advance(d time.Duration) {
	m.clock.Lock()
	defer m.clock.Unlock()
	m.stopped = m.stopped.Add(d)
}

func newTable(bug string) *table {
	return &table{tableState: &tableState{fails: map[string][]time.Time{}, windows: map[string]time.Duration{}, numbers: map[string]recovery.TokenSpec{}, guesses: map[string]time.Time{}, seen: map[recovery.TokenRef]bool{}}, bug: bug}
}

func (s *table) find(ref recovery.TokenRef, now time.Time) *row {
	for _, r := range s.rows {
		same := r.Digest == ref.Digest && r.Slot == ref.Slot
		if s.bug == "digests in any case" {
			same = strings.EqualFold(r.Digest, ref.Digest) && r.Slot == ref.Slot
		}
		switch s.bug {
		case "digests of all slots":
			same = r.Digest == ref.Digest
		case "digests of 63 bytes":
			same = r.Slot == ref.Slot && r.Digest[:min(63, len(r.Digest))] == ref.Digest[:min(63, len(ref.Digest))]
		case "slots of 127 bytes":
			same = r.Digest == ref.Digest && r.Slot[:min(127, len(r.Slot))] == ref.Slot[:min(127, len(ref.Slot))]
		case "slots by LIKE":
			same = r.Digest == ref.Digest && like(ref.Slot, r.Slot)
		case "digests by LIKE":
			same = r.Slot == ref.Slot && like(ref.Digest, r.Digest)
		case "joins by a colon":
			same = r.Slot+":"+r.Digest == ref.Slot+":"+ref.Digest
		case "joins by nothing":
			same = r.Slot+r.Digest == ref.Slot+ref.Digest
		}
		if s.bug == "sought by handle" && ref.Code && r.spec.Handle != ref.Handle {
			same = false
		}
		if same && (now.Before(r.Expires) || s.bug == "no expiry") {
			return r
		}
	}
	return nil
}

func (s *table) live(r *row, now time.Time) bool {
	return !r.ended && r.owner == "" && (now.Before(r.Expires) || s.bug == "no expiry")
}

// check refuses malformed names, and a malformed id if there is one.
func (s *table) check(id *string, refs ...recovery.TokenRef) error {
	if s.bug == "takes any name" {
		return nil
	}
	if id != nil && s.bug != "claims for nobody" && !claimID.MatchString(*id) {
		return errors.New("malformed id")
	}
	for _, ref := range refs {
		if err := ref.Validate(); err != nil {
			return err
		}
		if s.bug == "guesses before it checks" {
			s.mu.Lock()
			s.guess(ref, s.now())
			s.mu.Unlock()
		}
	}
	return nil
}

var claimID = regexp.MustCompile(`^[0-9A-Za-z]{1,64}$`)

// done returns an error if ctx has ended, or while the server fails.
func (s *table) done(ctx context.Context) error {
	if s.bug == "ignores ctx" {
		return nil
	}
	s.mu.Lock()
	fault := s.fault
	s.mu.Unlock()
	err := ctx.Err()
	switch fault {
	case "stalls":
		if s.bug == "does not pass ctx on" {
			time.Sleep(time.Hour)
		}
		<-ctx.Done()
		err = ctx.Err()
	case "breaks":
		err = errors.New("connection refused")
	}
	if err != nil {
		switch s.bug {
		case "failures are not found":
			return recovery.ErrTokenNotFound
		case "failures are spent":
			return recovery.ErrTokenSpent
		}
	}
	return err
}

func (s *table) Put(ctx context.Context, slot string, spec recovery.TokenSpec) (recovery.TokenRecord, error) {
	if err := s.done(ctx); err != nil {
		return recovery.TokenRecord{}, err
	}
	if s.bug != "takes anything" {
		if err := errors.Join(recovery.TokenRef{Slot: slot, Digest: spec.Digest}.Validate(), spec.Validate()); err != nil {
			return recovery.TokenRecord{}, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if spec.Code {
		s.windows[slot] = max(s.windows[slot], spec.FailureWindow)
	}
	if s.bug == "32 bits of milliseconds" {
		spec.TTL = min(spec.TTL, 1<<31*time.Millisecond)
	}
	if s.bug == "failures of a day" {
		spec.FailureWindow = min(spec.FailureWindow, 24*time.Hour)
	}
	if s.bug == "one byte of tries" {
		spec.MaxTries = min(spec.MaxTries, 255)
	}
	if s.bug == "one byte of failures" {
		spec.MaxFailures = min(spec.MaxFailures, 255)
	}
	if s.bug == "a dash for no state" && spec.State == "" {
		spec.State = "-"
	}
	switch s.bug {
	case "one TTL for all":
		spec.TTL = 10 * time.Minute
	case "lower-cases states":
		spec.State = strings.ToLower(spec.State)
	case "cuts states":
		spec.State = spec.State[:min(32, len(spec.State))]
	case "put again takes a place":
		s.makeRoom(slot, spec, now)
		if r := s.find(recovery.TokenRef{Slot: slot, Digest: spec.Digest}, now); r != nil {
			r.ended = false
		}
	case "spent for ever":
		for _, r := range s.rows {
			if r.Slot == slot && r.Digest == spec.Digest && (r.ended || r.owner != "") {
				return recovery.TokenRecord{}, recovery.ErrTokenSpent
			}
		}
	case "at most 3 live":
		spec.MaxLive = min(spec.MaxLive, 3)
	case "looks, then puts":
		if s.find(recovery.TokenRef{Slot: slot, Digest: spec.Digest}, now) == nil {
			s.pause()
			s.makeRoom(slot, spec, now)
			r := newRow(slot, spec, now)
			s.rows = append(s.rows, r)
			return r.TokenRecord, nil
		}
	}
	switch s.bug {
	case "TTL of whole seconds":
		spec.TTL = max(spec.TTL.Truncate(time.Second), time.Millisecond)
	case "failures of whole seconds":
		spec.FailureWindow = max(spec.FailureWindow.Truncate(time.Second), time.Millisecond)
	}
	if s.bug == "TTL in seconds" {
		spec.TTL = spec.TTL.Truncate(time.Second) + time.Second
	}
	if r := s.find(recovery.TokenRef{Slot: slot, Digest: spec.Digest}, now); r != nil {
		switch {
		case s.bug == "put resets tries":
			r.tries = spec.MaxTries
		case s.bug == "put renews the expiry":
			r.Expires = now.Add(spec.TTL)
		case s.bug == "put overwrites the state":
			r.State = spec.State
		case s.bug == "put revives deleted" && r.owner == "":
			r.ended = false
		case s.bug == "put revives claimed":
			r.owner = ""
		}
		if r.ended || r.owner != "" || s.bug == "released is spent" && len(r.barred) > 0 {
			if s.bug == "spent is not found" {
				return recovery.TokenRecord{}, recovery.ErrTokenNotFound
			}
			return recovery.TokenRecord{}, recovery.ErrTokenSpent
		}
		if err := s.refuse(slot, spec, now, true); err != nil {
			return recovery.TokenRecord{}, err
		}
		if s.bug == "put again is created again" {
			r.Created = now
		}
		return r.TokenRecord, nil
	}
	if err := s.refuse(slot, spec, now, false); err != nil {
		return recovery.TokenRecord{}, err
	}
	if spec.Code {
		s.numbers[slot] = spec
		s.replace(slot, spec, now)
	} else {
		s.makeRoom(slot, spec, now)
	}
	if s.bug == "failures reset by a new code" || s.freed(slot, now) {
		delete(s.fails, slot)
	}
	r := newRow(slot, spec, now)
	if s.bug == "one try too many" {
		r.tries++
	}
	if last := s.lastOf(slot); s.bug == "tries of the slot" && last != nil && spec.Code {
		r.tries = max(1, last.tries)
	}
	if s.bug == "newest gives way" && s.claimedIn(slot, now) >= spec.MaxLive-1 {
		r.ended = true
	}
	s.rows = append(s.rows, r)
	s.last = r
	return r.TokenRecord, nil
}

func (s *table) makeRoom(slot string, spec recovery.TokenSpec, now time.Time) {
	var victims []*row // in the order in which they go
	for _, claimed := range []bool{false, true} {
		for _, r := range slices.Backward(s.rows) {
			alive := !r.ended && now.Before(r.Expires)
			switch s.bug {
			case "expired take places":
				alive = !r.ended
			case "deleted take places":
				alive = now.Before(r.Expires)
			}
			if r.Slot == slot && alive && (r.owner != "") == claimed {
				victims = append(victims, r)
			}
		}
	}
	switch s.bug {
	case "fourth kills the oldest":
		slices.Reverse(victims)
	case "claimed take no place":
		victims = slices.DeleteFunc(victims, func(r *row) bool { return r.owner != "" })
	case "fourth kills the claimed":
		slices.SortStableFunc(victims, func(a, b *row) int { return -len(a.owner) + len(b.owner) })
	case "unbounded":
		return
	case "replaces one":
		if len(victims) > spec.MaxLive {
			spec.MaxLive = len(victims)
		}
	case "fourth is refused":
		if len(victims) >= spec.MaxLive {
			spec.MaxLive = len(victims) + 1
		}
	}
	s.forget(slot)
	for i := 0; i <= len(victims)-spec.MaxLive; i++ {
		victims[i].ended = true
		if s.bug == "forgets the replaced" {
			s.rows = slices.DeleteFunc(s.rows, func(r *row) bool { return r == victims[i] })
		}
	}
}

func (s *table) Peek(ctx context.Context, refs ...recovery.TokenRef) (recovery.TokenRecord, error) {
	if err := s.check(nil, refs...); err != nil {
		return recovery.TokenRecord{}, err
	}
	return s.use(ctx, "", refs)
}

func (s *table) Claim(ctx context.Context, id string, refs ...recovery.TokenRef) (recovery.TokenRecord, error) {
	if err := s.check(&id, refs...); err != nil {
		return recovery.TokenRecord{}, err
	}
	return s.use(ctx, id, refs)
}

func (s *table) use(ctx context.Context, id string, refs []recovery.TokenRef) (recovery.TokenRecord, error) {
	if err := s.done(ctx); err != nil {
		return recovery.TokenRecord{}, err
	}
	if s.bug == "looks, then claims" && id != "" {
		// This is the race of a store that needs two round trips.
		if _, err := s.use(ctx, "", refs); err != nil {
			return recovery.TokenRecord{}, err
		}
		time.Sleep(time.Nanosecond)
		s.mu.Lock()
		defer s.mu.Unlock()
		r := s.find(refs[0], s.now())
		r.owner = id
		return r.TokenRecord, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if s.cache != nil && id == "" && len(refs) == 1 {
		if t, ok := s.cache[refs[0]]; ok && now.Before(t.Expires) {
			return t, nil
		}
	}
	if s.bug == "no refs is an error" && len(refs) == 0 {
		return recovery.TokenRecord{}, errors.New("no refs")
	}
	switch s.bug {
	case "claim IDs in any case":
		id = strings.ToLower(id)
	case "claim IDs cut":
		id = id[:min(32, len(id))]
	}
	fails, tries := s.counts()
	counted := 0
	if s.bug == "first ref only" {
		refs = refs[:min(1, len(refs))]
	}
	if s.bug == "writes for anybody" {
		s.fails[refs[0].Slot] = append(s.fails[refs[0].Slot], time.Time{})
	}
	var found *row
	held := false
	for i, ref := range refs {
		r := s.find(ref, now)
		if ref.Code && s.bug != "guess writes nothing" {
			s.write(ref, now)
		}
		if s.bug == "claims lapse" && r != nil && now.Sub(r.claimed) > 5*time.Second {
			r.owner = ""
		}
		if r == nil || r.ended {
			counted++
			switch {
			case s.bug == "peek does not count" && id == "", s.bug == "claim does not count" && id != "":
			case s.bug == "guesses at the first ref" && ref != refs[0], s.bug == "one guess for all refs" && counted > 1 && s.fellow(refs, now):
			case s.bug == "stops at a held token" && held, s.bug == "stops at the right one" && found != nil:
			case s.bug == "barred IDs guess for free" && s.bars(ref.Slot, id):
			case s.bug == "replaced is no guess" && r != nil && r.owner == "", s.bug == "claimed once is no guess" && r != nil && r.owner != "":
			case s.bug == "same guess once" && s.seen[ref]:
			case s.bug == "one guess a slot" && slices.IndexFunc(refs, func(other recovery.TokenRef) bool { return other.Slot == ref.Slot }) < i:
			default:
				s.guess(ref, now)
				s.seen[ref] = true
			}
			continue
		}
		if s.bug == "counts right guesses" && r.spec.Code {
			s.guess(recovery.TokenRef{Slot: ref.Slot, Handle: r.spec.Handle}, now)
		}
		switch {
		case r.owner != "" && r.owner != id:
			if s.bug == "peeks at claimed" && id == "" {
				return r.TokenRecord, nil
			}
			held = s.bug != "held elsewhere is free"
		case s.bug == "bars in the whole slot" && s.bars(r.Slot, id):
		case slices.Contains(r.barred, id), s.bug == "bars in any case" && slices.Contains(r.barred, strings.ToLower(id)):
		case r.spec.Code && s.full(r, now):
		case r.owner == id && id != "" && s.bug == "claim not idempotent":
		case found == nil:
			found = r
		}
	}
	if held && s.bug == "rolls back beside a held token" || found != nil && s.bug == "rolls back beside a right one" {
		s.restore(fails, tries)
	}
	if found != nil && s.bug == "counts other refs for the right one" && counted > 0 && found.spec.Code {
		found.tries--
		found.ended = found.tries == 0
	}
	if found == nil || held {
		if s.bug == "absent is another error" {
			return recovery.TokenRecord{}, errors.New("nothing here")
		}
		if s.bug == "spent is not recorded" {
			return recovery.TokenRecord{}, recovery.ErrTokenNotRecorded
		}
		if held && s.bug == "refused claim takes what is free" && found != nil && id != "" {
			found.owner = id
		}
		return recovery.TokenRecord{}, recovery.ErrTokenNotFound
	}
	if s.bug == "writes back the row" && id != "" {
		s.pause()
		found.ended = false
	}
	if id != "" && s.bug != "double winner" {
		found.owner, found.claimed = id, now
	}
	if s.bug == "peek claims" {
		found.owner += "x"
	}
	if s.bug == "wrong record echoed" && s.last != nil {
		return s.last.TokenRecord, nil
	}
	if s.cache != nil && id == "" && len(refs) == 1 {
		s.cache[refs[0]] = found.TokenRecord
	}
	return found.TokenRecord, nil
}

func (s *table) Release(ctx context.Context, id string, refs ...recovery.TokenRef) error {
	if err := errors.Join(s.done(ctx), s.check(&id, refs...)); err != nil {
		if s.bug == "failures are done" {
			return nil
		}
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	switch s.bug {
	case "claim IDs in any case", "bars in any case":
		id = strings.ToLower(id)
	case "claim IDs cut":
		id = id[:min(32, len(id))]
	}
	for _, ref := range refs {
		r := s.find(ref, now)
		if s.bug == "release guesses" && r == nil {
			s.guess(ref, now)
		}
		if r == nil {
			if s.bug == "release of absent fails" {
				return recovery.ErrTokenNotFound
			}
			continue
		}
		holds := r.owner == id
		if holds || s.bug == "release by anybody" {
			r.owner = ""
			switch s.bug {
			case "release renews the tries":
				r.tries = r.spec.MaxTries
			case "release forgets failures":
				delete(s.fails, r.Slot)
			}
			if s.bug == "release revives the dead" {
				r.ended = false
			}
			if s.bug == "release ends" {
				r.ended = true
			}
		}
		switch {
		case s.bug == "forgets barred":
		case s.bug == "bars owners only" && !holds:
		case s.bug == "bars one id":
			r.barred = []string{id}
		default:
			r.barred = append(r.barred, id)
		}
	}
	return nil
}

func (s *table) Delete(ctx context.Context, slots ...string) error {
	for _, slot := range slots {
		if err := s.check(nil, recovery.TokenRef{Slot: slot, Digest: "d"}); err != nil && s.bug != "delete checks as it goes" {
			return err
		}
	}
	if err := s.done(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, slot := range slots {
		if err := (recovery.TokenRef{Slot: slot, Digest: "d"}).Validate(); err != nil && s.bug == "delete checks as it goes" {
			return err
		}
		if s.bug == "delete of one slot" {
			slot = slots[0]
		}
		for _, r := range s.rows {
			if r.Slot == slot && (r.owner == "" || s.bug != "delete leaves claimed") {
				r.ended = true
			}
		}
		if s.bug == "delete forgets claimed" {
			s.rows = slices.DeleteFunc(s.rows, func(r *row) bool { return r.Slot == slot && r.owner != "" })
		}
		if s.bug == "delete forgets digests" {
			s.rows = slices.DeleteFunc(s.rows, func(r *row) bool { return r.Slot == slot })
		}
		if s.bug == "delete forgets failures" {
			delete(s.fails, slot)
		}
	}
	return nil
}
