package recovery

import (
	"errors"

	"github.com/seed-51359b35/recovery/password"
)

// An ErrorCode is the class of an error that a [Service] returned. It is the
// "code" in the answers of the library's own API. An answer to a client may
// depend on nothing else of the error.
type ErrorCode string

// The codes of errors. The table at [ErrInvalidRequest] lists the answer to
// each.
const (
	ErrorCodeInvalidRequest ErrorCode = "invalid_request"  // an [*InvalidRequestError]
	ErrorCodeInvalidProof   ErrorCode = "invalid_proof"    // [ErrInvalidProof]
	ErrorCodePasswordPolicy ErrorCode = "password_policy"  // a [*password.PolicyError]
	ErrorCodeRateLimited    ErrorCode = "rate_limited"     // a [*RateLimitError]
	ErrorCodeStepUpRequired ErrorCode = "step_up_required" // [ErrStepUpRequired]
	ErrorCodeSecondFactor   ErrorCode = "second_factor"    // [ErrSecondFactor]
	ErrorCodeCaptchaFailed  ErrorCode = "captcha_failed"   // [ErrCaptchaFailed]
	ErrorCodeNoSuchLead     ErrorCode = "no_such_lead"     // [ErrLeadNotFound]; for servers only
	ErrorCodeWrongPassword  ErrorCode = "wrong_password"   // [ErrWrongPassword]
	ErrorCodeNotSignedIn    ErrorCode = "not_signed_in"    // [ErrNotSignedIn]
	ErrorCodeOutcomeUnknown ErrorCode = "outcome_unknown"  // [ErrOutcomeUnknown]
	ErrorCodeUnavailable    ErrorCode = "unavailable"      // [ErrUnavailable]
	ErrorCodeInternal       ErrorCode = "internal"         // any other error
)

// ErrorCodeOf returns the code of an error that a [Service] returned, for
// authors of APIs and pages. For nil it returns the empty code.
func ErrorCodeOf(err error) ErrorCode {
	// These two are tested first: they can hold an error of the host, and a
	// host's error must not decide about the code.
	switch {
	case err == nil:
		return ""
	case errors.Is(err, ErrOutcomeUnknown):
		return ErrorCodeOutcomeUnknown
	case errors.Is(err, ErrUnavailable):
		return ErrorCodeUnavailable
	case errors.Is(err, ErrInvalidRequest):
		return ErrorCodeInvalidRequest
	case errors.Is(err, ErrInvalidProof):
		return ErrorCodeInvalidProof
	case errors.Is(err, ErrSecondFactor):
		return ErrorCodeSecondFactor
	case errors.Is(err, ErrStepUpRequired):
		return ErrorCodeStepUpRequired
	case errors.Is(err, ErrCaptchaFailed):
		return ErrorCodeCaptchaFailed
	case errors.Is(err, ErrWrongPassword):
		return ErrorCodeWrongPassword
	case errors.Is(err, ErrNotSignedIn):
		return ErrorCodeNotSignedIn
	case errors.Is(err, ErrLeadNotFound):
		return ErrorCodeNoSuchLead
	}
	if _, ok := errors.AsType[*password.PolicyError](err); ok {
		return ErrorCodePasswordPolicy
	}
	if _, ok := errors.AsType[*RateLimitError](err); ok {
		return ErrorCodeRateLimited
	}
	return ErrorCodeInternal
}
