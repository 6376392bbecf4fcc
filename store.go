package recovery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/seed-51359b35/recovery/internal/ascii"
)

// LeadIDField is the reserved name under which [LeadStore.FindLead] is asked
// for a lead by its ID. It cannot be declared in [Options.Fields], so no
// request can search by it.
const LeadIDField = "LeadId"

// A FieldType says how values of a field are read and where they can be sent
// to.
type FieldType string

// The types of fields that the library tells apart. Their names are those of
// LeadSquared's lead fields.
const (
	FieldEmail FieldType = "email"
	FieldPhone FieldType = "phone"
	FieldText  FieldType = "text"
)

// A Field declares one field of a lead that requests may name (A81). What is
// not declared can neither be searched nor receive.
type Field struct {
	// Name is the exact name, for example EmailAddress.
	Name string
	Type FieldType
	// Search says that a lead may be looked up by this field. Its values must
	// be unique: one lead at most has each.
	Search bool
	// Receive says that a message may be sent to the lead's value of this
	// field, if it is marked verified there. Type must be Email or Phone.
	Receive bool
	// IgnoreCase compares values of a Text field without ASCII case, as user
	// names want it.
	IgnoreCase bool
}

// A LeadKey names a lead by the value of one of its fields. A Service passes
// the canonical form of the value to the store: e-mail addresses in lower case
// with an ASCII domain, phone numbers as '+' and digits, values of fields with
// IgnoreCase in lower case, other text trimmed.
type LeadKey struct {
	Field string
	Value string
}

// String names the field and hides the value, so that identifiers do not reach
// logs by accident. As JSON a key is whole.
func (k LeadKey) String() string { return k.Field + "=" + redacted }

// Format writes String, whatever the verb.
func (k LeadKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }

// LogValue is String.
func (k LeadKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// A LeadStatus says whether a lead can recover a password. The zero value
// cannot.
type LeadStatus string

// The states of a lead.
const (
	// StatusActive has a password and may reset it.
	StatusActive LeadStatus = "active"
	// StatusDisabled may do nothing.
	StatusDisabled LeadStatus = "disabled"
	// StatusNoPassword signs in elsewhere (social login, SSO) and has no
	// password here to reset.
	StatusNoPassword LeadStatus = "no_password"
)

// A FieldValue is what a lead holds in one field.
type FieldValue struct {
	Value string
	// Verified says that the person proved to receive messages at Value.
	// Nothing is ever sent to a value that is not.
	Verified bool
}

// A Lead is one account of the host application, as a [LeadStore] returns it.
type Lead struct {
	// ID is the lead's own, stable name: 1 to 256 bytes of printable ASCII.
	ID string
	// Version changes whenever the password, an address or the status changes,
	// by whatever way. A token made for one version is dead under another
	// (A35). A counter, a row version or a digest of those columns will do; it
	// is never stored or shown as it is. Empty is an error.
	Version string
	Status  LeadStatus
	// Fields holds the values by field name: the one that was searched, the
	// ones that may receive, and any other that a password must not repeat.
	Fields map[string]FieldValue
	// Name is how messages may address the person. Optional.
	Name string
	// Locale is the BCP 47 tag of the language the person chose. Optional.
	Locale string
	// IdentityProviders are the social logins linked to the lead.
	IdentityProviders []string
}

// String names the lead by its ID and hides the rest.
func (l Lead) String() string { return "lead " + l.ID }

// Format writes String, whatever the verb.
func (l Lead) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(l.String())) }

// LogValue is String.
func (l Lead) LogValue() slog.Value { return slog.StringValue(l.String()) }

// A LeadStore is the host application's user store. Implementations are safe
// for concurrent use and return when ctx ends.
//
// The suite in package recoverytest proves an implementation right.
type LeadStore interface {
	// FindLead returns the one lead whose field has the value, or an error
	// that wraps [ErrLeadNotFound] when there is none or more than one; a
	// value that only looks alike, or differs in case from a canonical one, is
	// none. Any other error means that the store could not tell. A [Service] asks for
	// the fields declared with Search, and for [LeadIDField]. The store must
	// find what it holds by the canonical form described at [LeadKey]; the
	// Service compares the stored value again and refuses a lead that a
	// laxer collation brought up (A10).
	FindLead(ctx context.Context, key LeadKey) (Lead, error)

	// SetPasswordHash replaces the lead's password hash and so changes its
	// Version. A hash has up to 256 bytes of printable ASCII. An error that left the old hash in place for certain wraps
	// [ErrNotWritten]: the person's link then works again. Every other error
	// is taken as ambiguous, and the link stays spent.
	SetPasswordHash(ctx context.Context, leadID, hash string) error
}

// A VersionedLeadStore writes only if nothing has changed since the token was
// checked. A [Service] uses it where the store has it; without it, a change of
// address or status in the few milliseconds between check and write goes
// unnoticed.
type VersionedLeadStore interface {
	LeadStore
	// SetPasswordHashIf is SetPasswordHash for a lead that still has the
	// version, in one atomic step. Otherwise the error wraps both
	// [ErrVersionChanged] and [ErrNotWritten].
	SetPasswordHashIf(ctx context.Context, leadID, version, hash string) error
}

// A HistoryLeadStore remembers former password hashes.
// [Options.Passwords=PasswordOptions.History] needs one.
type HistoryLeadStore interface {
	LeadStore
	// PasswordHashes returns up to n of the lead's hashes, the current one
	// first.
	PasswordHashes(ctx context.Context, leadID string, n int) ([]string, error)
}

// A Token is the record of one secret in a [TokenStore]. It holds digests, so
// who reads the store can neither use a token nor tell whose it is.
type TokenRecord struct {
	// Slot and Digest echo what the record was stored under, so that a
	// Service can tell a reply that belongs to another question (A90).
	Slot   string
	Digest string
	// State is what [TokenSpec].State was.
	State string
	// Expires is on the store's clock.
	Expires time.Time
}

// A TokenSpec is a token to be stored.
type TokenSpec struct {
	// Digest is 1 to 64 bytes of printable ASCII without spaces.
	Digest string
	// State is up to 64 bytes of the same.
	State string
	// TTL is counted from the arrival in the store, on its clock: 1 ms to 31
	// days.
	TTL time.Duration
	// MaxLive is how many tokens may be usable in the slot at once, 1 to 8.
	// One more replaces the youngest. A claimed token keeps its place, because
	// a release revives it, and is replaced last.
	MaxLive int
	// Code says that the secret is short, so that guesses are counted.
	// MaxLive is then 1 and a new code replaces the old.
	Code bool
	// MaxTries is how many wrong guesses a code survives, less one: with 5,
	// the fifth kills it. Codes only.
	MaxTries int
	// MaxFailures is how many wrong guesses a slot takes in any interval of
	// FailureWindow, over all its codes; while it is reached no code in it can
	// be used, and further guesses are not counted. Codes only.
	MaxFailures   int
	FailureWindow time.Duration
}

// Validate reports whether the spec is within its ranges, for a store to call
// first.
func (s TokenSpec) Validate() error {
	switch {
	case !ascii.IsName(s.Digest, 1, 64):
		return errors.New("recovery: a token's Digest must be 1 to 64 bytes of printable ASCII")
	case s.State != "" && !ascii.IsName(s.State, 1, 64):
		return errors.New("recovery: a token's State must be up to 64 bytes of printable ASCII")
	case s.TTL < time.Millisecond || s.TTL > 31*24*time.Hour:
		return errors.New("recovery: a token's TTL must be 1 ms to 31 days")
	case s.MaxLive < 1 || s.MaxLive > 8 || s.Code && s.MaxLive != 1:
		return errors.New("recovery: a token's MaxLive must be 1 to 8, and 1 for a code")
	case s.Code && (s.MaxTries < 1 || s.MaxFailures < 1 || s.FailureWindow < time.Millisecond || s.FailureWindow > 31*24*time.Hour):
		return errors.New("recovery: a code needs MaxTries, MaxFailures and a FailureWindow of 1 ms to 31 days")
	case s.Code && (s.MaxTries > 1000 || s.MaxFailures > 1000):
		return errors.New("recovery: a code's MaxTries and MaxFailures must be at most 1,000")
	}
	return nil
}

// ValidateSlot reports whether slot can name a slot: 1 to 128 bytes of printable
// ASCII without spaces. For a [TokenStore] to call first.
func ValidateSlot(slot string) error {
	if !ascii.IsName(slot, 1, 128) {
		return errors.New("recovery: a slot must be 1 to 128 bytes of printable ASCII without spaces")
	}
	return nil
}

// ValidateClaimID reports whether id can name a claim: 1 to 64 letters and digits
// of ASCII. For a [TokenStore] to call first.
func ValidateClaimID(id string) error {
	if !ascii.IsName(id, 1, 64) || strings.ContainsFunc(id, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) {
		return errors.New("recovery: a claim ID must be 1 to 64 letters and digits of ASCII")
	}
	return nil
}

// A TokenRef names one secret in one slot.
type TokenRef struct {
	// Slot is 1 to 128 bytes of printable ASCII without spaces.
	Slot string
	// Digest is as in a [TokenSpec].
	Digest string
}

// Validate reports whether the names are within their ranges, for a store to
// call first.
func (r TokenRef) Validate() error {
	if !ascii.IsName(r.Slot, 1, 128) || !ascii.IsName(r.Digest, 1, 64) {
		return errors.New("recovery: a ref's Slot and Digest must be 1 to 128 and 1 to 64 bytes of printable ASCII")
	}
	return nil
}

// A TokenStore keeps digests of tokens, in slots. Every operation is atomic for
// each slot and runs on the store's own clock. Implementations are safe for
// concurrent use, also by several processes where they are shared, and return
// when ctx ends.
//
// A token is live from its Put until it is claimed, replaced, deleted, expired,
// or, for a code, guessed at too often. Only a claim can be undone.
//
// Where an operation takes several refs or slots, they are the same secret or
// lead under several keys of a key rotation; the store handles each atomically
// and all in one round trip where it can.
//
// What is malformed is an error, and so is a ctx that has ended before; both
// change nothing. Records that have expired are freed in time.
type TokenStore interface {
	// Put makes a token live. A digest that is live already is left as it is,
	// its expiry and its count of tries too, and its record returned. A digest
	// that is not live any more, but would not have expired yet, is refused
	// with [ErrTokenSpent]: a job that is repeated after the reset revives
	// nothing. A store may forget all but the 64 youngest spent digests of a
	// slot.
	Put(ctx context.Context, slot string, spec TokenSpec) (TokenRecord, error)

	// Peek returns the live token that a ref names, or [ErrTokenNotFound]. It
	// consumes nothing; but where the slot holds a live code and the digest is
	// another, that is a wrong guess, counted in the same atomic step.
	Peek(ctx context.Context, refs ...TokenRef) (TokenRecord, error)

	// Claim makes the live token that a ref names the caller's, who named the
	// claim with a fresh random id: 1 to 64 letters and digits. Exactly one id wins; repeating Claim with
	// it returns the same token again. Everybody else gets [ErrTokenNotFound].
	// Wrong guesses are counted as by Peek. With several refs, a token that
	// another id holds under any of them is nobody else's.
	Claim(ctx context.Context, claimID string, refs ...TokenRef) (TokenRecord, error)

	// Release makes the token live again if the id holds it, and bars the id
	// in any case: a Claim with it that arrives later gets [ErrTokenNotFound]
	// and changes nothing. A store may forget all but the 32 youngest ids
	// barred on one token. Releasing what is not there is not an error.
	Release(ctx context.Context, claimID string, refs ...TokenRef) error

	// Delete ends every token in the slots, claimed ones too. Their digests
	// stay refused by Put until they would have expired. The count of failed
	// guesses remains. Deleting what is not there is not an error.
	Delete(ctx context.Context, slots ...string) error
}
