package recoverytest_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
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
	last    *row // for one bug
}

type row struct {
	recovery.TokenRecord
	spec   recovery.TokenSpec
	tries  int
	owner  string
	barred []string
	ended  bool
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
	return &table{tableState: &tableState{fails: map[string][]time.Time{}, guesses: map[string]time.Time{}}, bug: bug}
}

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
func (s *tableState) purge() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.rows = slices.DeleteFunc(s.rows, func(r *row) bool { return !now.Before(r.Expires) })
	for slot, fails := range s.fails {
		if len(fails) > 0 && now.Sub(fails[len(fails)-1]) > time.Hour {
			delete(s.fails, slot)
		}
	}
	maps.DeleteFunc(s.guesses, func(_ string, at time.Time) bool { return now.Sub(at) >= time.Minute })
}

func (s *table) find(ref recovery.TokenRef, now time.Time) *row {
	for _, r := range s.rows {
		same := r.Digest == ref.Digest && r.Slot == ref.Slot
		if s.bug == "digests of all slots" {
			same = r.Digest == ref.Digest
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
	}
	return nil
}

var claimID = regexp.MustCompile(`^[0-9A-Za-z]{1,64}$`)

func (s *table) done(ctx context.Context) error {
	if s.bug == "ignores ctx" {
		return nil
	}
	return ctx.Err()
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
		if r.ended || r.owner != "" {
			if s.bug == "spent is not found" {
				return recovery.TokenRecord{}, recovery.ErrTokenNotFound
			}
			return recovery.TokenRecord{}, recovery.ErrTokenSpent
		}
		return r.TokenRecord, nil
	}
	s.makeRoom(slot, spec, now)
	if s.bug == "failures reset by a new code" {
		delete(s.fails, slot)
	}
	r := &row{TokenRecord: recovery.TokenRecord{Slot: slot, Digest: spec.Digest, State: spec.State, Expires: now.Add(spec.TTL)}, spec: spec, tries: spec.MaxTries}
	if s.bug == "one try too many" {
		r.tries++
	}
	s.rows = append(s.rows, r)
	s.last = r
	return r.TokenRecord, nil
}

func (s *table) makeRoom(slot string, spec recovery.TokenSpec, now time.Time) {
	var victims []*row // in the order in which they go
	for _, claimed := range []bool{false, true} {
		for _, r := range slices.Backward(s.rows) {
			if r.Slot == slot && !r.ended && now.Before(r.Expires) && (r.owner != "") == claimed {
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
	case "fourth is refused":
		if len(victims) >= spec.MaxLive {
			spec.MaxLive = len(victims) + 1
		}
	case "one of all codes":
		if spec.Code {
			return
		}
	}
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
	if s.bug == "first ref only" {
		refs = refs[:min(1, len(refs))]
	}
	if s.bug == "writes for anybody" {
		s.fails[refs[0].Slot] = append(s.fails[refs[0].Slot], time.Time{})
	}
	var found *row
	held := false
	for _, ref := range refs {
		r := s.find(ref, now)
		if ref.Code && s.bug != "guess writes nothing" {
			s.write(ref, now)
		}
		if r == nil || r.ended {
			if !(s.bug == "peek does not count" && id == "") && !(s.bug == "claim does not count" && id != "") {
				s.guess(ref.Slot, now)
			}
			continue
		}
		if s.bug == "counts right guesses" && r.spec.Code {
			s.guess(ref.Slot, now)
		}
		switch {
		case r.owner != "" && r.owner != id:
			if s.bug == "peeks at claimed" && id == "" {
				return r.TokenRecord, nil
			}
			held = s.bug != "held elsewhere is free"
		case slices.Contains(r.barred, id):
		case r.spec.Code && s.full(r, now):
		case r.owner == id && id != "" && s.bug == "claim not idempotent":
		case found == nil:
			found = r
		}
	}
	if found == nil || held {
		if s.bug == "absent is another error" {
			return recovery.TokenRecord{}, errors.New("nothing here")
		}
		if held && s.bug == "refused claim takes what is free" && found != nil && id != "" {
			found.owner = id
		}
		return recovery.TokenRecord{}, recovery.ErrTokenNotFound
	}
	if id != "" && s.bug != "double winner" {
		found.owner = id
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

func (s *table) full(r *row, now time.Time) bool {
	n := 0
	for _, at := range s.fails[r.Slot] {
		if now.Sub(at) < r.spec.FailureWindow || s.bug == "failures never pass" {
			n++
		}
	}
	return n >= r.spec.MaxFailures
}

func (s *table) guess(slot string, now time.Time) {
	counted := false
	for _, r := range s.rows {
		if r.Slot != slot || !r.spec.Code {
			continue
		}
		alive := s.live(r, now) && (!s.full(r, now) || s.bug == "guesses prolong") || s.bug == "counts against dead codes"
		if !alive {
			continue
		}
		r.tries--
		if r.tries == 0 || s.bug == "dies at the first" {
			r.ended = true
		}
		counted = true
	}
	if counted || s.bug == "counts without a code" {
		s.fails[slot] = append(s.fails[slot], now)
	}
}

func (s *table) Release(ctx context.Context, id string, refs ...recovery.TokenRef) error {
	if err := errors.Join(s.done(ctx), s.check(&id, refs...)); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for _, ref := range refs {
		r := s.find(ref, now)
		if r == nil {
			if s.bug == "release of absent fails" {
				return recovery.ErrTokenNotFound
			}
			continue
		}
		holds := r.owner == id
		if holds || s.bug == "release by anybody" {
			r.owner = ""
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
		if err := s.check(nil, recovery.TokenRef{Slot: slot, Digest: "d"}); err != nil {
			return err
		}
	}
	if err := s.done(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, slot := range slots {
		if s.bug == "delete of one slot" {
			slot = slots[0]
		}
		for _, r := range s.rows {
			if r.Slot == slot && (r.owner == "" || s.bug != "delete leaves claimed") {
				r.ended = true
			}
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

func tableHarness(bug string) recoverytest.TokenStoreHarness {
	h := recoverytest.TokenStoreHarness{
		New:    func(*testing.T) recovery.TokenStore { return newTable(bug) },
		Bubble: synctest.Test,
		Dump:   func(_ *testing.T, s recovery.TokenStore) []byte { return s.(*table).dump() },
		Purge: func(_ *testing.T, s recovery.TokenStore) {
			if bug != "keeps for ever" {
				time.Sleep(2 * time.Hour)
				s.(*table).purge()
			}
		},
	}
	if bug == "instances apart" || bug == "caches" {
		h.Another = func(_ *testing.T, first recovery.TokenStore) recovery.TokenStore {
			if bug == "instances apart" {
				return newTable("")
			}
			first.(*table).cache = map[recovery.TokenRef]recovery.TokenRecord{}
			return &table{first.(*table).tableState, bug, map[recovery.TokenRef]recovery.TokenRecord{}}
		}
	}
	return h
}

// TestBrokenTokenStores shows that the suite finds typical mistakes, each by
// the clause of the sentence that it breaks.
func TestBrokenTokenStores(t *testing.T) {
	catch(t, []seeded{
		{"double winner", "claim-one-winner"},
		{"looks, then claims", "claim-one-winner"},
		{"claim not idempotent", "claim-repeat"},
		{"claims for nobody", "claim-needs-id"},
		{"peeks at claimed", "claim-hides"},
		{"peek claims", "peek-consumes-nothing"},
		{"held elsewhere is free", "claim-held-elsewhere"},
		{"refused claim takes what is free", "claim-held-elsewhere"},
		{"first ref only", "peek-any-ref"},
		{"release by anybody", "release-by-a-stranger"},
		{"release by anybody", "release-again"},
		{"release revives the dead", "release-revives-no-dead"},
		{"release ends", "release-revives"},
		{"release of absent fails", "release-absent"},
		{"forgets barred", "release-bars-the-owner"},
		{"forgets barred", "release-bars-in-advance"},
		{"bars owners only", "release-bars-in-advance"},
		{"bars one id", "release-bars-32"},
		{"put resets tries", "put-again-keeps-tries"},
		{"put renews the expiry", "put-again-changes-nothing"},
		{"put overwrites the state", "put-again-changes-nothing"},
		{"put revives deleted", "put-after-delete"},
		{"put revives claimed", "put-after-claim"},
		{"spent is not found", "put-after-claim"},
		{"forgets the replaced", "put-after-replaced"},
		{"forgets the replaced", "put-remembers-spent"},
		{"fourth kills the oldest", "put-fourth-replaces-youngest"},
		{"fourth kills the claimed", "put-claimed-replaced-last"},
		{"claimed take no place", "put-claimed-keeps-place"},
		{"unbounded", "put-fourth-replaces-youngest"},
		{"unbounded", "racing-puts"},
		{"fourth is refused", "put-fourth-replaces-youngest"},
		{"one of all codes", "code-new-replaces-old"},
		{"takes anything", "put-malformed"},
		{"takes any name", "malformed-names"},
		{"no expiry", "put-dies-at-ttl"},
		{"TTL in seconds", "put-dies-exactly"},
		{"wrong record echoed", "put-slots-are-apart"},
		{"digests of all slots", "put-slots-are-apart"},
		{"counts right guesses", "code-right-not-counted"},
		{"peek does not count", "code-wrong-guess-peek"},
		{"claim does not count", "code-wrong-guess-claim"},
		{"one try too many", "code-wrong-guess-both"},
		{"dies at the first", "code-wrong-guess-peek"},
		{"counts against dead codes", "code-held-not-counted"},
		{"counts without a code", "code-guesses-without-code"},
		{"failures reset by a new code", "code-failures-add-up"},
		{"failures never pass", "code-failures-pass"},
		{"guesses prolong", "code-failures-full"},
		{"guess writes nothing", "guess-writes"},
		{"guess spends its digest", "guess-unseen"},
		{"guess forgets failures", "guess-unseen"},
		{"guess is kept", "guess-forgotten"},
		{"delete forgets failures", "code-failures-survive-delete"},
		{"delete leaves claimed", "delete-ends-claimed"},
		{"delete of one slot", "delete-absent"},
		{"delete forgets digests", "put-after-delete"},
		{"absent is another error", "peek-absent"},
		{"writes for anybody", "peek-writes-nothing"},
		{"keeps for ever", "forgets"},
		{"ignores ctx", "context-ended"},
		{"instances apart", "claim-repeat"},
		{"caches", "claim-hides"},
	}, func(t *testing.T, bug string, clauses ...string) recoverytest.Findings {
		return recoverytest.ExamineTokenStore(t, tableHarness(bug), clauses...)
	})
}

// TestBrokenTokenStoresAtRandom shows that the random test alone finds most of
// these mistakes.
func TestBrokenTokenStoresAtRandom(t *testing.T) {
	for _, bug := range []string{
		"double winner", "claim not idempotent", "release by anybody", "forgets barred", "put resets tries", "put revives deleted",
		"fourth kills the oldest", "fourth kills the claimed", "no expiry", "counts right guesses", "peek does not count",
		"failures reset by a new code", "wrong record echoed", "delete leaves claimed", "counts without a code",
		"guess forgets failures",
	} {
		t.Run(bug, func(t *testing.T) {
			h := tableHarness(bug)
			h.Seed, h.Operations = 1, 10_000
			if found := recoverytest.ExamineTokenStore(t, h, "random-operations"); len(found) == 0 {
				t.Error("the random test does not find it")
			}
		})
	}
}
