package recovery

import (
	"context"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/seed-51359b35/recovery/internal/seal"
)

// The operator of a token has to be known when the token is used, and a code has no
// room for it. So it stands in the token store beside the token, sealed, in the
// states of a few records: a state holds 64 bytes. The first begins with their
// number. They are never claimed.

// operatorPart is how many bytes of the sealed operator one record holds.
const operatorPart = 60

// operatorExtra is how much longer the operator is stored than its token.
const operatorExtra = time.Minute

// operatorRefs returns where a part of the operator stands, under each generation.
func (k *keyring) operatorRefs(token TokenRef, part int) []TokenRef {
	refs := make([]TokenRef, len(k.generations))
	for i := range k.generations {
		g := &k.generations[i]
		refs[i] = TokenRef{
			Slot:   g.slot.name(k.prefix+":t:operator:", "operator", token.Slot, token.Digest),
			Digest: g.digest.digest("operator", token.Slot, token.Digest, strconv.Itoa(part)),
		}
	}
	return refs
}

// putOperator stores the operator of a token.
func (s *Service) putOperator(ctx context.Context, token TokenRef, operator string, ttl time.Duration) error {
	// What is sealed begins with the digest of its token, so that it is read as that
	// of no other one.
	value := append(make([]byte, seal.BoxRoom), token.Digest...)
	sealed := base64.RawURLEncoding.EncodeToString(s.keys.operators.Seal(append(value, operator...)))
	number := (len(sealed) + operatorPart - 1) / operatorPart
	for part := range number {
		state := sealed[part*operatorPart : min(len(sealed), (part+1)*operatorPart)]
		if part == 0 {
			state = strconv.Itoa(number) + state
		}
		ref := s.keys.operatorRefs(token, part)[0]
		err := s.call(ctx, "TokenStore.Put", func(ctx context.Context) error {
			_, err := s.tokens.Put(ctx, ref.Slot, TokenSpec{Digest: ref.Digest, State: state, TTL: ttl + operatorExtra, MaxLive: 8})
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// operatorOf returns the operator of a token. It is empty if the store has lost it,
// or if it was changed there: the person must not have to pay for that.
func (s *Service) operatorOf(ctx context.Context, token TokenRecord) (string, error) {
	ref := TokenRef{Slot: token.Slot, Digest: token.Digest}
	var sealed strings.Builder
	for part, number := 0, 1; part < number; part++ {
		refs := s.keys.operatorRefs(ref, part)
		var record TokenRecord
		err := s.call(ctx, "TokenStore.Peek", func(ctx context.Context) (err error) {
			record, err = s.tokens.Peek(ctx, refs...)
			return err
		})
		if errors.Is(err, ErrTokenNotFound) {
			return "", nil
		}
		if err == nil {
			err = s.checkToken(ctx, record, "", refs...)
		}
		if err != nil {
			return "", err
		}
		state := record.State
		if part == 0 && state != "" {
			number, state = int(state[0]-'0'), state[1:]
			number = min(number, 8)
		}
		sealed.WriteString(state)
	}
	b, err := base64.RawURLEncoding.DecodeString(sealed.String())
	if err != nil {
		return "", nil
	}
	value, _, err := s.keys.operators.Open(b)
	operator, ok := strings.CutPrefix(string(value), token.Digest)
	if err != nil || !ok || !validOperator(operator) {
		return "", nil
	}
	return operator, nil
}
