package recovery

import (
	"fmt"
	"log/slog"
)

// A Proof is what a person presents to reset a password: a token, or a code
// with the identifier it was sent for. It prints without its content.
type Proof struct {
	_ [0]func() // as in Secret

	leadID string
	secret Secret
	sealed Secret
	key    LeadKey
	code   Secret
}

// LinkProof is a lead ID and the 64 lower-case hexadecimal digits from a link.
func SecretProof(leadID, secret string) Proof {
	return Proof{leadID: leadID, secret: NewSecret(secret)}
}

// SealedProof is the sealed token from a link or from [Service.IssueToken].
func TokenProof(token string) Proof { return Proof{sealed: NewSecret(token)} }

// CodeProof is a code and the identifier of its lead: the one that the request
// for the code had, or another that finds the same lead.
func CodeProof(key LeadKey, code string) Proof { return Proof{key: key, code: NewSecret(code)} }

// String hides the proof.
func (p Proof) String() string { return redacted }

// Format hides the proof, whatever the verb.
func (p Proof) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue hides the proof.
func (p Proof) LogValue() slog.Value { return slog.StringValue(redacted) }
