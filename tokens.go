package recovery

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/seed-51359b35/recovery/internal/seal"
)

// A tokenKind is the purpose of a token. Each kind has its own slots and
// digests, so a token cannot be used for another purpose (A36).
type tokenKind string

const (
	kindMailed tokenKind = "m" // a link in a message
	kindIssued tokenKind = "i" // returned to a server, and not mailed
	kindCode   tokenKind = "c"

	kindForced     tokenKind = "f" // a link that the host asked for
	kindInvitation tokenKind = "v" // a link for a first password

	kindDeskLink tokenKind = "h" // a link that a help desk hands over
	kindReadOut  tokenKind = "r" // a code that a help desk reads out
)

var allKinds = [...]tokenKind{kindMailed, kindIssued, kindCode, kindForced, kindInvitation, kindDeskLink, kindReadOut}

// sealedKinds are the kinds that sealed tokens can have.
var sealedKinds = [...]tokenKind{kindMailed, kindIssued, kindForced, kindInvitation, kindDeskLink}

// isLink reports whether messages carry tokens of this kind in links.
func (k tokenKind) isLink() bool { return k != kindIssued && k != kindCode && !k.isHelpDesk() }

// isHelpDesk reports whether a help desk issues tokens of this kind.
func (k tokenKind) isHelpDesk() bool { return k == kindDeskLink || k == kindReadOut }

// sealToken seals a token in one string: one byte of kind, 32 bytes of secret,
// and the lead ID.
func (k *keyring) sealToken(kind tokenKind, leadID, secret string) (string, error) {
	b, err := hex.DecodeString(secret)
	if err != nil || len(b) != 32 {
		return "", errors.New("recovery: malformed secret")
	}
	value := append([]byte(kind), b...)
	return k.tokens.Seal(append(value, leadID...))
}

func (k *keyring) openToken(sealed string) (kind tokenKind, leadID, secret string, err error) {
	b, _, err := k.tokens.Open(sealed)
	if err != nil {
		return "", "", "", err
	}
	if len(b) < 34 {
		return "", "", "", seal.ErrInvalid
	}
	kind = tokenKind(b[:1])
	if !slices.Contains(sealedKinds[:], kind) {
		return "", "", "", seal.ErrNewerVersion
	}
	return kind, string(b[33:]), hex.EncodeToString(b[1:33]), nil
}

func isSecret(s string) bool {
	if len(s) != 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func isCode(s string) bool {
	if len(s) != codeDigits {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// lifetime returns how long a token lives in the store, unless its request says
// so.
func (s *Service) lifetime(kind tokenKind) time.Duration {
	switch kind {
	case kindCode:
		return s.opts.Tokens.CodeTTL
	case kindForced:
		return s.opts.Tokens.ForcedResetTTL
	case kindInvitation:
		return s.opts.Tokens.InvitationTTL
	case kindReadOut:
		return readOutTTL
	}
	return s.opts.Tokens.LinkTTL
}

// put stores the token of a link for the lead in its present state, in the slot of a
// field, under one generation of keys. All attempts at a job use the same generation
// and the same slot: in another place the store would not recognise a token that
// is spent already.
func (s *Service) put(ctx context.Context, g *generation, kind tokenKind, ttl time.Duration, lead Lead, field, secret string) (TokenRecord, error) {
	ref := s.keys.refOf(g, kind, lead.ID, field, secret)
	spec := TokenSpec{Digest: ref.Digest, State: g.stateOf(lead), TTL: ttl, MaxLive: 3}
	if kind.isHelpDesk() {
		spec.MaxLive = 1 // what was misheard is dead once another one is read out
	}
	return s.putSpec(ctx, lead.ID, ref, spec)
}

func (s *Service) putSpec(ctx context.Context, leadID string, ref TokenRef, spec TokenSpec) (TokenRecord, error) {
	var token TokenRecord
	err := s.call(ctx, "TokenStore.Put", func(ctx context.Context) (err error) {
		token, err = s.tokens.Put(ctx, ref.Slot, spec)
		return err
	})
	if err != nil {
		return TokenRecord{}, err
	}
	if err := s.checkToken(ctx, token, leadID, ref); err != nil {
		return TokenRecord{}, err
	}
	return token, nil
}

// checkToken returns an error if the record belongs to none of the refs: a
// connection that several requests share can return replies in the wrong order
// (A90, CVE-2025-29923).
func (s *Service) checkToken(ctx context.Context, token TokenRecord, leadID string, refs ...TokenRef) error {
	for _, ref := range refs {
		if token.Slot == ref.Slot && token.Digest == ref.Digest {
			return nil
		}
	}
	s.emit(ctx, Event{Kind: EventWrongRecord, LeadID: leadID})
	return fmt.Errorf("recovery: the token store returned the record of another token")
}
