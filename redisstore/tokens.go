package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/seed-51359b35/recovery"
)

var (
	_ recovery.TokenLister = (*Store)(nil)
	_ recovery.Limiter     = (*Store)(nil)
)

// Put implements [recovery.TokenStore].
func (s *Store) Put(ctx context.Context, slot string, spec recovery.TokenSpec) (recovery.TokenRecord, error) {
	ref := recovery.TokenRef{Slot: slot, Digest: spec.Digest}
	if err := errors.Join(ref.Validate(), spec.Validate()); err != nil {
		return recovery.TokenRecord{}, err
	}
	tries, failures, window := 0, 0, time.Duration(0)
	if spec.Code {
		tries, failures, window = spec.MaxTries, spec.MaxFailures, spec.FailureWindow
	}
	answers, err := ask(ctx, s, tokensOf, []job{{key: slot, head: []any{"put"}, args: []any{
		spec.Digest, dash(spec.State), millis(spec.TTL), spec.MaxLive, tries, failures, millis(window), withoutCommas.Replace(spec.Handle),
	}}})
	if err != nil {
		return recovery.TokenRecord{}, err
	}
	word, token, err := parseOne(answers[0].values, ref)
	switch {
	case err != nil || word == "ok":
		return token, err
	case word == "spent":
		return recovery.TokenRecord{}, recovery.ErrTokenSpent
	case word == "guesses":
		return recovery.TokenRecord{}, recovery.ErrTooManyGuesses
	case word == "codes":
		return recovery.TokenRecord{}, recovery.ErrTooManyCodes
	}
	return recovery.TokenRecord{}, fmt.Errorf("%w: Put is not answered %q", ErrWrongReply, word)
}

// Peek implements [recovery.TokenStore].
func (s *Store) Peek(ctx context.Context, refs ...recovery.TokenRef) (recovery.TokenRecord, error) {
	jobs, err := jobsFor(refs, "peek", "guess")
	if err != nil {
		return recovery.TokenRecord{}, err
	}
	answers, err := ask(ctx, s, tokensOf, jobs)
	if err != nil {
		return recovery.TokenRecord{}, err
	}
	token, _, err := choose(answers, refs)
	return token, err
}

// Claim implements [recovery.TokenStore].
func (s *Store) Claim(ctx context.Context, claimID string, refs ...recovery.TokenRef) (recovery.TokenRecord, error) {
	if err := recovery.ValidateClaimID(claimID); err != nil {
		return recovery.TokenRecord{}, err
	}
	jobs, err := jobsFor(refs, "claim", "guess-claim", claimID)
	if err != nil {
		return recovery.TokenRecord{}, err
	}
	answers, err := ask(ctx, s, func(n *node) *group[string] { return n.claims }, jobs)
	if err != nil {
		return recovery.TokenRecord{}, err
	}
	token, won, err := choose(answers, refs)
	if errors.Is(err, recovery.ErrTokenNotFound) {
		// Held under one ref by another, and free under the next until now:
		// scripts see one key each, so what this claim took is given back.
		if len(won) > 0 {
			if err := s.Release(ctx, claimID, won...); err != nil {
				return recovery.TokenRecord{}, err
			}
		}
		return recovery.TokenRecord{}, err
	}
	for _, a := range answers {
		if a.values[0] == "ok" && a.acknowledged < int64(s.opts.Replicas) {
			return recovery.TokenRecord{}, fmt.Errorf("%w: %d of %d", ErrTooFewReplicas, a.acknowledged, s.opts.Replicas)
		}
	}
	return token, err
}

// Release implements [recovery.TokenStore].
func (s *Store) Release(ctx context.Context, claimID string, refs ...recovery.TokenRef) error {
	if err := recovery.ValidateClaimID(claimID); err != nil {
		return err
	}
	jobs, err := jobsFor(refs, "release", "", claimID)
	if err != nil {
		return err
	}
	return s.confirm(ctx, jobs)
}

// End implements [recovery.TokenLister].
func (s *Store) End(ctx context.Context, refs ...recovery.TokenRef) error {
	jobs, err := jobsFor(refs, "end", "")
	if err != nil {
		return err
	}
	return s.confirm(ctx, jobs)
}

// Delete implements [recovery.TokenStore].
func (s *Store) Delete(ctx context.Context, slots ...string) error {
	jobs, err := jobsForSlots(slots, "delete")
	if err != nil {
		return err
	}
	return s.confirm(ctx, jobs)
}

// List implements [recovery.TokenLister].
func (s *Store) List(ctx context.Context, slots ...string) ([]recovery.TokenRecord, error) {
	jobs, err := jobsForSlots(slots, "list")
	if err != nil {
		return nil, err
	}
	answers, err := ask(ctx, s, tokensOf, jobs)
	if err != nil {
		return nil, err
	}
	var all []recovery.TokenRecord
	for i, a := range answers {
		word, tokens, err := parse(a.values, slots[i])
		if err == nil && word != "ok" {
			err = fmt.Errorf("%w: List is not answered %q", ErrWrongReply, word)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, tokens...)
	}
	return all, nil
}

func tokensOf(n *node) *group[string] { return n.tokens }

// confirm runs operations that return no token.
func (s *Store) confirm(ctx context.Context, jobs []job) error {
	answers, err := ask(ctx, s, tokensOf, jobs)
	for i := 0; err == nil && i < len(answers); i++ {
		_, _, err = parse(answers[i].values, "")
	}
	return err
}

// choose finds the one usable token among the answers, and which refs are
// usable. A token that another id holds under any ref is nobody's. The word none
// says that there is no record of the digest.
func choose(answers []answer[string], refs []recovery.TokenRef) (found recovery.TokenRecord, usable []recovery.TokenRef, err error) {
	held, recorded, guesses := false, false, false
	for i, a := range answers {
		word, token, err := parseOne(a.values, refs[i])
		if err != nil {
			return recovery.TokenRecord{}, nil, err
		}
		held, guesses = held || word == "held", guesses || word == "guesses"
		recorded = recorded || word != "none" || refs[i].Code
		if word == "ok" {
			usable = append(usable, refs[i])
			if found.Slot == "" {
				found = token
			}
		}
	}
	switch {
	case !recorded:
		return recovery.TokenRecord{}, nil, recovery.ErrTokenNotRecorded
	case guesses && !held && len(usable) == 0:
		return recovery.TokenRecord{}, nil, recovery.ErrTooManyGuesses
	case held || len(usable) == 0:
		return recovery.TokenRecord{}, usable, recovery.ErrTokenNotFound
	}
	return found, usable, nil
}

// parse reads the word that tokens.lua answers, and the tokens that go with "ok".
func parse(values []string, slot string) (word string, tokens []recovery.TokenRecord, err error) {
	word = values[0]
	switch word {
	case "none", "held", "done", "spent", "guesses", "codes":
		return word, nil, nil
	case "newer":
		return "", nil, errNewer
	case "unreadable":
		return "", nil, errUnreadable
	}
	fields := strings.Fields(values[1])
	wrong := word != "ok" || len(fields)%4 != 0
	for i := 0; i < len(fields) && !wrong; i += 4 {
		expires, err := strconv.ParseInt(fields[i+2], 10, 64)
		t := recovery.TokenRecord{Slot: slot, Digest: fields[i], State: undash(fields[i+1]), Expires: time.UnixMilli(expires)}
		wrong = err != nil
		if lifetime := fields[i+3]; lifetime != "-" { // which a version without lifetimes has put
			ms, err := strconv.ParseInt(lifetime, 10, 64)
			t.Created, wrong = time.UnixMilli(expires-ms), wrong || err != nil
		}
		tokens = append(tokens, t)
	}
	if wrong {
		return "", nil, fmt.Errorf("%w: no operation answers %q", ErrWrongReply, values)
	}
	return word, tokens, nil
}

// parseOne reads an answer about the token of a ref.
func parseOne(values []string, ref recovery.TokenRef) (word string, token recovery.TokenRecord, err error) {
	word, tokens, err := parse(values, ref.Slot)
	if word != "ok" {
		return word, token, err
	}
	if len(tokens) != 1 || tokens[0].Digest != ref.Digest {
		return "", token, fmt.Errorf("%w: it is not about one token", ErrWrongReply)
	}
	return word, tokens[0], nil
}

// jobsFor returns a job for each ref: one operation for codes, if it is not
// empty, and one for the others.
func jobsFor(refs []recovery.TokenRef, operation, forCodes string, more ...any) ([]job, error) {
	jobs, head, codeHead := make([]job, len(refs)), []any{operation}, []any{forCodes}
	for i, ref := range refs {
		if err := ref.Validate(); err != nil {
			return nil, err
		}
		jobs[i] = job{key: ref.Slot, head: head, args: append([]any{ref.Digest}, more...)}
		if ref.Code && forCodes != "" {
			jobs[i].head = codeHead
			jobs[i].args = append([]any{ref.Digest, withoutCommas.Replace(ref.Handle)}, more...)
		}
	}
	return jobs, nil
}

func jobsForSlots(slots []string, operation string) ([]job, error) {
	jobs, head := make([]job, len(slots)), []any{operation}
	for i, slot := range slots {
		if err := recovery.ValidateTokenSlot(slot); err != nil {
			return nil, err
		}
		jobs[i] = job{key: slot, head: head}
	}
	return jobs, nil
}

// withoutCommas spells a handle as it stands in a slot's line.
var withoutCommas = strings.NewReplacer("%", "%25", ",", "%2C")

// dash stands for an empty state in a slot's line; a state that is a dash is
// written as two.
func dash(s string) string {
	if s == "" || strings.Trim(s, "-") == "" {
		return s + "-"
	}
	return s
}

func undash(s string) string {
	if strings.Trim(s, "-") == "" {
		return s[:len(s)-1]
	}
	return s
}

// millis rounds up: a token must not end before its time.
func millis(d time.Duration) int64 {
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}
