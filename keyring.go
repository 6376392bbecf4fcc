package recovery

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"math/big"
	"sync"
	"time"

	"github.com/seed-51359b35/recovery/internal/seal"
)

// tokenKind is the purpose of a token. Each has slots and digests of its own,
// so a token for one purpose is none for another (A36).
type tokenKind string

const (
	kindMailed tokenKind = "m" // a link in a message
	kindIssued tokenKind = "i" // handed to a server and not mailed
	kindCode   tokenKind = "c"
)

var allKinds = [...]tokenKind{kindMailed, kindIssued, kindCode}

// A keyring derives what every purpose needs from Options.Keys: the first
// generation makes, all generations recognise.
type keyring struct {
	prefix      string
	limits      string // prefix of limiter keys
	generations []generation
	tokens      *seal.Sealer // lead and secret in one string
	jobs        *seal.Box
	notMe       *seal.Sealer // notice, message and lead in one string
}

// A generation is the sub-keys of one key.
type generation struct {
	slot, digest, state, limit *macKey
}

func newKeyring(opts Options) (*keyring, error) {
	k := &keyring{prefix: opts.Prefix, limits: opts.Prefix + ":l:"}
	var tokens, notMe []seal.Key
	var jobs [][]byte
	for _, key := range opts.Keys {
		var err error
		sub := func(label string) []byte {
			var b []byte
			if err == nil {
				b, err = hkdf.Key(sha256.New, key, nil, "recovery/v1/"+opts.Prefix+"/"+label, 32)
			}
			return b
		}
		k.generations = append(k.generations, generation{
			slot: newMACKey(sub("slot")), digest: newMACKey(sub("digest")),
			state: newMACKey(sub("state")), limit: newMACKey(sub("limit")),
		})
		tokens = append(tokens, seal.Key{Hash: sub("token mac"), Block: sub("token enc")})
		jobs = append(jobs, sub("job"))
		notMe = append(notMe, seal.Key{Hash: sub("not-me mac"), Block: sub("not-me enc")})
		if err != nil {
			return nil, fmt.Errorf("recovery: deriving keys: %w", err)
		}
	}
	// The store decides when a token ends; the seal only spares it what is
	// certainly too old. A job may come a while after its token was sealed.
	k.tokens = seal.New(tokens, "recovery.token", 2*opts.LinkTTL+time.Hour, 1024)
	var err error
	if k.jobs, err = seal.NewBox(jobs, "recovery.job"); err != nil {
		return nil, fmt.Errorf("recovery: deriving keys: %w", err)
	}
	k.notMe = seal.New(notMe, "recovery.not-me", notMeTTL, 1024)
	return k, nil
}

// A macKey computes HMAC-SHA-256 under one key. It keeps the states that the
// key sets up, which cost more than a short message does.
type macKey struct {
	pool sync.Pool
}

type macState struct {
	hash.Hash
	buf []byte
}

func newMACKey(key []byte) *macKey {
	return &macKey{sync.Pool{New: func() any {
		return &macState{hmac.New(sha256.New, key), make([]byte, 0, 512)}
	}}}
}

// sum appends to dst the MAC of the parts, each preceded by its length so that
// no two lists of parts read the same.
func (k *macKey) sum(dst []byte, parts ...string) []byte {
	state := k.pool.Get().(*macState)
	defer k.pool.Put(state)
	state.buf = state.buf[:0]
	for _, p := range parts {
		state.buf = binary.BigEndian.AppendUint32(state.buf, uint32(len(p)))
		state.buf = append(state.buf, p...)
	}
	state.Reset()
	state.Write(state.buf)
	state.buf = state.Sum(state.buf[:0])
	return append(dst, state.buf...)
}

// name is a short keyed hash, for the names of slots and limiter keys. 128 bits
// are enough for names that only the keys' holder can make.
func (k *macKey) name(prefix string, parts ...string) string {
	var sum [sha256.Size]byte
	var buf [128]byte
	return string(base64.RawURLEncoding.AppendEncode(append(buf[:0], prefix...), k.sum(sum[:0], parts...)[:16]))
}

func (k *macKey) digest(parts ...string) string {
	var sum [sha256.Size]byte
	var buf [64]byte
	return string(base64.RawURLEncoding.AppendEncode(buf[:0], k.sum(sum[:0], parts...)))
}

func (k *keyring) slot(g *generation, kind tokenKind, leadID string) string {
	return g.slot.name(k.prefix+":t:"+string(kind)+":", string(kind), leadID)
}

func (k *keyring) refOf(g *generation, kind tokenKind, leadID, secret string) Ref {
	return Ref{k.slot(g, kind, leadID), g.digest.digest(string(kind), leadID, secret)}
}

// refs are all the places where a token may be.
func (k *keyring) refs(kind tokenKind, leadID, secret string) []Ref {
	refs := make([]Ref, len(k.generations))
	for i := range k.generations {
		refs[i] = k.refOf(&k.generations[i], kind, leadID, secret)
	}
	return refs
}

// decoyRefs name slots that no lead has, for a code that nobody was sent: the
// store is asked the same question and writes nothing.
func (k *keyring) decoyRefs(key LeadKey, code string) []Ref {
	return k.refs(kindCode, "\x00"+key.Field+"\x00"+key.Value, code)
}

// slots are all the slots of a lead.
func (k *keyring) slots(leadID string) []string {
	slots := make([]string, 0, len(allKinds)*len(k.generations))
	for i := range k.generations {
		for _, kind := range allKinds {
			slots = append(slots, k.slot(&k.generations[i], kind, leadID))
		}
	}
	return slots
}

// state is the digest of a lead's version that a token carries.
func (g *generation) stateOf(lead Lead) string { return g.state.digest(lead.ID, lead.Version) }

// stateMatches reports whether a token's state is the lead's, under any key.
func (k *keyring) stateMatches(state string, lead Lead) bool {
	ok := false
	for i := range k.generations {
		if hmac.Equal([]byte(state), []byte(k.generations[i].stateOf(lead))) {
			ok = true
		}
	}
	return ok
}

// limitKey names what a tier of limits counts.
func (k *keyring) limitKey(scope LimitScope, what, value string) string {
	return k.generations[0].limit.name(k.limits+string(scope)+":", string(scope), what, value)
}

// The sealed token is one byte of kind, 32 of secret, and the lead ID.

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
	if kind != kindMailed && kind != kindIssued {
		return "", "", "", seal.ErrNewerVersion
	}
	return kind, string(b[33:]), hex.EncodeToString(b[1:33]), nil
}

// newSecret draws the 32 bytes of a link token, in lower-case hexadecimal.
// crypto/rand.Read does not fail: the runtime ends the program if the system
// has no randomness (A30).
func newSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// codeDigits is the length of a code. Eight, because an attacker who tries
// five codes on each of a million accounts expects to hit five of six digits
// and 0.05 of eight.
const codeDigits = 8

// newCode draws a code without bias; leading zeros stay.
func newCode() (string, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(100_000_000))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%0*d", codeDigits, n), nil
}

// newID is a random name for jobs and claims.
func newID() string { return rand.Text() }

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
