package recovery

import (
	"container/heap"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"
)

// A MemoryTokenStore is a [TokenStore] in this process. It is right for one
// instance and for tests. Its tokens are lost when the process ends, and then
// no link that was sent works any more. Expired records are removed while the
// store is used.
type MemoryTokenStore struct {
	mu    sync.Mutex
	slots map[string]*memorySlot
	peak  int // the highest number of slots since the map was made
	due   slotHeap
}

type memorySlot struct {
	name   string
	tokens []*memoryToken // oldest first; spent tokens stay until they expire
	// failures are the times of the wrong guesses in the last window.
	failures    []time.Time
	window      time.Duration
	maxFailures int
	// dies is the time from which on nothing in the slot matters. index is the
	// place of the slot in the heap.
	dies  time.Time
	index int
}

type memoryToken struct {
	TokenRecord
	code   bool
	handle string // of a code
	tries  int    // wrong guesses left
	claim  string // the ID of the claim that holds it, or empty
	barred []string
	dead   bool // replaced, deleted or guessed at too often
}

// maxSpent is how many spent tokens a slot remembers. The limits on a
// person allow fewer within an hour, the usual lifetime of a token. In 24 hours,
// the longest one, they allow 34, and its known devices 60.
const maxSpent = 64

// guessKept is how long a slot that is there for guesses alone is kept after the
// last of them. The slot has done its service as soon as it is written.
const guessKept = time.Minute

// maxBarred is how many barred claim IDs a token remembers.
const maxBarred = 32

// NewMemoryTokenStore returns an empty store.
func NewMemoryTokenStore() *MemoryTokenStore {
	return &MemoryTokenStore{slots: make(map[string]*memorySlot)}
}

// Put implements [TokenStore].
func (m *MemoryTokenStore) Put(ctx context.Context, slot string, spec TokenSpec) (TokenRecord, error) {
	if err := ctx.Err(); err != nil {
		return TokenRecord{}, err
	}
	if err := errors.Join(TokenRef{Slot: slot, Digest: spec.Digest}.Validate(), spec.Validate()); err != nil {
		return TokenRecord{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	m.expire(now, 1)
	s := m.slots[slot]
	if s == nil {
		s = m.add(slot)
	}
	t := s.find(spec.Digest, now)
	if t != nil && (t.dead || t.claim != "") {
		return TokenRecord{}, ErrTokenSpent
	}
	if spec.Code && s.failuresWithin(spec.FailureWindow, now) >= spec.MaxFailures {
		return TokenRecord{}, ErrTooManyGuesses
	}
	if t == nil && spec.Code && !s.hasRoom(spec.Handle, spec.MaxLive, now) {
		return TokenRecord{}, ErrTooManyCodes
	}
	if t != nil {
		return t.TokenRecord, nil
	}
	if spec.Code {
		s.window, s.maxFailures = spec.FailureWindow, spec.MaxFailures
		s.replace(spec.Handle)
	} else {
		s.makeRoom(spec.MaxLive, now)
	}
	s.forgetSpent(now)
	t = &memoryToken{
		TokenRecord: TokenRecord{Slot: slot, Digest: spec.Digest, State: spec.State, Created: now, Expires: now.Add(spec.TTL)},
		code:        spec.Code, handle: spec.Handle, tries: spec.MaxTries,
	}
	s.tokens = append(s.tokens, t)
	s.outlive(t.Expires)
	heap.Fix(&m.due, s.index)
	return t.TokenRecord, nil
}

// add adds an empty slot. The caller says how long it lives.
func (m *MemoryTokenStore) add(name string) *memorySlot {
	s := &memorySlot{name: name}
	m.slots[name] = s
	m.peak = max(m.peak, len(m.slots))
	heap.Push(&m.due, s)
	return s
}

// Peek implements [TokenStore].
func (m *MemoryTokenStore) Peek(ctx context.Context, refs ...TokenRef) (TokenRecord, error) {
	return m.use(ctx, "", refs)
}

// Claim implements [TokenStore].
func (m *MemoryTokenStore) Claim(ctx context.Context, claimID string, refs ...TokenRef) (TokenRecord, error) {
	if err := ValidateClaimID(claimID); err != nil {
		return TokenRecord{}, err
	}
	return m.use(ctx, claimID, refs)
}

func validateRefs(refs []TokenRef) error {
	for _, ref := range refs {
		if err := ref.Validate(); err != nil {
			return err
		}
	}
	return nil
}

// use returns the one usable token that the refs name. If claimID is not empty,
// it claims the token.
func (m *MemoryTokenStore) use(ctx context.Context, claimID string, refs []TokenRef) (TokenRecord, error) {
	if err := ctx.Err(); err != nil {
		return TokenRecord{}, err
	}
	if err := validateRefs(refs); err != nil {
		return TokenRecord{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	m.expire(now, len(refs))
	var found *memoryToken
	claimed, recorded, guesses := false, false, false
	for _, ref := range refs {
		s := m.slots[ref.Slot]
		recorded = recorded || ref.Code
		if ref.Code {
			if s == nil {
				s = m.add(ref.Slot)
			}
			s.outlive(now.Add(guessKept))
			heap.Fix(&m.due, s.index)
		}
		if s == nil {
			continue
		}
		t := s.find(ref.Digest, now)
		recorded = recorded || t != nil
		switch {
		case t != nil && !t.dead && t.claim != "" && (claimID == "" || t.claim != claimID):
			claimed = true
		case t != nil && t.usable(claimID) && t.code && s.exhausted(now):
			guesses = true
		case t != nil && t.usable(claimID):
			if found == nil {
				found = t
			}
		case t == nil || t.dead:
			m.countFailure(s, ref.Handle, now)
		}
	}
	switch {
	case !recorded && len(refs) > 0:
		return TokenRecord{}, ErrTokenNotRecorded
	case found == nil && !claimed && guesses:
		return TokenRecord{}, ErrTooManyGuesses
	case found == nil || claimed:
		return TokenRecord{}, ErrTokenNotFound
	}
	if claimID != "" {
		found.claim = claimID
	}
	return found.TokenRecord, nil
}

// Release implements [TokenStore].
func (m *MemoryTokenStore) Release(ctx context.Context, claimID string, refs ...TokenRef) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := ValidateClaimID(claimID); err != nil {
		return err
	}
	if err := validateRefs(refs); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	for _, ref := range refs {
		s := m.slots[ref.Slot]
		if s == nil {
			continue
		}
		t := s.find(ref.Digest, now)
		if t == nil {
			continue
		}
		if t.claim == claimID {
			t.claim = ""
		}
		if !slices.Contains(t.barred, claimID) {
			t.barred = append(t.barred, claimID)
			t.barred = t.barred[max(0, len(t.barred)-maxBarred):]
		}
	}
	return nil
}

// Delete implements [TokenStore].
func (m *MemoryTokenStore) Delete(ctx context.Context, slots ...string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, slot := range slots {
		if err := ValidateTokenSlot(slot); err != nil {
			return err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expire(time.Now(), 0)
	for _, name := range slots {
		if s := m.slots[name]; s != nil {
			for _, t := range s.tokens {
				t.dead = true
			}
		}
	}
	return nil
}

// List implements [TokenLister].
func (m *MemoryTokenStore) List(ctx context.Context, slots ...string) ([]TokenRecord, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, slot := range slots {
		if err := ValidateTokenSlot(slot); err != nil {
			return nil, err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	var live []TokenRecord
	for _, name := range slots {
		if s := m.slots[name]; s != nil {
			for _, t := range s.tokens {
				if t.usable("") && now.Before(t.Expires) {
					live = append(live, t.TokenRecord)
				}
			}
		}
	}
	return live, nil
}

// End implements [TokenLister].
func (m *MemoryTokenStore) End(ctx context.Context, refs ...TokenRef) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := validateRefs(refs); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	for _, ref := range refs {
		if s := m.slots[ref.Slot]; s != nil {
			if t := s.find(ref.Digest, now); t != nil {
				t.dead = true
			}
		}
	}
	return nil
}

// usable reports whether the token can be peeked at or, if claimID is not
// empty, be claimed.
func (t *memoryToken) usable(claimID string) bool {
	return !t.dead && (t.claim == "" || t.claim == claimID) && !slices.Contains(t.barred, claimID)
}

func (s *memorySlot) find(digest string, now time.Time) *memoryToken {
	for _, t := range s.tokens {
		if t.Digest == digest && now.Before(t.Expires) {
			return t
		}
	}
	return nil
}

// makeRoom kills the youngest live tokens until one more fits. So the newest
// token always works, and the oldest links stay: neither an attacker who keeps
// asking nor a late message can kill them. Claimed tokens count as live,
// because a release makes them usable again. They are killed last, because
// somebody is using them.
func (s *memorySlot) makeRoom(maxLive int, now time.Time) {
	alive := 0
	for _, t := range s.tokens {
		if !t.dead && now.Before(t.Expires) {
			alive++
		}
	}
	for _, claimedToo := range []bool{false, true} {
		for _, t := range slices.Backward(s.tokens) {
			if alive >= maxLive && !t.dead && now.Before(t.Expires) && (claimedToo || t.claim == "") {
				t.dead = true
				alive--
			}
		}
	}
}

// hasRoom reports whether a code of the handle fits in beside those of others. It
// replaces none of them: otherwise a stranger who asks for codes would end those of
// the person.
func (s *memorySlot) hasRoom(handle string, maxLive int, now time.Time) bool {
	others := 0
	for _, t := range s.tokens {
		if t.code && !t.dead && now.Before(t.Expires) && t.handle != handle {
			others++
		}
	}
	return others < maxLive
}

// replace kills the code of the handle.
func (s *memorySlot) replace(handle string) {
	for _, t := range s.tokens {
		if t.code && t.handle == handle {
			t.dead = true
		}
	}
}

// forgetSpent forgets tokens that have expired and, before one is added, the
// oldest of too many spent ones.
func (s *memorySlot) forgetSpent(now time.Time) {
	alive := 0
	s.tokens = slices.DeleteFunc(s.tokens, func(t *memoryToken) bool { return !now.Before(t.Expires) })
	for _, t := range s.tokens {
		if !t.dead {
			alive++
		}
	}
	excess := len(s.tokens) - alive - maxSpent
	s.tokens = slices.DeleteFunc(s.tokens, func(t *memoryToken) bool {
		if t.dead {
			excess--
		}
		return t.dead && excess >= 0
	})
}

// exhausted reports whether there were too many wrong guesses at the codes of the
// slot.
func (s *memorySlot) exhausted(now time.Time) bool {
	s.failures = slices.DeleteFunc(s.failures, func(at time.Time) bool { return now.Sub(at) >= s.window })
	return len(s.failures) >= s.maxFailures
}

func (s *memorySlot) failuresWithin(window time.Duration, now time.Time) (n int) {
	for _, at := range s.failures {
		if now.Sub(at) < window {
			n++
		}
	}
	return n
}

// countFailure counts a wrong guess against the live code of the handle, if there
// is one.
func (m *MemoryTokenStore) countFailure(s *memorySlot, handle string, now time.Time) {
	i := slices.IndexFunc(s.tokens, func(t *memoryToken) bool {
		return t.code && t.handle == handle && t.usable("") && now.Before(t.Expires)
	})
	if i < 0 || s.exhausted(now) {
		return
	}
	t := s.tokens[i]
	if t.tries--; t.tries == 0 {
		t.dead = true
	}
	s.failures = append(s.failures, now)
	s.outlive(now.Add(s.window))
	heap.Fix(&m.due, s.index)
}

func (s *memorySlot) outlive(at time.Time) {
	if at.After(s.dies) {
		s.dies = at
	}
}

// expire removes dead slots, up to four more than the call adds at most.
func (m *MemoryTokenStore) expire(now time.Time, adds int) {
	for range adds + 4 {
		if len(m.due) == 0 || now.Before(m.due[0].dies) {
			return
		}
		delete(m.slots, heap.Pop(&m.due).(*memorySlot).name)
		if m.peak > 1024 && len(m.slots) <= m.peak/16 {
			// Maps and slices never shrink, so copies take their place.
			slots := make(map[string]*memorySlot, len(m.slots))
			maps.Copy(slots, m.slots)
			m.slots, m.peak, m.due = slots, len(slots), append(slotHeap(nil), m.due...)
		}
	}
}

type slotHeap []*memorySlot

func (h slotHeap) Len() int           { return len(h) }
func (h slotHeap) Less(i, j int) bool { return h[i].dies.Before(h[j].dies) }
func (h slotHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *slotHeap) Push(x any) {
	s := x.(*memorySlot)
	s.index = len(*h)
	*h = append(*h, s)
}
func (h *slotHeap) Pop() any {
	old := *h
	s := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return s
}
