package recovery_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/seed-51359b35/recovery"
)

// A recordingStore keeps what it was last asked for.
type recordingStore struct {
	recovery.TokenStore
	last []recovery.TokenRef
}

func (s *recordingStore) Peek(ctx context.Context, refs ...recovery.TokenRef) (recovery.TokenRecord, error) {
	s.last = slices.Clone(refs)
	return s.TokenStore.Peek(ctx, refs...)
}

// A95, A97: a guess at a code says so to the store, whoever the identifier
// belongs to, and names the slots of everybody and of known devices. Those of nobody
// share twice 4,096 slots under each key. No lead has one of these, and one
// identifier always has the same.
func TestGuessesAtNobodyShareDecoys_A95_A97(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &recordingStore{TokenStore: recovery.NewMemoryTokenStore()}
		p := newPortal(t, func(p *portal, o *recovery.Options) {
			p.leads.calls, o.Limiter, o.Events, o.Logger = nil, nil, nil, quiet
			p.tokens, o.Keys = store, [][]byte{testKey(1), testKey(2)}
		})
		guess := func(mail, code string) []recovery.TokenRef {
			wantErr(t, p.check(t.Context(), recovery.CodeProof(byMail(mail).Key, code)), recovery.ErrInvalidProof)
			for _, ref := range store.last {
				if !ref.Code {
					t.Fatalf("%s: the store was asked for %+v, want it to know that it is a code", mail, ref)
				}
			}
			if len(store.last) != 6 {
				t.Fatalf("%s: the store was asked for %d tokens, want three under each key", mail, len(store.last))
			}
			return store.last
		}
		decoys := map[string]bool{}
		const identifiers = 40_000
		for i := range identifiers / slower {
			refs := guess(fmt.Sprintf("invented%d@example.com", i), "12345678")
			for _, ref := range refs {
				decoys[ref.Slot] = true
			}
		}
		if n := len(decoys); n > 4*4096 || slower == 1 && n < 4*4000 {
			t.Errorf("%d invented identifiers have %d slots under two keys, want at most 16,384, and most of them", identifiers/slower, n)
		}
		for _, mail := range []string{"nobody@example.com", "disabled@example.com"} {
			one, other := guess(mail, "12345678"), guess(strings.ToUpper(mail[:1])+mail[1:], "87654321")
			for i := range one {
				if one[i].Slot != other[i].Slot || one[i].Digest == other[i].Digest {
					t.Errorf("%s: two codes have the places %+v and %+v, want one slot and two digests", mail, one[i], other[i])
				}
				if slower == 1 && !decoys[one[i].Slot] {
					t.Errorf("%s: the slot is no decoy", mail)
				}
			}
		}
		for _, ref := range guess(johnMail, "12345678") {
			if decoys[ref.Slot] {
				t.Error("a lead has the slot of a decoy")
			}
		}
		_ = p.check(t.Context(), recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail)))))
		if len(store.last) == 0 || store.last[0].Code {
			t.Errorf("for a link the store was asked for %+v, want one that is not a code", store.last)
		}
	})
}
