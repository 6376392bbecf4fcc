package recovery

import (
	"fmt"
	"log/slog"
)

// A Proof is what a person presents to reset a password: the token of a link,
// or a code together with the identifier that it was sent for. Printing and
// logging a Proof show "[redacted]". The zero value is no valid proof.
type Proof struct {
	_ [0]func() // prevents ==, as in Secret

	leadID string
	secret Secret
	sealed Secret
	key    LeadKey
	code   Secret
	handle string // of the code: see WithHandle
}

// LinkSecretProof returns the proof that a link with [Link].LeadIDParam and
// [Link].SecretParam carries: a lead ID and a secret of 64 lower-case
// hexadecimal digits.
func LinkSecretProof(leadID, secret string) Proof {
	return Proof{leadID: leadID, secret: NewSecret(secret)}
}

// TokenProof returns the proof that a sealed token is: the token of a link, or
// the one that [Service.IssueToken] returned.
func TokenProof(token string) Proof { return Proof{sealed: NewSecret(token)} }

// CodeProof returns the proof that a code is, together with an identifier of
// its lead: the identifier of the request for the code, or another one that
// finds the same lead. The code is that of a message: eight digits, and nothing else.
// Or it is one of [Service.IssueForHelpDesk], as a person types it: case, spaces and
// hyphens do not matter, O is read as 0, and I and L as 1.
func CodeProof(key LeadKey, code string) Proof { return Proof{key: key, code: NewSecret(code)} }

// String returns "[redacted]".
func (p Proof) String() string { return redacted }

// Format writes "[redacted]" for every verb.
func (p Proof) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns "[redacted]".
func (p Proof) LogValue() slog.Value { return slog.StringValue(redacted) }
