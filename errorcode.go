package recovery

import (
	"errors"

	"github.com/seed-51359b35/recovery/password"
)

// An ErrorCode says what an error of a [Service] means to whoever called. It is
// the "code" of the library's own API, and all that an answer may depend on.
type ErrorCode string

// The codes of errors. The table at [ErrInvalidRequest] has their answers.
const (
	CodeInvalidRequest ErrorCode = "invalid_request"  // an [*InvalidRequestError]
	CodeInvalidProof   ErrorCode = "invalid_proof"    // [ErrInvalidProof]
	CodePasswordPolicy ErrorCode = "password_policy"  // a [*password.PolicyError]
	CodeRateLimited    ErrorCode = "rate_limited"     // a [*RateLimitError]
	CodeStepUpRequired ErrorCode = "step_up_required" // [ErrStepUpRequired]
	CodeNoSuchLead     ErrorCode = "no_such_lead"     // [ErrLeadNotFound]; for servers only
	CodeOutcomeUnknown ErrorCode = "outcome_unknown"  // [ErrOutcomeUnknown]
	CodeUnavailable    ErrorCode = "unavailable"      // [ErrUnavailable]
	CodeInternal       ErrorCode = "internal"         // anything else
)

// ErrorCodeOf classifies an error of a [Service], for whoever writes an API or
// pages on it. It returns the empty code for nil.
func ErrorCodeOf(err error) ErrorCode {
	// The first two come first: the cause in their text is the host's.
	switch {
	case err == nil:
		return ""
	case errors.Is(err, ErrOutcomeUnknown):
		return CodeOutcomeUnknown
	case errors.Is(err, ErrUnavailable):
		return CodeUnavailable
	case errors.Is(err, ErrInvalidRequest):
		return CodeInvalidRequest
	case errors.Is(err, ErrInvalidProof):
		return CodeInvalidProof
	case errors.Is(err, ErrStepUpRequired):
		return CodeStepUpRequired
	case errors.Is(err, ErrLeadNotFound):
		return CodeNoSuchLead
	}
	if _, ok := errors.AsType[*password.PolicyError](err); ok {
		return CodePasswordPolicy
	}
	if _, ok := errors.AsType[*RateLimitError](err); ok {
		return CodeRateLimited
	}
	return CodeInternal
}
