package recovery

import (
	"context"
	"errors"
	"time"
)

// maxCodeTTL is the longest lifetime of a code (ASVS v5.0.0-6.5.5).
const maxCodeTTL = 10 * time.Minute

// failureWindow is the 24 hours of [TokenOptions.CodeFailures].
const failureWindow = 24 * time.Hour

// maxCodes is how many live codes stand in one slot, each with a handle of its own.
const maxCodes = 2

// knownDevices is instead of a field for the slot of the codes that known devices
// asked for. No field has such a name, because it has a space.
const knownDevices = "known devices"

// codeRef returns where a code stands, in the slot of everybody or in that of the
// lead's known devices. The digest names who asked, so that nobody else can use the
// code, whatever a store makes of handles. A code of an earlier version has no asker.
func (k *keyring) codeRef(g *generation, leadID, code string, who asker, field string) TokenRef {
	ref := TokenRef{Slot: k.slot(g, kindCode, leadID, field), Code: true, Handle: string(who)}
	if who == "" {
		ref.Digest = g.digest.digest(string(kindCode), leadID, code)
	} else {
		ref.Digest = g.digest.digest(string(kindCode), leadID, string(who), code)
	}
	return ref
}

// codeRefs returns all places where a code may stand that somebody types. An asker
// belongs to each generation.
func (k *keyring) codeRefs(leadID, code string, askers []asker) []TokenRef {
	refs := make([]TokenRef, 0, 3*len(k.generations))
	for i := range k.generations {
		g := &k.generations[i]
		refs = append(refs,
			k.codeRef(g, leadID, code, askers[i], ""),
			k.codeRef(g, leadID, code, askers[i], knownDevices),
			// Instances of an earlier version, which may run beside this one, store
			// codes without an asker.
			k.codeRef(g, leadID, code, "", ""))
	}
	return refs
}

// putCode stores the code of a job. A code that a known device asked for stands in a
// slot of its own, where no stranger's codes and guesses are. If that slot is full,
// the code is stored in the slot of everybody. So a thief of a known device's cookie,
// who fills that slot, takes nothing from the person that a stranger could not take
// (A58).
func (s *Service) putCode(ctx context.Context, d *delivery) (TokenRecord, error) {
	if d.p.Asker == "" || !s.names(d.p.Device, d.lead.ID) {
		return s.putCodeIn(ctx, d, "")
	}
	usual, other := "", knownDevices
	if d.known == d.lead.ID {
		usual, other = other, usual
	}
	// An earlier attempt at the job may have found the device known, or its slot full,
	// and this one may not. The code stays where it stands, or one that was used would
	// work once more in the other slot (A33).
	ref := s.keys.codeRef(d.p.generation, d.lead.ID, d.p.Secret, d.p.Asker, other)
	switch err := s.peekAt(ctx, ref); {
	case err == nil, errors.Is(err, ErrTooManyGuesses):
		return s.putCodeIn(ctx, d, other)
	case errors.Is(err, ErrTokenNotRecorded):
	case errors.Is(err, ErrTokenNotFound):
		tells, err := s.storeTells(ctx, ref)
		if err != nil {
			return TokenRecord{}, err
		}
		if tells {
			return TokenRecord{}, ErrTokenSpent
		}
		return s.putCodeIn(ctx, d, "")
	default:
		return TokenRecord{}, err
	}
	token, err := s.putCodeIn(ctx, d, usual)
	if usual == knownDevices && (errors.Is(err, ErrTooManyCodes) || errors.Is(err, ErrTooManyGuesses)) {
		return s.putCodeIn(ctx, d, other)
	}
	return token, err
}

// peekAt looks for a code that nobody typed. Without a handle this is a guess at no
// code of this version, because each of these has one.
func (s *Service) peekAt(ctx context.Context, ref TokenRef) error {
	return s.call(ctx, "TokenStore.Peek", func(ctx context.Context) error {
		_, err := s.tokens.Peek(ctx, TokenRef{Slot: ref.Slot, Digest: ref.Digest})
		return err
	})
}

// storeTells reports whether the store says of a digest that it never had it. If it
// does not, all codes stand in the slot of everybody, because nobody could tell
// whether one was used in the other.
func (s *Service) storeTells(ctx context.Context, ref TokenRef) (bool, error) {
	ref.Digest = newID()
	err := s.peekAt(ctx, ref)
	if err == nil || errors.Is(err, ErrTokenNotFound) {
		return errors.Is(err, ErrTokenNotRecorded), nil
	}
	return false, err
}

// putCodeIn stores the code of a job in one of the two slots.
func (s *Service) putCodeIn(ctx context.Context, d *delivery, field string) (TokenRecord, error) {
	g := d.p.generation
	ref := s.keys.codeRef(g, d.lead.ID, d.p.Secret, d.p.Asker, field)
	state := g.stateOf(d.lead)
	if s.fields[d.p.Recipient].Type == FieldTypeEmail {
		state = g.mailedStateOf(d.lead)
	}
	failures := s.opts.Tokens.CodeFailures * 4 / 5
	if field == knownDevices {
		failures = s.opts.Tokens.CodeFailures - failures
	}
	return s.putSpec(ctx, d.lead.ID, ref, TokenSpec{
		Digest: ref.Digest, State: state, TTL: d.ttl(s), MaxLive: maxCodes, Code: true, Handle: ref.Handle,
		MaxTries: s.opts.Tokens.CodeTries, MaxFailures: failures, FailureWindow: failureWindow,
	})
}

// names reports whether a [Requester].Device has an entry for the lead, also one that
// does not hold any more.
func (s *Service) names(device, leadID string) bool {
	for _, d := range s.openDevices(device) {
		if d.leadID == leadID {
			return true
		}
	}
	return false
}

// whyNotFound returns the reason for an [ErrTokenNotFound].
func whyNotFound(err error, usual EventReason) EventReason {
	if errors.Is(err, ErrTooManyGuesses) {
		return ReasonTooManyGuesses
	}
	return usual
}

// tellExhausted emits an [EventCodesExhausted], unless the lead had one within the
// hour. Only a worker does this: in a request it would take time, and tell whoever
// guesses that the code is right (A97).
func (s *Service) tellExhausted(ctx context.Context, d *delivery) {
	decisions, err := s.allow(ctx, []scopedRequest{{scopeExhausted, LimitRequest{
		Key:    s.keys.limitKey(scopeExhausted, "", d.lead.ID),
		Policy: LimitPolicy{Limits: []Limit{{N: 1, Window: time.Hour}}}, ID: d.job.ID,
	}}})
	if err == nil && !decisions[0].Allowed {
		return
	}
	e := d.event
	e.Kind = EventCodesExhausted
	s.emit(ctx, e)
}
