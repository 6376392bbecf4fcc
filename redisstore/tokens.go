package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
)

var (
	_ recovery.TokenStore = (*Store)(nil)
	_ recovery.Limiter    = (*Store)(nil)
)

// Put implements [recovery.TokenStore].
func (s *Store) Put(ctx context.Context, slot string, spec recovery.TokenSpec) (recovery.TokenRecord, error) {
	if err := errors.Join(recovery.TokenRef{Slot: slot, Digest: spec.Digest}.Validate(), spec.Validate()); err != nil {
		return recovery.TokenRecord{}, err
	}
	tries, failures, window := 0, 0, time.Duration(0)
	if spec.Code {
		tries, failures, window = spec.MaxTries, spec.MaxFailures, spec.FailureWindow
	}
	replies, err := s.exec(ctx, s.scripts.put, []job{newJob(slot,
		spec.Digest, dash(spec.State), millis(spec.TTL), spec.MaxLive, tries, failures, millis(window),
	)})
	if err != nil {
		return recovery.TokenRecord{}, err
	}
	word, token, err := parse(replies[0], slot)
	if err != nil {
		return recovery.TokenRecord{}, s.doubt(err)
	}
	if word == "spent" {
		return recovery.TokenRecord{}, recovery.ErrTokenSpent
	}
	return token, nil
}

// Peek implements [recovery.TokenStore].
func (s *Store) Peek(ctx context.Context, refs ...recovery.TokenRef) (recovery.TokenRecord, error) {
	jobs, err := jobsFor(refs)
	if err != nil {
		return recovery.TokenRecord{}, err
	}
	if len(jobs) == 0 {
		return recovery.TokenRecord{}, recovery.ErrTokenNotFound
	}
	replies, err := s.exec(ctx, s.scripts.peek, jobs)
	if err != nil {
		return recovery.TokenRecord{}, err
	}
	token, err := choose(replies, jobs)
	return token, s.doubt(err)
}

// Claim implements [recovery.TokenStore].
func (s *Store) Claim(ctx context.Context, claimID string, refs ...recovery.TokenRef) (recovery.TokenRecord, error) {
	if err := recovery.ValidateClaimID(claimID); err != nil {
		return recovery.TokenRecord{}, err
	}
	jobs, err := jobsFor(refs, claimID)
	if err != nil {
		return recovery.TokenRecord{}, err
	}
	if len(jobs) == 0 {
		return recovery.TokenRecord{}, recovery.ErrTokenNotFound
	}
	var replies []any
	if s.opts.Replicas > 0 {
		replies, err = s.claimReplicated(ctx, jobs)
	} else {
		replies, err = s.exec(ctx, s.scripts.claim, jobs)
	}
	if err != nil {
		return recovery.TokenRecord{}, err
	}
	token, err := choose(replies, jobs)
	if errors.Is(err, recovery.ErrTokenNotFound) && len(jobs) > 1 {
		// Held under one ref by another, and free under the next until now:
		// scripts see one key each, so what this claim took is given back.
		for i, r := range replies {
			if word, _, _ := parse(r, jobs[i].key); word == "ok" {
				if err := s.confirm(ctx, s.scripts.release, jobs[i:i+1]); err != nil {
					return recovery.TokenRecord{}, err
				}
			}
		}
	}
	return token, s.doubt(err)
}

// Release implements [recovery.TokenStore].
func (s *Store) Release(ctx context.Context, claimID string, refs ...recovery.TokenRef) error {
	if err := recovery.ValidateClaimID(claimID); err != nil {
		return err
	}
	jobs, err := jobsFor(refs, claimID)
	if err != nil || len(jobs) == 0 {
		return err
	}
	return s.confirm(ctx, s.scripts.release, jobs)
}

// Delete implements [recovery.TokenStore].
func (s *Store) Delete(ctx context.Context, slots ...string) error {
	jobs := make([]job, len(slots))
	for i, slot := range slots {
		if err := recovery.ValidateTokenSlot(slot); err != nil {
			return err
		}
		jobs[i] = newJob(slot)
	}
	if len(jobs) == 0 {
		return ctx.Err()
	}
	return s.confirm(ctx, s.scripts.delete, jobs)
}

// confirm runs a script whose reply says only which slot it was about.
func (s *Store) confirm(ctx context.Context, sc script, jobs []job) error {
	replies, err := s.exec(ctx, sc, jobs)
	if err != nil {
		return err
	}
	for i, r := range replies {
		if _, _, err := parse(r, jobs[i].key); err != nil {
			return s.doubt(err)
		}
	}
	return nil
}

// choose finds the one usable token among the replies. One that another id
// holds under any ref is nobody's.
func choose(replies []any, jobs []job) (recovery.TokenRecord, error) {
	var found recovery.TokenRecord
	held := false
	for i, r := range replies {
		word, token, err := parse(r, jobs[i].key)
		if err != nil {
			return recovery.TokenRecord{}, err
		}
		if word == "ok" && token.Digest != jobs[i].args[lead] {
			return recovery.TokenRecord{}, ErrWrongReply
		}
		held = held || word == "held"
		if word == "ok" && found.Slot == "" {
			found = token
		}
	}
	if held || found.Slot == "" {
		return recovery.TokenRecord{}, recovery.ErrTokenNotFound
	}
	return found, nil
}

// ErrWrongReply is returned when the reply is about another key than the one
// that was asked for. Shared connections have given such replies to callers
// (A90, CVE-2025-29923). The contents of the reply are not used.
var ErrWrongReply = errors.New("redisstore: Redis answered another question")

var errUnexpected = fmt.Errorf("%w: an unexpected reply", ErrWrongReply)

// doubt leaves the shared connection alone after a reply out of step, until
// go-redis has noticed that one is missing and closed it: each later caller
// would be told the answer of the one before.
func (s *Store) doubt(err error) error {
	if errors.Is(err, ErrWrongReply) {
		s.health.avoidPipe()
	}
	return err
}

// parse reads what slot.lua's reply writes.
func parse(reply any, slot string) (word string, token recovery.TokenRecord, err error) {
	parts, ok := reply.([]any)
	if !ok || len(parts) != 2 && len(parts) != 5 {
		return "", recovery.TokenRecord{}, fmt.Errorf("%w: an unexpected %T", ErrWrongReply, reply)
	}
	var text [4]string
	for i := range min(len(parts), 4) {
		if text[i], ok = parts[i].(string); !ok {
			return "", recovery.TokenRecord{}, errUnexpected
		}
	}
	if text[1] != slot {
		return "", recovery.TokenRecord{}, ErrWrongReply
	}
	if len(parts) == 2 {
		if text[0] == "ok" {
			text[0] = "done"
		}
		return text[0], recovery.TokenRecord{}, nil
	}
	expires, ok := parts[4].(int64)
	if !ok {
		return "", recovery.TokenRecord{}, errUnexpected
	}
	if text[3] == "" {
		return "", recovery.TokenRecord{}, errUnexpected
	}
	return text[0], recovery.TokenRecord{Slot: slot, Digest: text[2], State: undash(text[3]), Expires: time.UnixMilli(expires)}, nil
}

func jobsFor(refs []recovery.TokenRef, more ...any) ([]job, error) {
	jobs := make([]job, len(refs))
	for i, ref := range refs {
		if err := ref.Validate(); err != nil {
			return nil, err
		}
		jobs[i] = newJob(ref.Slot, append([]any{ref.Digest}, more...)...)
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

// claimReplicated claims on each key's master and has that master wait for its
// replicas, on the same connection: WAIT asks about the writes of its own.
func (s *Store) claimReplicated(ctx context.Context, jobs []job) ([]any, error) {
	f := &flight{jobs: jobs, replies: make([]any, len(jobs))}
	err := s.guarded(ctx, func() (struct{}, error) {
		return struct{}{}, s.within(ctx, f, func(ctx context.Context, f *flight) error {
			for i, j := range f.jobs {
				var err error
				if f.replies[i], err = s.claimOne(ctx, j); err != nil {
					return wrap(err)
				}
			}
			return nil
		})
	})
	if err != nil {
		return nil, err // and what was given up may still be writing replies
	}
	return f.replies, nil
}

func (s *Store) claimOne(ctx context.Context, j job) (any, error) {
	var err error
	for range 3 {
		node := s.node()
		cluster, isCluster := s.client.(*redis.ClusterClient)
		if isCluster {
			if node, err = cluster.MasterForKey(ctx, j.key); err != nil {
				return nil, err
			}
		}
		c := s.scripts.claim.call(ctx, j)
		acknowledged, waitErr := s.pipeWait(ctx, node, c)
		if isNoScript(c.Err()) {
			c = s.scripts.claim.full(ctx, j)
			acknowledged, waitErr = s.pipeWait(ctx, node, c)
		}
		err = c.Err()
		switch {
		case err != nil && isCluster && (strings.HasPrefix(err.Error(), "MOVED") || strings.HasPrefix(err.Error(), "ASK")):
			// The slot has another master now; this one did nothing.
			cluster.ReloadState(ctx)
			continue
		case err != nil:
			return nil, err
		case waitErr != nil:
			return nil, waitErr
		}
		if word, _, err := parse(c.Val(), j.key); err != nil || word != "ok" {
			return c.Val(), err // nothing was claimed, so nothing has to arrive
		}
		if acknowledged < int64(s.opts.Replicas) {
			return nil, fmt.Errorf("%w: %d of %d", ErrTooFewReplicas, acknowledged, s.opts.Replicas)
		}
		return c.Val(), nil
	}
	return nil, err
}

// pipeWait sends a call and WAIT on one connection.
func (s *Store) pipeWait(ctx context.Context, node redis.UniversalClient, c call) (int64, error) {
	// The reply has to come back within the budget, and Redis looks for clients
	// that waited long enough only ten times a second. WAIT 0 is for ever.
	left, _ := cut(ctx, s.opts.Timeout)
	patience := max(left/2, left-150*time.Millisecond, time.Millisecond)
	if s.readTimeout > 0 {
		// go-redis gives a connection up that is silent for longer.
		patience = max(min(patience, s.readTimeout/2), time.Millisecond)
	}
	wait := call{redis.NewCmd(ctx, "wait", s.opts.Replicas, millis(patience))}
	pipe := node.Pipeline()
	_ = pipe.Process(ctx, c)
	_ = pipe.Process(ctx, wait)
	_, _ = pipe.Exec(ctx)
	if wait.Err() != nil {
		return 0, wait.Err()
	}
	return wait.Int64()
}
