package recovery_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/password"
)

// The code of an error decides every answer, so the more serious error wins
// where one wraps another.
func TestErrorCodeOf(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want recovery.ErrorCode
	}{
		{"none", nil, ""},
		{"an invalid request", &recovery.InvalidRequestError{Field: "email", Reason: "is required"}, recovery.ErrorCodeInvalidRequest},
		{"an invalid proof", fmt.Errorf("reset: %w", recovery.ErrInvalidProof), recovery.ErrorCodeInvalidProof},
		{"a weak password", &password.PolicyError{}, recovery.ErrorCodePasswordPolicy},
		{"a limit", fmt.Errorf("forgot: %w", &recovery.RateLimitError{}), recovery.ErrorCodeRateLimited},
		{"a second factor", fmt.Errorf("asked: %w", recovery.ErrSecondFactor), recovery.ErrorCodeSecondFactor},
		{"a further proof", &recovery.StepUpError{Detail: "Enter the code of your app."}, recovery.ErrorCodeStepUpRequired},
		{"a wrong password", recovery.ErrWrongPassword, recovery.ErrorCodeWrongPassword},
		{"nobody signed in", fmt.Errorf("session: %w", recovery.ErrNotSignedIn), recovery.ErrorCodeNotSignedIn},
		{"no lead", recovery.ErrLeadNotFound, recovery.ErrorCodeNoSuchLead},
		{"an unknown outcome", fmt.Errorf("%w: timeout", recovery.ErrOutcomeUnknown), recovery.ErrorCodeOutcomeUnknown},
		{"an unknown outcome that wraps another error", errors.Join(recovery.ErrInvalidProof, recovery.ErrOutcomeUnknown), recovery.ErrorCodeOutcomeUnknown},
		{"something that failed", fmt.Errorf("%w: store", recovery.ErrUnavailable), recovery.ErrorCodeUnavailable},
		{"something that failed and wraps another error", errors.Join(recovery.ErrInvalidProof, recovery.ErrUnavailable), recovery.ErrorCodeUnavailable},
		{"anything else", errors.New("disk full"), recovery.ErrorCodeInternal},
	} {
		if got := recovery.ErrorCodeOf(tt.err); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
