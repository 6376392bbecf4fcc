package redisstore_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/redisstore"
)

// codeOf is a code of a handle. Each handle has a digest of its own.
func codeOf(handle string) recovery.TokenSpec {
	digest := fmt.Sprintf("%x", sha256.Sum256([]byte(handle)))
	return recovery.TokenSpec{
		Digest: digest[:43], State: strings.Repeat("s", 43), TTL: 10 * time.Minute, MaxLive: 2, Code: true,
		Handle: handle, MaxTries: 3, MaxFailures: 80, FailureWindow: 24 * time.Hour,
	}
}

func refOf(slot string, spec recovery.TokenSpec) recovery.TokenRef {
	return recovery.TokenRef{Slot: slot, Digest: spec.Digest, Code: true, Handle: spec.Handle}
}

// wrongGuesses guesses at the code of a handle.
func wrongGuesses(t testing.TB, s *redisstore.Store, slot, handle string, n int) {
	t.Helper()
	for range n {
		_, err := s.Peek(t.Context(), recovery.TokenRef{Slot: slot, Digest: "wrong", Code: true, Handle: handle})
		if !errors.Is(err, recovery.ErrTokenNotFound) {
			t.Errorf("a wrong guess at %q: %v", handle, err)
		}
	}
}

// everywhere runs a test on each kind of Redis, with a client of go-redis for
// what the store cannot tell.
func everywhere(t *testing.T, f func(t *testing.T, client redis.UniversalClient)) {
	t.Run("simulated", func(t *testing.T) {
		client := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()})
		t.Cleanup(func() { client.Close() })
		f(t, client)
	})
	t.Run("standalone", func(t *testing.T) { f(t, redistest.Start(t).Client(t)) })
	t.Run("Cluster", func(t *testing.T) {
		cluster := redistest.StartCluster(t)
		cluster.Calm(t)
		f(t, cluster.Client(t))
	})
}

// Handles are told apart by every byte, whatever the bytes mean to the record of
// a slot: commas divide it, and a handle may look like what stands beside it.
func TestHandlesOfAnyBytes(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, client redis.UniversalClient) {
		s := newStore(t, client, nil)
		all := []string{"", "-", ".", ",", "%2C", "%", "a,b", "a", "b", ".1", "0", "A", strings.Repeat(",", 64), strings.Repeat("~", 64)}
		for _, handle := range all {
			for _, other := range all {
				slot := fresh("slot")
				spec := codeOf(handle)
				spec.MaxLive = 1
				_, err := s.Put(t.Context(), slot, spec)
				must(t, err)
				again := codeOf(other)
				again.MaxLive, again.Digest = 1, "another"
				if _, err := s.Put(t.Context(), slot, again); handle == other && err != nil || handle != other && !errors.Is(err, recovery.ErrTooManyCodes) {
					t.Fatalf("a code of %q beside one of %q: %v", other, handle, err)
				}
				if handle == other {
					continue
				}
				wrongGuesses(t, s, slot, other, spec.MaxTries)
				_, err = s.Claim(t.Context(), "b", refOf(slot, spec))
				must(t, err)
				must(t, s.Release(t.Context(), "a", refOf(slot, spec)))
				must(t, s.Release(t.Context(), "b", refOf(slot, spec)))
				wrongGuesses(t, s, slot, handle, spec.MaxTries-1)
				_, err = s.Peek(t.Context(), refOf(slot, spec))
				must(t, err)
				wrongGuesses(t, s, slot, handle, 1)
				if _, err = s.Peek(t.Context(), refOf(slot, spec)); !errors.Is(err, recovery.ErrTokenNotFound) {
					t.Fatalf("a code of %q after its last try: %v", handle, err)
				}
			}
		}
	})
}

// A roundTrips is a hook that counts commands and pipelines.
type roundTrips struct{ n atomic.Int64 }

func (*roundTrips) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h *roundTrips) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		h.n.Add(1)
		return next(ctx, cmd)
	}
}

func (h *roundTrips) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		h.n.Add(1)
		return next(ctx, cmds)
	}
}

// Two slots of codes are guessed at in one call: one round trip, and one write to
// each of them.
func TestTwoSlotsOfCodesCostOneCall_A97(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, client redis.UniversalClient) {
		s := newStore(t, client, nil)
		usual, known := fresh("{lead}usual"), fresh("{lead}known")
		mine, theirs := codeOf("mine"), codeOf("theirs")
		for slot, spec := range map[string]recovery.TokenSpec{usual: theirs, known: mine} {
			_, err := s.Put(t.Context(), slot, spec)
			must(t, err)
		}
		trips := &roundTrips{}
		client.AddHook(trips)
		refs := []recovery.TokenRef{refOf(usual, mine), refOf(known, mine)}
		for range 20 {
			token, err := s.Peek(t.Context(), refs...)
			if err != nil || token.Slot != known {
				t.Fatalf("Peek: %v, %v", token, err)
			}
		}
		wrongGuesses(t, s, known, "theirs", 5) // who has no code there
		_, err := s.Claim(t.Context(), "id", refs...)
		must(t, err)
		if n := trips.n.Load(); n != 26 {
			t.Errorf("26 calls made %d round trips", n)
		}
		_, err = s.Peek(t.Context(), refOf(usual, theirs))
		must(t, err)
	})
}

// Created is what the first Put has returned, whatever becomes of the token, and
// List gives the slots and their tokens in order.
func TestListInOrder(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, client redis.UniversalClient) {
		s := newStore(t, client, nil)
		var slots []string
		var want []recovery.TokenRecord
		for range 5 {
			slot := fresh("slot")
			slots = append(slots, slot, fresh("none"))
			for _, digest := range []string{"b", "a", "c"} {
				spec := link(digest)
				if digest == "a" {
					spec.State = ""
				}
				r, err := s.Put(t.Context(), slot, spec)
				must(t, err)
				if got := r.Expires.Sub(r.Created); got != spec.TTL {
					t.Errorf("Expires is %v after Created, want %v", got, spec.TTL)
				}
				ref := recovery.TokenRef{Slot: slot, Digest: digest}
				for i := range 40 { // more than are remembered
					id := strings.Repeat("i", i+1)
					_, err = s.Claim(t.Context(), id, ref)
					must(t, err)
					must(t, s.Release(t.Context(), id, ref))
				}
				want = append(want, r)
			}
		}
		got, err := s.List(t.Context(), slots...)
		must(t, err)
		if len(got) != len(want) {
			t.Fatalf("List = %v, want %v", got, want)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("token %d is %v, want %v", i, got[i], want[i])
			}
		}
		must(t, s.End(t.Context(), recovery.TokenRef{Slot: slots[0], Digest: "a"}, recovery.TokenRef{Slot: slots[4], Digest: "a"}))
		if got, err = s.List(t.Context(), slots...); err != nil || len(got) != len(want)-2 || got[1].Digest != "c" {
			t.Errorf("List = %v, %v, want all but two", got, err)
		}
	})
}

// The numbers of the code that was stored last hold for the whole slot. A Put that is
// refused, or whose code is live, changes none.
func TestNumbersOfTheLatestPut(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, client redis.UniversalClient) {
		s, slot, spec := newStore(t, client, nil), fresh("slot"), codeOf("handle")
		spec.MaxTries = 10
		put := func(digest string, failures int, window time.Duration) error {
			next := spec
			next.Digest, next.MaxFailures, next.FailureWindow = digest, failures, window
			_, err := s.Put(t.Context(), slot, next)
			if err == nil {
				spec = next
			}
			return err
		}
		must(t, put("first", 9, time.Hour))
		must(t, put("second", 3, time.Hour))
		wrongGuesses(t, s, slot, spec.Handle, 2)
		_, err := s.Peek(t.Context(), refOf(slot, spec))
		must(t, err)
		if err := put("third", 2, time.Hour); !errors.Is(err, recovery.ErrTooManyGuesses) {
			t.Errorf("Put with as many failures as there were: %v", err)
		}
		must(t, put("second", 9, time.Hour)) // it is live
		wrongGuesses(t, s, slot, spec.Handle, 1)
		for _, claim := range []string{"", "id"} {
			if _, err = s.Peek(t.Context(), refOf(slot, spec)); claim != "" {
				_, err = s.Claim(t.Context(), claim, refOf(slot, spec))
			}
			if !errors.Is(err, recovery.ErrTooManyGuesses) {
				t.Errorf("after the third guess: %v, want ErrTooManyGuesses", err)
			}
		}
		must(t, put("fourth", 3, time.Millisecond)) // which all guesses have left
		_, err = s.Peek(t.Context(), refOf(slot, spec))
		must(t, err)
	})
}
