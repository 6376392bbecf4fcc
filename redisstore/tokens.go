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
	_ recovery.TokenStore = (*Store)(nil)
	_ recovery.Limiter    = (*Store)(nil)
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
		spec.Digest, dash(spec.State), millis(spec.TTL), spec.MaxLive, tries, failures, millis(window),
	}}})
	if err != nil {
		return recovery.TokenRecord{}, err
	}
	word, token, err := parse(answers[0].values, ref)
	switch {
	case err != nil || word == "ok":
		return token, err
	case word == "spent":
		return recovery.TokenRecord{}, recovery.ErrTokenSpent
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
	jobs, err := jobsFor(refs, "release", "release", claimID)
	if err != nil {
		return err
	}
	return s.confirm(ctx, jobs)
}

// Delete implements [recovery.TokenStore].
func (s *Store) Delete(ctx context.Context, slots ...string) error {
	jobs := make([]job, len(slots))
	for i, slot := range slots {
		if err := recovery.ValidateTokenSlot(slot); err != nil {
			return err
		}
		jobs[i] = job{key: slot, head: []any{"delete"}}
	}
	return s.confirm(ctx, jobs)
}

func tokensOf(n *node) *group[string] { return n.tokens }

// confirm runs operations that return no token.
func (s *Store) confirm(ctx context.Context, jobs []job) error {
	answers, err := ask(ctx, s, tokensOf, jobs)
	for i := 0; err == nil && i < len(answers); i++ {
		_, _, err = parse(answers[i].values, recovery.TokenRef{})
	}
	return err
}

// choose finds the one usable token among the answers, and which refs are
// usable. A token that another id holds under any ref is nobody's. The word none
// says that there is no record of the digest.
func choose(answers []answer[string], refs []recovery.TokenRef) (found recovery.TokenRecord, usable []recovery.TokenRef, err error) {
	held, recorded := false, false
	for i, a := range answers {
		word, token, err := parse(a.values, refs[i])
		if err != nil {
			return recovery.TokenRecord{}, nil, err
		}
		held, recorded = held || word == "held", recorded || word != "none" || refs[i].Code
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
	case held || len(usable) == 0:
		return recovery.TokenRecord{}, usable, recovery.ErrTokenNotFound
	}
	return found, usable, nil
}

// parse reads the word, the state and the expiry that tokens.lua answers.
func parse(values []string, ref recovery.TokenRef) (word string, token recovery.TokenRecord, err error) {
	word, state, expires := values[0], values[1], values[2]
	switch word {
	case "none", "held", "done", "spent":
		return word, recovery.TokenRecord{}, nil
	case "newer":
		return "", recovery.TokenRecord{}, errNewer
	case "unreadable":
		return "", recovery.TokenRecord{}, errUnreadable
	}
	millis, err := strconv.ParseInt(expires, 10, 64)
	if word != "ok" || state == "" || err != nil {
		return "", recovery.TokenRecord{}, fmt.Errorf("%w: no operation answers %q", ErrWrongReply, values)
	}
	return word, recovery.TokenRecord{Slot: ref.Slot, Digest: ref.Digest, State: undash(state), Expires: time.UnixMilli(millis)}, nil
}

// jobsFor returns a job for each ref: one operation for codes, and one for the
// others.
func jobsFor(refs []recovery.TokenRef, operation, forCodes string, more ...any) ([]job, error) {
	jobs, head, codeHead := make([]job, len(refs)), []any{operation}, []any{forCodes}
	for i, ref := range refs {
		if err := ref.Validate(); err != nil {
			return nil, err
		}
		jobs[i] = job{key: ref.Slot, head: head, args: append([]any{ref.Digest}, more...)}
		if ref.Code {
			jobs[i].head = codeHead
		}
	}
	return jobs, nil
}

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
