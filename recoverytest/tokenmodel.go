package recoverytest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/seed-51359b35/recovery"
)

// A randomWalk does random operations on a store and on a model at once. It
// uses only a few names, so that the operations often meet: two slots of links,
// two of codes, a few digests, handles and claims.
type randomWalk struct {
	*tokens
	rnd     *rand.Rand
	model   model
	names   []string
	digests []string
	ids     []string
	handles []string
	history []string
}

// step does one operation. It returns a description, and whether the store and
// the model agree.
func (w *randomWalk) step() (op string, ok bool) {
	if w.rnd.IntN(150) == 0 || len(w.names) == 0 {
		// New names, before all tokens under the old ones are spent.
		w.names = []string{random(), random(), random(), random()}
		w.digests = nil
		w.ids = []string{random(), random(), random()}
		w.handles = []string{"", random(), random()}
		for range 5 {
			w.digests = append(w.digests, random())
		}
	}
	s := w.rnd.IntN(len(w.names))
	slot, digest := w.names[s], w.digests[w.rnd.IntN(len(w.digests))]
	id := w.ids[w.rnd.IntN(len(w.ids))]
	// The model does not know Code, which must not change what is found.
	ref := recovery.TokenRef{Slot: slot, Digest: digest, Code: w.rnd.IntN(2) == 0}
	handle := w.handles[w.rnd.IntN(len(w.handles))]
	if ref.Code {
		ref.Handle = handle
	}
	var got, want string
	now := w.now()
	lister, _ := w.pick().(recovery.TokenLister)
	switch kind := w.rnd.IntN(22); {
	case kind >= 6 && kind < 16 && w.model.wasClaimed(ref, now):
		return "", true // the clause code-claimed-is-wrong tests this case
	case kind < 6:
		spec := recovery.TokenSpec{Digest: digest, State: random(), TTL: longTTL, MaxLive: 3}
		if s >= 2 {
			spec.MaxLive, spec.Code, spec.MaxTries, spec.MaxFailures, spec.FailureWindow = 2, true, 3, 4, longTTL
			spec.Handle = handle
		}
		if w.timing.exact() {
			spec.TTL = w.ticks(float64(5 + w.rnd.IntN(20)))
			if spec.Code {
				spec.FailureWindow = w.ticks(20)
			}
		}
		op = "Put " + w.name(recovery.TokenRef{Slot: slot, Digest: digest, Handle: spec.Handle})
		token, err := w.pick().Put(w.ctx, slot, spec)
		got, want = outcome(token, err), w.model.put(slot, spec, now)
		if errors.Is(err, recovery.ErrTooManyGuesses) {
			got = "too many guesses"
		}
	case kind < 11:
		op = "Peek " + w.name(ref)
		token, err := w.pick().Peek(w.ctx, ref)
		got, want = outcome(token, err), w.model.use("", ref, now)
	case kind < 16:
		op = "Claim " + w.name(ref) + " by " + w.number(w.ids, id)
		token, err := w.pick().Claim(w.ctx, id, ref)
		got, want = outcome(token, err), w.model.use(id, ref, now)
	case kind < 18:
		op = "Release " + w.name(ref) + " by " + w.number(w.ids, id)
		got = outcome(recovery.TokenRecord{}, w.pick().Release(w.ctx, id, ref))
		want = w.model.release(id, ref, now)
	case kind >= 20 && lister == nil:
	case kind == 20:
		op = "List " + w.number(w.names, slot)
		live, err := lister.List(w.ctx, slot)
		got, want = outcomes(live, err), w.model.list(slot, now)
	case kind == 21:
		op = "End " + w.name(ref)
		got, want = outcome(recovery.TokenRecord{}, lister.End(w.ctx, ref)), w.model.end(ref, now)
	case kind < 19 && w.rnd.IntN(2) == 0:
		op = "Delete " + w.number(w.names, slot)
		got = outcome(recovery.TokenRecord{}, w.pick().Delete(w.ctx, slot))
		want = w.model.delete(slot)
	case w.timing.exact():
		d := w.ticks(float64(1 + w.rnd.IntN(5)))
		op = "wait " + d.String()
		w.advance(d)
	}
	if op != "" {
		w.history = append(w.history, op+": "+w.readable(want))
		w.history = w.history[max(0, len(w.history)-40):]
	}
	return fmt.Sprintf("%s: got %s, want %s", op, w.readable(got), w.readable(want)), got == want
}

func (w *randomWalk) number(all []string, s string) string { return fmt.Sprint(slices.Index(all, s)) }

func (w *randomWalk) name(ref recovery.TokenRef) string {
	name := w.number(w.names, ref.Slot) + "/" + w.number(w.digests, ref.Digest)
	if ref.Handle != "" {
		name += " with handle " + w.number(w.handles, ref.Handle)
	}
	return name
}

func (w *randomWalk) readable(outcome string) string {
	for i, name := range w.names {
		outcome = strings.ReplaceAll(outcome, name, fmt.Sprint(i))
	}
	for i, digest := range w.digests {
		outcome = strings.ReplaceAll(outcome, digest, fmt.Sprint(i))
	}
	return outcome
}

// outcome returns the result of an operation in a form that can be compared.
func outcome(token recovery.TokenRecord, err error) string {
	switch {
	case err == nil && token == recovery.TokenRecord{}:
		return "done"
	case err == nil:
		return "slot " + token.Slot + " digest " + token.Digest + " state " + token.State
	case errors.Is(err, recovery.ErrTokenNotFound):
		return "not found"
	case errors.Is(err, recovery.ErrTokenSpent):
		return "spent"
	case errors.Is(err, recovery.ErrTooManyCodes):
		return "no room"
	}
	return err.Error()
}

// outcomes returns the result of List in that form, in any order: some tokens were
// stored within one unit of the store's clock.
func outcomes(live []recovery.TokenRecord, err error) string {
	if err != nil {
		return outcome(recovery.TokenRecord{}, err)
	}
	var texts []string
	for _, t := range live {
		texts = append(texts, outcome(recovery.TokenRecord{Slot: t.Slot, Digest: t.Digest, State: t.State}, nil))
	}
	slices.Sort(texts)
	return "listed " + strings.Join(texts, ", ")
}

// model is the contract of TokenStore as a program, for one ref at a time. It
// is simple and slow, and forgets nothing.
type model struct {
	slots map[string]*modelSlot
}

type modelSlot struct {
	tokens   []*modelToken // oldest first
	failures []time.Duration
	limit    int
	window   time.Duration
}

type modelToken struct {
	spec    recovery.TokenSpec
	expires time.Duration
	tries   int
	owner   string
	barred  map[string]bool
	ended   bool // replaced, deleted or guessed at too often
}

func (s *modelSlot) find(digest string, now time.Duration) *modelToken {
	for _, t := range s.tokens {
		if t.spec.Digest == digest && now < t.expires {
			return t
		}
	}
	return nil
}

func (t *modelToken) outcome(slot string) string {
	return outcome(recovery.TokenRecord{Slot: slot, Digest: t.spec.Digest, State: t.spec.State}, nil)
}

func (m *model) put(slot string, spec recovery.TokenSpec, now time.Duration) string {
	s := m.slots[slot]
	if s == nil {
		s = &modelSlot{}
		m.slots[slot] = s
	}
	known := s.find(spec.Digest, now)
	if known != nil && (known.ended || known.owner != "") {
		return "spent"
	}
	if spec.Code {
		judge := &modelSlot{failures: s.failures, limit: spec.MaxFailures, window: spec.FailureWindow}
		if judge.full(now) {
			return "too many guesses"
		}
	}
	if known != nil {
		return known.outcome(slot)
	}
	if spec.Code {
		if !s.admit(spec, now) {
			return "no room"
		}
	} else {
		s.makeRoom(spec.MaxLive, now)
	}
	t := &modelToken{spec: spec, expires: now + spec.TTL, tries: spec.MaxTries, barred: map[string]bool{}}
	s.tokens = append(s.tokens, t)
	return t.outcome(slot)
}

// makeRoom ends the youngest links, those that are claimed last.
func (s *modelSlot) makeRoom(maxLive int, now time.Duration) {
	var free, held []*modelToken // youngest first
	for _, t := range slices.Backward(s.tokens) {
		switch {
		case t.ended || now >= t.expires:
		case t.owner == "":
			free = append(free, t)
		default:
			held = append(held, t)
		}
	}
	victims := append(free, held...)
	for i := 0; i <= len(victims)-maxLive; i++ {
		victims[i].ended = true
	}
}

// admit replaces the code with the same handle. If there are too many others, it
// replaces none and returns false.
func (s *modelSlot) admit(spec recovery.TokenSpec, now time.Duration) bool {
	var own *modelToken
	others := 0
	for _, t := range s.tokens {
		switch {
		case t.ended || now >= t.expires:
		case t.spec.Handle == spec.Handle:
			own = t
		default:
			others++
		}
	}
	if others >= spec.MaxLive {
		return false
	}
	if own != nil {
		own.ended = true
	}
	s.limit, s.window = spec.MaxFailures, spec.FailureWindow
	return true
}

// list returns the live tokens of a slot, and end ends one.
func (m *model) list(slot string, now time.Duration) string {
	var live []recovery.TokenRecord
	if s := m.slots[slot]; s != nil {
		for _, t := range s.tokens {
			if !t.ended && t.owner == "" && now < t.expires {
				live = append(live, recovery.TokenRecord{Slot: slot, Digest: t.spec.Digest, State: t.spec.State})
			}
		}
	}
	return outcomes(live, nil)
}

func (m *model) end(ref recovery.TokenRef, now time.Duration) string {
	if s := m.slots[ref.Slot]; s != nil {
		if t := s.find(ref.Digest, now); t != nil {
			t.ended = true
		}
	}
	return "done"
}

func (m *model) use(id string, ref recovery.TokenRef, now time.Duration) string {
	s := m.slots[ref.Slot]
	if s == nil {
		return "not found"
	}
	t := s.find(ref.Digest, now)
	if t == nil || t.ended {
		s.guess(ref.Handle, now)
		return "not found"
	}
	if t.owner != "" && t.owner != id || t.barred[id] || t.spec.Code && s.full(now) {
		return "not found"
	}
	if id != "" {
		t.owner = id
	}
	return t.outcome(ref.Slot)
}

// wasClaimed reports whether ref names a code that ended while it was claimed.
func (m *model) wasClaimed(ref recovery.TokenRef, now time.Duration) bool {
	s := m.slots[ref.Slot]
	if s == nil {
		return false
	}
	t := s.find(ref.Digest, now)
	return t != nil && t.spec.Code && t.ended && t.owner != ""
}

func (s *modelSlot) full(now time.Duration) bool {
	n := 0
	for _, at := range s.failures {
		if now-at < s.window {
			n++
		}
	}
	return n >= s.limit
}

func (s *modelSlot) guess(handle string, now time.Duration) {
	for _, t := range s.tokens {
		if t.spec.Code && t.spec.Handle == handle && !t.ended && t.owner == "" && now < t.expires && !s.full(now) {
			s.failures = append(s.failures, now)
			t.tries--
			t.ended = t.tries == 0
			return
		}
	}
}

func (m *model) release(id string, ref recovery.TokenRef, now time.Duration) string {
	if s := m.slots[ref.Slot]; s != nil {
		if t := s.find(ref.Digest, now); t != nil {
			t.barred[id] = true
			if t.owner == id {
				t.owner = ""
			}
		}
	}
	return "done"
}

func (m *model) delete(slot string) string {
	if s := m.slots[slot]; s != nil {
		for _, t := range s.tokens {
			t.ended = true
		}
	}
	return "done"
}
