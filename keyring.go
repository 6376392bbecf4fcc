package recovery

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strconv"
	"sync"

	"github.com/seed-51359b35/recovery/internal/seal"
)

// A keyring holds the keys that are derived from Options.Keys. The first
// generation is used for everything new. All generations are accepted.
type keyring struct {
	prefix      string
	limits      string // the prefix of limiter keys
	generations []generation
	// otherFields are the fields to which links go only on request.
	otherFields []string
	tokens      *seal.Sealer // seals lead and secret in one string
	jobs        *seal.Box
	notMe       *seal.Sealer // seals notice, message and lead in one string
	devices     *seal.Sealer // seals what a known device presents
	returns     *seal.Sealer // seals where a person came from
	operators   *seal.Box    // seals who issued a token of a help desk
	handles     *seal.Sealer // seals who asks for codes
}

// A generation is the keys that are derived from one of Options.Keys.
type generation struct {
	slot, digest, state, limit *macKey
	account                    *macKey // derives the secrets of several accounts from one
}

func newKeyring(opts Options) (*keyring, error) {
	k := &keyring{prefix: opts.Prefix, limits: opts.Prefix + ":l:"}
	usual := linksGoTo(opts.Fields)
	for _, f := range opts.Fields {
		if f.Receive && f.Name != usual {
			k.otherFields = append(k.otherFields, f.Name)
		}
	}
	var tokens, notMe, devices, returns, handles []seal.Key
	var jobs, operators [][]byte
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
			account: newMACKey(sub("account")),
		})
		tokens = append(tokens, seal.Key{Hash: sub("token mac"), Block: sub("token enc")})
		jobs, operators = append(jobs, sub("job")), append(operators, sub("operator"))
		notMe = append(notMe, seal.Key{Hash: sub("not-me mac"), Block: sub("not-me enc")})
		devices = append(devices, seal.Key{Hash: sub("device mac"), Block: sub("device enc")})
		returns = append(returns, seal.Key{Hash: sub("return-to mac"), Block: sub("return-to enc")})
		handles = append(handles, seal.Key{Hash: sub("handle mac"), Block: sub("handle enc")})
		if err != nil {
			return nil, fmt.Errorf("recovery: deriving keys: %w", err)
		}
	}
	// The store decides when a token expires. The age limit of the seal only
	// saves a question to the store about tokens that are certainly too old. It
	// is much longer than any of them lives, so that clocks that differ end no live
	// token.
	k.tokens = seal.New(tokens, "recovery.token", 2*maxTTL, 1024)
	k.returns = seal.New(returns, "recovery.return-to", 2*maxTTL, 1024)
	var err error
	if k.jobs, err = seal.NewBox(jobs, "recovery.job"); err != nil {
		return nil, fmt.Errorf("recovery: deriving keys: %w", err)
	}
	if k.operators, err = seal.NewBox(operators, "recovery.operator"); err != nil {
		return nil, fmt.Errorf("recovery: deriving keys: %w", err)
	}
	k.notMe = seal.New(notMe, "recovery.not-me", notMeTTL, 1024)
	k.devices = seal.New(devices, "recovery.device", deviceTTL, 1024)
	k.handles = seal.New(handles, "recovery.handle", handleTTL+handleRest, maxHandle)
	return k, nil
}

// A macKey computes HMAC-SHA-256 with one key. It keeps hash states for later
// use, because setting up a key takes longer than hashing a short message.
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

// sum appends the MAC of the parts to dst. The length of each part precedes it,
// so that two different lists of parts never give the same MAC.
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

// name returns a short MAC for the names of slots and limiter keys. 128 bits
// are enough, because only a holder of the keys can compute such names.
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

// slot returns where the tokens of one kind stand. A link to a field to which
// links go only on request stands in a slot of its own. Otherwise a stranger
// who asks for such links would end those that went to the usual field, because
// a slot has room for three (A58). For a code, field may be knownDevices. In all
// other cases it is empty.
//
// The name of such a slot has that of the usual one as its hash tag. So a Redis
// Cluster keeps the two on one node, where one call looks into both.
func (k *keyring) slot(g *generation, kind tokenKind, leadID, field string) string {
	usual := g.slot.name(k.prefix+":t:"+string(kind)+":", string(kind), leadID)
	if field == "" {
		return usual
	}
	return g.slot.name("{"+usual+"}:", string(kind), leadID, field)
}

func (k *keyring) refOf(g *generation, kind tokenKind, leadID, field, secret string) TokenRef {
	return TokenRef{Slot: k.slot(g, kind, leadID, field), Digest: g.digest.digest(string(kind), leadID, secret)}
}

// refs returns all places where the token of a link may be stored: one for each
// generation and, if it was mailed, for each field that it may have gone to.
func (k *keyring) refs(kind tokenKind, leadID, secret string) []TokenRef {
	refs := make([]TokenRef, 0, len(k.generations)*(1+len(k.otherFields)))
	for i := range k.generations {
		g := &k.generations[i]
		usual := k.refOf(g, kind, leadID, "", secret)
		refs = append(refs, usual)
		if !kind.isLink() {
			continue
		}
		for _, field := range k.otherFields {
			refs = append(refs, TokenRef{Slot: k.slot(g, kind, leadID, field), Digest: usual.Digest})
		}
	}
	return refs
}

// decoys is how many slots there are for guesses at the codes of nobody. Each
// holds a small record for a short time after a guess, so their number must not
// depend on how many identifiers a stranger can invent (A95).
const decoys = 4096

// decoy returns what stands for the lead ID where an identifier finds no lead
// that may reset its password: so the store is asked the same question, and
// writes the same, as for one that does (A97). No lead has such an ID, because
// its first byte is not printable.
//
// One identifier always gets the same decoy. With a random one, two guesses at
// an unknown identifier would never wait for each other in a store that locks
// slots, and would go to different servers in a Cluster. Two guesses at a known
// identifier do otherwise, and that would tell.
func (k *keyring) decoy(key LeadKey) string {
	var sum [sha256.Size]byte
	n := binary.BigEndian.Uint16(k.generations[0].slot.sum(sum[:0], "decoy", key.Field, key.Value)) % decoys
	return "\x00" + strconv.Itoa(int(n))
}

// fieldOf returns the field that the link of a token went to, by the slot where it
// stands, or the empty string.
func (k *keyring) fieldOf(slot string, kind tokenKind, leadID, usual string) string {
	for i := range k.generations {
		g := &k.generations[i]
		if slot == k.slot(g, kind, leadID, "") {
			return usual
		}
		for _, field := range k.otherFields {
			if slot == k.slot(g, kind, leadID, field) {
				return field
			}
		}
	}
	return ""
}

// sharedSecret returns a secret for a token that several may know, such as a server
// and the person: whoever presents it has not proved which address is theirs. It is
// 16 random bytes and their MAC. So the keys tell it from other secrets, wherever
// the token is stored and however a link carries it, and nobody else can.
func (k *keyring) sharedSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:16]) // never fails, see newSecret
	copy(b[16:], k.generations[0].sharedMAC(b[:16]))
	return hex.EncodeToString(b[:])
}

// isShared reports whether a secret is from sharedSecret.
func (k *keyring) isShared(secret string) bool {
	b, err := hex.DecodeString(secret)
	if err != nil || len(b) != 32 {
		return false
	}
	for i := range k.generations {
		if hmac.Equal(b[16:], k.generations[i].sharedMAC(b[:16])) {
			return true
		}
	}
	return false
}

func (g *generation) sharedMAC(b []byte) []byte { return g.digest.sum(nil, "shared", string(b))[:16] }

// slots returns all slots of a lead, of all kinds, fields and generations.
func (k *keyring) slots(leadID string) []string {
	slots := make([]string, 0, len(allKinds)*(1+len(k.otherFields))*len(k.generations))
	for i := range k.generations {
		g := &k.generations[i]
		for _, kind := range allKinds {
			slots = k.appendSlots(slots, g, kind, leadID)
		}
	}
	return slots
}

// appendSlots appends the slots of one kind: one for each field that its links may
// go to, and for codes also that of known devices.
func (k *keyring) appendSlots(slots []string, g *generation, kind tokenKind, leadID string) []string {
	slots = append(slots, k.slot(g, kind, leadID, ""))
	if kind == kindCode {
		slots = append(slots, k.slot(g, kind, leadID, knownDevices))
	}
	if kind.isLink() {
		for _, field := range k.otherFields {
			slots = append(slots, k.slot(g, kind, leadID, field))
		}
	}
	return slots
}

// kindOf returns the kind of the tokens in one of the lead's slots.
func (k *keyring) kindOf(slot, leadID string) (kind tokenKind, ok bool) {
	for i := range k.generations {
		for _, kind := range allKinds {
			if slices.Contains(k.appendSlots(nil, &k.generations[i], kind, leadID), slot) {
				return kind, true
			}
		}
	}
	return "", false
}

// stateOf returns the digest of the lead's version. Tokens are stored with it.
func (g *generation) stateOf(lead Lead) string { return g.state.digest(lead.ID, lead.Version) }

// mailedStateOf is stateOf for a code that goes out by mail. All codes of a lead
// stand in one slot, so the slot does not say which address a code proves. One in a
// text message has the state of a link, as every code of an older version.
func (g *generation) mailedStateOf(lead Lead) string {
	return g.state.digest(lead.ID, lead.Version, "mailed")
}

// mailedStateMatches is stateMatches for mailedStateOf.
func (k *keyring) mailedStateMatches(state string, lead Lead) bool {
	ok := false
	for i := range k.generations {
		if hmac.Equal([]byte(state), []byte(k.generations[i].mailedStateOf(lead))) {
			ok = true
		}
	}
	return ok
}

// stateMatches reports whether a token was stored for this version of the lead,
// under the keys of any generation.
func (k *keyring) stateMatches(state string, lead Lead) bool {
	ok := false
	for i := range k.generations {
		if hmac.Equal([]byte(state), []byte(k.generations[i].stateOf(lead))) {
			ok = true
		}
	}
	return ok
}

// limitKey returns the name under which the limiter counts a value in a scope.
func (k *keyring) limitKey(scope LimitScope, what, value string) string {
	return k.generations[0].limit.name(k.limits+string(scope)+":", string(scope), what, value)
}
