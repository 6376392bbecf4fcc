package recovery_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"golang.org/x/crypto/bcrypt"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/password"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// A64: with bcrypt no policy accepts a password that would be cut off, and the
// person reads the bound before it is refused.
func TestPolicyFitsTheHasher(t *testing.T) {
	bcrypt, err := password.NewBcrypt(password.BcryptOptions{})
	if err != nil {
		t.Fatal(err)
	}
	policy := func(maxBytes int) *password.Policy {
		p, err := password.NewPolicy(password.PolicyOptions{MaxBytes: maxBytes})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for _, test := range []struct {
		sentence string
		hasher   password.Hasher
		policy   *password.Policy
		maxBytes int // of the policy that is used; 0 for a mistake
	}{
		{"no policy", bcrypt, nil, 72},
		{"a policy of 72 bytes", bcrypt, policy(72), 72},
		{"a stricter policy", bcrypt, policy(64), 64},
		{"a policy of 73 bytes", bcrypt, policy(73), 0},
		{"a policy of any length", bcrypt, policy(0), 0},
		{"a hasher without a bound", fastHasher{}, nil, 1024},
		{"the default hasher", nil, policy(0), 1024},
	} {
		opts := goodOptions()
		opts.Passwords = recovery.PasswordOptions{Hasher: test.hasher, Policy: test.policy}
		s, err := recovery.New(recoverytest.NewLeads(), recovery.NewMemoryTokenStore(), &recoverytest.Outbox{}, opts)
		if test.maxBytes == 0 {
			if e, ok := errors.AsType[*recovery.OptionError](err); !ok || e.Option != "Passwords.Policy" || !strings.Contains(e.Reason, "set MaxBytes of the policy to 72") {
				t.Errorf("%s: %v", test.sentence, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.sentence, err)
			continue
		}
		if got := s.Settings().PasswordPolicy.MaxBytes(); got != test.maxBytes {
			t.Errorf("%s: MaxBytes is %d, want %d", test.sentence, got, test.maxBytes)
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// Whoever resets signs in by the log-in that the host had before, which knows
// bcrypt only. A longer password is refused before it could be cut off, and the
// link still works.
func TestResetWithBcrypt_A64(t *testing.T) {
	hasher, err := password.NewBcrypt(password.BcryptOptions{})
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, func(_ *portal, o *recovery.Options) { o.Passwords.Hasher = hasher })
		proof := recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
		for _, tooLong := range []string{
			goodPassword + strings.Repeat("x", 72),
			"six \uff42\uff52\uff41\uff53\uff53 \uff4d\uff4f\uff4e\uff4b\uff45\uff59\uff53 and \uff53\uff45\uff56\uff45\uff4e \uff42\uff45\uff41\uff52\uff53", // 77 bytes as typed, and 33 in the normal form
		} {
			err := p.reset(t.Context(), proof, tooLong)
			if refused, ok := errors.AsType[*password.PolicyError](err); !ok || !refused.Has(password.RuleTooLong) {
				t.Errorf("%d bytes: %v", len(tooLong), err)
			}
		}
		if err := p.reset(t.Context(), proof, goodPassword); err != nil {
			t.Fatal(err)
		}
		if err := bcrypt.CompareHashAndPassword([]byte(p.leads.Hash(johnID)), []byte(goodPassword)); err != nil {
			t.Errorf("the host's own log-in: %v", err)
		}
	})
}
