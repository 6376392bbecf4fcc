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

// LeadIDField is the reserved name of the field in which [LeadStore.FindLead]
// is asked for a lead by its ID. [Options].Fields cannot declare it, so no
// request can search by ID.
const LeadIDField = "LeadId"

// A FieldType says how values of a field are read, and by which channel
// messages can be sent to them.
type FieldType string

// The types of fields. They correspond to LeadSquared's data types Email, Phone
// and Text.
const (
	FieldTypeEmail FieldType = "email"
	FieldTypePhone FieldType = "phone"
	FieldTypeText  FieldType = "text"
)

// A Field declares one field of a lead that requests may name (A81). A field
// that is not declared can neither be searched nor receive messages.
type Field struct {
	// Name is the exact name, for example "EmailAddress": 1 to 64 characters of
	// printable ASCII without spaces.
	Name string
	Type FieldType
	// Search says that a lead may be looked up by this field. The values should
	// be unique: for one that several leads have, nothing is sent, except by a
	// [MultiLeadStore].
	Search bool
	// Receive says that messages may be sent to the lead's value of this field,
	// if the value is verified. Type must be FieldTypeEmail or FieldTypePhone.
	Receive bool
	// Trusted sends messages to values that are not verified too. It is for hosts
	// that do not remember which addresses were verified. Anybody who can write
	// somebody else's address on an account of theirs then has mail sent there,
	// and whoever mistypes an address gives the account to a stranger. Default
	// false. See [VerifyingLeadStore].
	Trusted bool
	// IgnoreCase compares values of type FieldTypeText without ASCII case, for
	// example for user names.
	IgnoreCase bool
}

// A LeadKey names a lead by the value of one of its fields. A store gets the
// canonical form of the value: e-mail addresses with A to Z in lower case and an
// ASCII domain, phone numbers as '+' and digits, values of fields with IgnoreCase
// with A to Z in lower case, and other text without white space around it.
//
// An e-mail address may have dots before the '@' in a row or at its end, and
// letters outside ASCII before it: these are neither folded nor normalised, and
// accepted only as Unicode's forms NFC and NFKC write them. So "müller@" and
// "MÜLLER@" are two addresses, of which "Müller@" is the first.
type LeadKey struct {
	Field string
	Value string
}

// String returns the name of the field and hides the value, so that identifiers
// do not reach logs by accident. JSON contains the value.
func (k LeadKey) String() string { return k.Field + "=" + redacted }

// Format writes what String returns, for every verb.
func (k LeadKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }

// LogValue returns the same as String.
func (k LeadKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// A LeadStatus says whether a lead can reset its password. A lead with the zero
// value cannot.
type LeadStatus string

// The states of a lead.
const (
	// StatusActive means that the lead has a password and may reset it.
	StatusActive LeadStatus = "active"
	// StatusDisabled means that the lead may do nothing.
	StatusDisabled LeadStatus = "disabled"
	// StatusNoPassword means that the lead signs in elsewhere (social login,
	// SSO) and has no password here.
	StatusNoPassword LeadStatus = "no_password"
	// StatusResetRequired means that the lead has a password, and has to replace
	// it: the host's log-in refuses it. The lead may reset it like one that is
	// active. The write of the new password makes the lead active, in the same
	// step: see [LeadStore.SetPasswordHash].
	StatusResetRequired LeadStatus = "reset_required"
	// StatusInvited means that the lead has no password yet, and may choose its
	// first one with an invitation: see [Service.SendInvitation]. Messages go to
	// addresses of such a lead that are not verified too, because the host has
	// written them there in order to invite somebody.
	StatusInvited LeadStatus = "invited"
)

// A FieldValue is what a lead holds in one field.
type FieldValue struct {
	// Value is the value as the host stores it: as the person typed it, or in
	// canonical form. A [Service] compares the canonical form, and sends
	// messages to this spelling.
	Value string
	// Verified says that the person proved to receive messages at Value.
	// Messages are sent to verified values only, unless [Field].Trusted is set or
	// the lead has StatusInvited.
	Verified bool
}

// A Lead is one account of the host application, as a [LeadStore] returns it.
type Lead struct {
	// ID is a stable name of the lead: 1 to 256 bytes of printable ASCII
	// without spaces.
	ID string
	// Version must change whenever the password, an address or the status
	// changes, in whatever way. A token that was made for one version is dead
	// under any other (A35). A counter, a row version or a digest of those
	// columns will do. The Service stores only a digest of it. Empty is an
	// error.
	Version string
	Status  LeadStatus
	// Fields holds values by the name of their field: the one that was
	// searched, those that may receive, and any others that the password must
	// not contain.
	Fields map[string]FieldValue
	// Name is how messages may address the person. Optional; at most 256 bytes
	// are used.
	Name string
	// Locale is the BCP 47 tag of the language that the person chose. Optional;
	// at most 64 bytes are used.
	Locale string
	// IdentityProviders are the social logins that are linked to the lead.
	IdentityProviders []string
	// Brand is the name of the brand that the lead belongs to, which its messages
	// have: see [BrandOptions]. Optional: without it, they have the brand of the
	// request.
	Brand string
	// Data are as in [ForgotRequest], for every message to the lead. Optional. If
	// they break the bounds, messages go out without them, and the log says so.
	Data map[string]string
}

// String returns the lead's ID and hides the rest.
func (l Lead) String() string { return "lead " + l.ID }

// Format writes what String returns, for every verb.
func (l Lead) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(l.String())) }

// LogValue returns the same as String.
func (l Lead) LogValue() slog.Value { return slog.StringValue(l.String()) }

// A LeadStore is the host application's user store. Every host implements it.
// Implementations are safe for concurrent use and return when ctx ends. The
// test suite in package recoverytest checks an implementation.
type LeadStore interface {
	// FindLead returns the one lead whose field has the value. If no lead has
	// it, or more than one, whatever their status, the error wraps
	// [ErrLeadNotFound]. For more than one it should be [ErrLeadAmbiguous], which
	// wraps it, so that an operator sees why nothing is sent. Any other error means
	// that the store could not answer, because its database is down or ctx has
	// ended. If ctx had ended before the call, FindLead may answer as usual.
	//
	// Compare values byte by byte in canonical form: a value that only looks
	// alike, that Unicode's normalisation would make equal, or that differs in
	// case, is a different value. For e-mail addresses
	// and fields with IgnoreCase, comparing without case is right, if only A to
	// Z are folded: the lower function of a database may also turn U+212A, the
	// sign for kelvin, into k. For other text and for IDs it is wrong. A value
	// that the store cannot hold, such as letters where IDs are numbers, is
	// nobody's.
	//
	// FindLead says what is stored now: it caches neither a lead nor that there
	// is none. The lead belongs to the caller, who may change its Fields.
	//
	// A [Service] asks for fields that are declared with Search, and for
	// [LeadIDField]. The store must find its values by the canonical form that
	// [LeadKey] describes. The Service compares the stored value again. It
	// refuses a lead that the store found because its collation treats more
	// values as equal (A10).
	FindLead(ctx context.Context, key LeadKey) (Lead, error)

	// SetPasswordHash replaces the lead's password hash, which must change the
	// lead's Version. It changes nothing else: it neither enables the lead nor
	// verifies an address. There is one exception: a lead with
	// StatusResetRequired has what was required, so the same write makes it
	// StatusActive. A hash has up to 256 bytes of printable ASCII without
	// spaces.
	//
	// If the old hash is certainly still in place, the error wraps
	// [ErrNotWritten], and the person's link works again. That is so if there is
	// no such lead, if ctx had ended before the call, and if the database
	// refused the connection. The new hash must not be written later then, by a
	// retry in the background. After any other error the hash may have been
	// written, and the link stays spent: a reply that was lost says nothing.
	SetPasswordHash(ctx context.Context, leadID, hash string) error
}

// A VersionedLeadStore writes only if the lead has not changed since its token
// was checked. A [Service] uses this method if the store has it. Without it,
// the Service reads the lead once more before it claims the token. A change of
// address or status in the few milliseconds between that read and the write is
// not noticed.
type VersionedLeadStore interface {
	LeadStore
	// SetPasswordHashIf does the same as SetPasswordHash, in one atomic step,
	// if the lead still has the version. If it has not, the error wraps both
	// [ErrVersionChanged] and [ErrNotWritten].
	SetPasswordHashIf(ctx context.Context, leadID, version, hash string) error
}

// A FirstPasswordLeadStore writes first passwords. [InvitationOptions] need one.
type FirstPasswordLeadStore interface {
	LeadStore
	// SetFirstPasswordHashIf writes the hash, and makes the lead StatusActive, in
	// one atomic step, if the lead still has the version and has StatusInvited or
	// StatusNoPassword. If it has not, the error wraps both [ErrVersionChanged]
	// and [ErrNotWritten]. It verifies no address: see [VerifyingLeadStore]. All
	// other errors are those of SetPasswordHash.
	SetFirstPasswordHashIf(ctx context.Context, leadID, version, hash string) error
}

// A VerifyingLeadStore marks addresses as verified. A [Service] uses it if the
// store has it: whoever resets a password, or chooses the first one, with a link
// that was mailed to an address that was not verified, has proved to read what
// arrives there. That happens with [Field].Trusted and [StatusInvited].
type VerifyingLeadStore interface {
	LeadStore
	// MarkVerified marks the lead's value of the field as verified, if it still is
	// that value: the spelling that FindLead returned. If it is not, or there is
	// no such lead, MarkVerified does nothing, and that is no error. It is called
	// after the password was written, and the Service repeats it after an error.
	MarkVerified(ctx context.Context, leadID, field, value string) error
}

// A PasswordHistoryLeadStore remembers former password hashes.
// [PasswordOptions.History] needs one.
type PasswordHistoryLeadStore interface {
	LeadStore
	// PasswordHashes returns up to n hashes of the lead, newest first. The
	// first is the present one. A [Service] asks for [PasswordOptions].History
	// of them, at most 24, so the store keeps at least as many. If the store
	// cannot answer, that is an error, and no empty history.
	PasswordHashes(ctx context.Context, leadID string, n int) ([]string, error)
}

// A TokenRecord is what a [TokenStore] returns about one token. For authors of
// token stores. It holds digests, so whoever reads the store can neither use a
// token nor tell whose it is.
type TokenRecord struct {
	// Slot and Digest are those under which the token was stored. They let a
	// Service notice a reply that belongs to another question (A90).
	Slot   string
	Digest string
	// State is [TokenSpec].State.
	State string
	// Created is when the token was stored, and Expires when it expires, both by
	// the store's clock. Created is zero for a token that a version of the store
	// without this field has written.
	Created time.Time
	Expires time.Time
}

// A TokenSpec describes a token to be stored. For authors of token stores.
type TokenSpec struct {
	// Digest is 1 to 64 bytes of printable ASCII without spaces.
	Digest string
	// State is up to 64 bytes of the same characters. The store only keeps it.
	State string
	// TTL is the lifetime from the arrival in the store, by the store's clock:
	// 1 ms to 31 days.
	TTL time.Duration
	// MaxLive is how many tokens of the slot may be usable at once: 1 to 8. One
	// more replaces the youngest. A claimed token counts too, because a release
	// makes it usable again, and it is replaced last. For codes see Handle.
	MaxLive int
	// Code says that the secret is short, so wrong guesses must be counted.
	Code bool
	// Handle tells the codes of a slot apart by who asked for them: up to 64 bytes
	// of printable ASCII without spaces. A slot has at most one live code for each
	// handle, so a new code replaces the one with its own handle, also if that one
	// is claimed. It never replaces another: if MaxLive codes with other handles
	// are live or claimed, there is no room ([ErrTooManyCodes]). Empty is a handle
	// like any other. For codes only.
	Handle string
	// MaxTries is the number of wrong guesses after which a code is dead: 1 to
	// 1,000. With 5, the fifth one kills it. For codes only.
	MaxTries int
	// MaxFailures is the number of wrong guesses in any interval of
	// FailureWindow after which no code of the slot can be used: 1 to 1,000,
	// counted over all codes of the slot, whatever their handles. Further guesses
	// are not counted. Reaching it ends no code: one that has tries left is live
	// again when enough guesses have left the interval. FailureWindow is 1 ms to 31
	// days. A Put is judged by its own two numbers, and then those of the code that
	// was stored last hold for the whole slot. For codes only.
	MaxFailures   int
	FailureWindow time.Duration
}

// Validate returns the mistake in the spec, or nil. A store calls it first.
func (s TokenSpec) Validate() error {
	switch {
	case !ascii.IsName(s.Digest, 1, 64):
		return errors.New("recovery: a token's Digest must be 1 to 64 bytes of printable ASCII without spaces")
	case s.State != "" && !ascii.IsName(s.State, 1, 64):
		return errors.New("recovery: a token's State must be up to 64 bytes of printable ASCII without spaces")
	case s.TTL < time.Millisecond || s.TTL > 31*24*time.Hour:
		return errors.New("recovery: a token's TTL must be 1 ms to 31 days")
	case s.MaxLive < 1 || s.MaxLive > 8:
		return errors.New("recovery: a token's MaxLive must be 1 to 8")
	case s.Handle != "" && (!s.Code || !ascii.IsName(s.Handle, 1, 64)):
		return errors.New("recovery: a token's Handle must be up to 64 bytes of printable ASCII without spaces, and is for codes only")
	case s.Code && (s.MaxTries < 1 || s.MaxFailures < 1 || s.FailureWindow < time.Millisecond || s.FailureWindow > 31*24*time.Hour):
		return errors.New("recovery: a code needs MaxTries, MaxFailures and a FailureWindow of 1 ms to 31 days")
	case s.Code && (s.MaxTries > 1000 || s.MaxFailures > 1000):
		return errors.New("recovery: a code's MaxTries and MaxFailures must be at most 1,000")
	}
	return nil
}

// ValidateTokenSlot returns an error unless slot is 1 to 128 bytes of printable
// ASCII without spaces. For authors of token stores: a [TokenStore] calls it
// first.
func ValidateTokenSlot(slot string) error {
	if !ascii.IsName(slot, 1, 128) {
		return errors.New("recovery: a slot must be 1 to 128 bytes of printable ASCII without spaces")
	}
	return nil
}

// ValidateClaimID returns an error unless id is 1 to 64 ASCII letters and
// digits. For authors of token stores: a [TokenStore] calls it first.
func ValidateClaimID(id string) error {
	if !ascii.IsName(id, 1, 64) || strings.ContainsFunc(id, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) {
		return errors.New("recovery: a claim ID must be 1 to 64 ASCII letters and digits")
	}
	return nil
}

// A TokenRef names one token in one slot. For authors of token stores.
type TokenRef struct {
	// Slot is 1 to 128 bytes of printable ASCII without spaces.
	Slot string
	// Digest is as in a [TokenSpec].
	Digest string
	// Code says that the secret is a code, which anybody can guess at. Peek and
	// Claim then write, whatever they find.
	Code bool
	// Handle is [TokenSpec].Handle of the code that is guessed at. A wrong guess counts
	// at the live code with this handle. A token is found by Slot and Digest alone, whatever the Handle.
	// For codes only.
	Handle string
}

// Validate returns the mistake in the names, or nil. A store calls it first.
func (r TokenRef) Validate() error {
	if !ascii.IsName(r.Slot, 1, 128) || !ascii.IsName(r.Digest, 1, 64) {
		return errors.New("recovery: the Slot of a TokenRef must be 1 to 128, and its Digest 1 to 64, bytes of printable ASCII without spaces")
	}
	if r.Handle != "" && (!r.Code || !ascii.IsName(r.Handle, 1, 64)) {
		return errors.New("recovery: the Handle of a TokenRef must be up to 64 bytes of printable ASCII without spaces, and is for codes only")
	}
	return nil
}

// A TokenStore keeps digests of tokens, in slots. Hosts can use
// [MemoryTokenStore] or package redisstore. Every operation is atomic for each
// slot, and uses the store's own clock. Implementations are safe for concurrent
// use, also by several processes if they are shared. They return when ctx ends.
//
// A token is live from its Put until it is claimed, replaced, deleted or
// expired, or, if it is a code, guessed at too often. Only a claim can be
// undone.
//
// Several refs or slots in one call belong to the same secret or lead: under
// several keys of a key rotation, and for the several fields of a lead that
// links go to. The store handles each of them atomically, and all in one round
// trip if it can. The list may be empty. Peek and Claim then return
// [ErrTokenNotFound], and Release and Delete do nothing.
//
// Each ref is a guess at its own slot, whatever the other refs name. So a wrong
// guess counts under any key, beside a ref that names a live token, and also if
// the call fails because another claim holds the token of another ref: a
// transaction that is rolled back must not take the count with it.
//
// A slot holds links only or codes only. What a store does with both in one slot
// is not defined.
//
// Slots, digests and claim IDs are compared byte by byte, over their whole
// length. Peek and Claim without [TokenRef].Code, Release and Delete write
// nothing about a slot that is not there: nobody can fill the store with
// questions.
//
// A malformed argument is an error, and so is a ctx that had ended before the
// call. Both change nothing. While the store cannot answer, its errors wrap
// neither [ErrTokenNotFound] nor [ErrTokenSpent]. Expired records must be
// removed, so that the store does not grow, and no others: a spent digest, a
// barred ID and a wrong guess must be remembered as long as they matter.
type TokenStore interface {
	// Put makes a token live. If the digest is live already, Put changes
	// neither its expiry nor its count of tries, and returns its record. If the
	// digest is not live any more, but its lifetime is not over, Put returns
	// [ErrTokenSpent]: a job that is repeated after the reset must not make its
	// token live again. A store may forget all but the 64 youngest spent
	// digests of a slot.
	//
	// A code that could not be used is not stored. If the slot has had MaxFailures
	// wrong guesses, the error is [ErrTooManyGuesses], also for a digest that is live.
	// If there is no room for another handle, it is [ErrTooManyCodes]. A spent
	// digest is looked for first, then the guesses, then a live digest, then room.
	// A Put with either error changes nothing.
	Put(ctx context.Context, slot string, spec TokenSpec) (TokenRecord, error)

	// Peek returns the live token that one of the refs names, or
	// [ErrTokenNotFound]. Peek claims nothing. If the slot holds a live code with
	// the handle of the ref and another digest, the call counts as a wrong guess at
	// that code, in the same atomic step. This may end the code. Codes with other
	// handles are not touched, and a guess at a handle without a live code counts
	// nowhere.
	//
	// If a ref names a live code of a slot that has had MaxFailures wrong guesses,
	// the error may be [ErrTooManyGuesses], which wraps ErrTokenNotFound. An author
	// can leave this out.
	//
	// For refs without Code, the error, as that of Claim, may be
	// [ErrTokenNotRecorded] if the store holds none of the digests, neither live
	// nor spent. An author can leave this out.
	//
	// If a ref has Code, the call makes one write of about the same size to the
	// record of its slot, whatever it finds, even if there is no record. Where a
	// write takes long, the time of the answer would otherwise tell who has a
	// live code (A97). If there is no wrong guess to count, the write changes
	// nothing that any call can see. A record that is there for guesses alone is
	// removed within 10 minutes of the last one.
	Peek(ctx context.Context, refs ...TokenRef) (TokenRecord, error)

	// Claim returns the live token that one of the refs names, and reserves it
	// for the claim. claimID is random, new for each claim, and has 1 to 64
	// ASCII letters and digits. Exactly one ID wins. Repeating Claim with that
	// ID returns the same token again. With any other ID, the error is
	// [ErrTokenNotFound].
	//
	// Wrong guesses are counted, and refs with Code are written to, as by Peek.
	// If another ID has claimed a token that one of several refs names, the error
	// is ErrTokenNotFound too.
	Claim(ctx context.Context, claimID string, refs ...TokenRef) (TokenRecord, error)

	// Release makes the token live again if the ID has claimed it, with the
	// expiry and the count of tries that it had. In any case it bars the ID: a
	// Claim with it that arrives later returns [ErrTokenNotFound] and changes
	// nothing. A store may forget all but the 32 youngest barred IDs of one token.
	// A Claim with a barred ID and a wrong digest is a wrong guess all the same,
	// and Release itself is none. If there is no such token, this is not an error.
	Release(ctx context.Context, claimID string, refs ...TokenRef) error

	// Delete ends every token in the slots, also claimed ones. Put still
	// refuses their digests until they would have expired. The count of wrong
	// guesses stays. If there is no token, this is not an error.
	Delete(ctx context.Context, slots ...string) error
}

// A TokenLister is a [TokenStore] that says which tokens are live, and ends single
// ones. [Service.PendingTokens] and [Service.RevokeToken] need one. What is said of
// a TokenStore holds for it too.
type TokenLister interface {
	TokenStore

	// List returns the live tokens of the slots: first those of the first slot, and
	// those of one slot by Created, the oldest first. Tokens that are claimed are not
	// live. List counts no guess and writes nothing, and a slot that
	// has had too many wrong guesses has its codes in the list all the same.
	List(ctx context.Context, slots ...string) ([]TokenRecord, error)

	// End ends the tokens that the refs name, also claimed ones, as Delete does with
	// all tokens of a slot. Put still refuses their digests until they would have
	// expired. End is no guess: it counts none, and ignores Code and Handle. If there
	// is no such token, this is not an error.
	End(ctx context.Context, refs ...TokenRef) error
}
