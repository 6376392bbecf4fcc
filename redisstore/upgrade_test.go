package redisstore_test

import (
	_ "embed"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/redisstore"
)

// beforeHandles is the script of the last version whose codes have no handles.
// While a host goes from that version to this one, both work on the same records.
//
//go:embed testdata/tokens-before-handles.lua
var beforeHandles string

// An earlier is a store of that version.
type earlier struct {
	t      *testing.T
	client redis.UniversalClient
}

// run returns the word and the state that the script answers.
func (e earlier) run(slot, operation string, args ...any) (word, state string) {
	e.t.Helper()
	args = append([]any{"nonce", 1, operation}, args...)
	reply, err := e.client.Eval(e.t.Context(), beforeHandles, []string{slot}, args...).StringSlice()
	must(e.t, err)
	if len(reply) != 4 || reply[1] == "unreadable" || reply[1] == "newer" {
		e.t.Fatalf("%s: the version before answers %q", operation, reply)
	}
	return reply[1], reply[2]
}

func (e earlier) want(word, slot, operation string, args ...any) {
	e.t.Helper()
	if got, state := e.run(slot, operation, args...); got != word || got == "ok" && state != "s" {
		e.t.Errorf("%s %v: the version before answers %q, state %q, want %q", operation, args, got, state, word)
	}
}

func (e earlier) putLink(slot, digest string) {
	e.t.Helper()
	e.want("ok", slot, "put", digest, "s", 600000, 3, 0, 0, 0)
}

func (e earlier) putCode(slot, digest string) {
	e.t.Helper()
	e.want("ok", slot, "put", digest, "s", 600000, 1, 3, 20, 86400000)
}

// Links of either version work for both, and a claim of one is a claim for the
// other.
func TestUpgradeKeepsLinks(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, client redis.UniversalClient) {
		s, old := newStore(t, client, nil), earlier{t, client}
		slot := fresh("slot")
		theirs, ours := recovery.TokenRef{Slot: slot, Digest: "theirs"}, recovery.TokenRef{Slot: slot, Digest: "ours"}
		old.putLink(slot, "theirs")
		put, err := s.Put(t.Context(), slot, link("ours"))
		must(t, err)
		for _, ref := range []recovery.TokenRef{theirs, ours} {
			old.want("ok", slot, "peek", ref.Digest)
			old.want("ok", slot, "claim", ref.Digest, "old")
			wantRefused(t, s, "new", ref)
			_, err := s.Claim(t.Context(), "old", ref)
			must(t, err)
			old.want("done", slot, "release", ref.Digest, "old")
			wantRefused(t, s, "old", ref)
			_, err = s.Claim(t.Context(), "new", ref)
			must(t, err)
			old.want("held", slot, "claim", ref.Digest, "older")
			old.want("ok", slot, "claim", ref.Digest, "new")
			must(t, s.Release(t.Context(), "new", ref))
			old.want("spent", slot, "claim", ref.Digest, "new")
		}
		all, err := s.List(t.Context(), slot)
		must(t, err)
		if len(all) != 2 || all[0].Digest != "theirs" || !all[0].Created.IsZero() || all[1] != put {
			t.Errorf("List = %v, want a token without Created, and %v", all, put)
		}
		// An id for each place, and one for that of the lifetime.
		for i := range 33 {
			old.want("done", slot, "release", "ours", "more"+strconv.Itoa(i))
		}
		token, err := s.Peek(t.Context(), ours)
		if err != nil || !token.Expires.Equal(put.Expires) || !token.Created.IsZero() {
			t.Errorf("Peek = %v, %v", token, err)
		}
		must(t, s.End(t.Context(), theirs))
		old.want("spent", slot, "claim", "theirs", "late")
		old.want("done", slot, "delete")
		wantRefused(t, s, "late", ours)
		if _, err := s.Put(t.Context(), slot, link("ours")); !errors.Is(err, recovery.ErrTokenSpent) {
			t.Errorf("Put of what the version before has deleted: %v", err)
		}
	})
}

func wantRefused(t *testing.T, s *redisstore.Store, id string, ref recovery.TokenRef) {
	t.Helper()
	if _, err := s.Claim(t.Context(), id, ref); !errors.Is(err, recovery.ErrTokenNotFound) {
		t.Errorf("Claim of %s by %s: %v, want ErrTokenNotFound", ref.Digest, id, err)
	}
}

// Codes of the version before have the empty handle, and those of this one keep
// theirs when the version before writes the record.
func TestUpgradeKeepsCodes(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, client redis.UniversalClient) {
		s, old := newStore(t, client, nil), earlier{t, client}
		slot := fresh("slot")
		old.putCode(slot, "theirs")
		first, second := codeOf("first,handle"), codeOf("second%handle")
		first.MaxLive, second.MaxLive = 3, 3
		for _, spec := range []recovery.TokenSpec{first, second} {
			_, err := s.Put(t.Context(), slot, spec)
			must(t, err)
		}
		theirs := recovery.TokenRef{Slot: slot, Digest: "theirs", Code: true}
		wrongGuesses(t, s, slot, "", 1)
		old.want("none", slot, "guess", "wrong") // counts at the first code, which is its own
		_, err := s.Claim(t.Context(), "id", theirs)
		must(t, err)
		old.want("done", slot, "release", "theirs", "id")
		wrongGuesses(t, s, slot, "", 1) // the last of three
		wantRefused(t, s, "other", theirs)
		wrongGuesses(t, s, slot, first.Handle, 2)
		for _, spec := range []recovery.TokenSpec{first, second} {
			_, err = s.Peek(t.Context(), refOf(slot, spec))
			must(t, err)
		}
		wrongGuesses(t, s, slot, first.Handle, 1)
		wantRefused(t, s, "other", refOf(slot, first))
		_, err = s.Claim(t.Context(), "id", refOf(slot, second))
		must(t, err)

		// A guess by a version that knows no handles leaves a record that this
		// one reads, and the other way round.
		slot = fresh("slot")
		old.want("none", slot, "guess", "wrong")
		_, err = s.Put(t.Context(), slot, first)
		must(t, err)
		slot = fresh("slot")
		wrongGuesses(t, s, slot, "handle", 1)
		old.putCode(slot, "theirs")
		old.want("none", slot, "guess", "wrong")
	})
}

// Whatever both versions do to a record, both can read it, and what they say of
// links is the same.
func TestUpgradeAtRandom(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, client redis.UniversalClient) {
		s, old := newStore(t, client, nil), earlier{t, client}
		seed := rand.Uint64()
		r := rand.New(rand.NewPCG(seed, 20))
		pick := func(from ...string) string { return from[r.IntN(len(from))] }
		links, codes := fresh("slot"), fresh("slot")
		var steps []string
		for range size(300, 3000, 300) {
			slot, code := links, false
			if r.IntN(2) == 0 {
				slot, code = codes, true
			}
			digest, id, handle := pick("a", "b", "c", "d", "e", "f"), pick("1", "2", "3"), pick("", "x", "y,")
			by, what := pick("old", "new"), pick("put", "put", "peek", "peek", "claim", "release", "release", "end")
			steps = append(steps, fmt.Sprint(by, " ", what, " ", slot, " ", digest, " ", id, " ", handle))
			if r.IntN(20) == 0 {
				what = "delete"
			}
			if by == "old" {
				runEarlier(old, slot, what, digest, id, code)
			} else {
				runNew(t, s, slot, what, digest, id, handle, code)
			}
			for _, digest := range []string{"a", "b", "c", "d", "e", "f"} {
				word, _ := old.run(links, "peek", digest)
				_, err := s.Peek(t.Context(), recovery.TokenRef{Slot: links, Digest: digest})
				if (word == "ok") != (err == nil) {
					t.Fatalf("seed %d: the version before says %q of link %s, this one %v, after\n%s",
						seed, word, digest, err, strings.Join(steps[max(0, len(steps)-20):], "\n"))
				}
			}
			_, err := s.List(t.Context(), links, codes)
			must(t, err)
		}
	})
}

func runEarlier(old earlier, slot, what, digest, id string, code bool) {
	switch {
	case what == "put" && code:
		old.run(slot, "put", digest, "s", 600000, 1, 3, 1000, 60000)
	case what == "put":
		old.run(slot, "put", digest, "s", 600000, 3, 0, 0, 0)
	case what == "peek" && code:
		old.run(slot, "guess", digest)
	case what == "claim" && code:
		old.run(slot, "guess-claim", digest, id)
	case what == "peek":
		old.run(slot, "peek", digest)
	case what == "claim", what == "release":
		old.run(slot, what, digest, id)
	default: // it cannot end one
		old.run(slot, "delete")
	}
}

func runNew(t *testing.T, s *redisstore.Store, slot, what, digest, id, handle string, code bool) {
	t.Helper()
	ref := recovery.TokenRef{Slot: slot, Digest: digest}
	spec := link(digest)
	if code {
		ref.Code, ref.Handle = true, handle
		spec = codeOf(handle)
		spec.Digest, spec.MaxFailures, spec.FailureWindow = digest, 1000, time.Minute
	}
	var err error
	switch what {
	case "put":
		_, err = s.Put(t.Context(), slot, spec)
	case "peek":
		_, err = s.Peek(t.Context(), ref)
	case "claim":
		_, err = s.Claim(t.Context(), id, ref)
	case "release":
		err = s.Release(t.Context(), id, ref)
	case "end":
		err = s.End(t.Context(), ref)
	default:
		err = s.Delete(t.Context(), slot)
	}
	expected := []error{nil, recovery.ErrTokenNotFound, recovery.ErrTokenSpent, recovery.ErrTooManyCodes}
	if !slices.ContainsFunc(expected, func(e error) bool { return errors.Is(err, e) }) {
		t.Fatalf("%s: %v", what, err)
	}
}
