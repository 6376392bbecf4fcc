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
	CodeInvalidRequest ErrorCode = "invalid_request"  // an [*InvalidRequestError]
	CodeInvalidProof   ErrorCode = "invalid_proof"    // [ErrInvalidProof]
	CodePasswordPolicy ErrorCode = "password_policy"  // a [*password.PolicyError]
	CodeRateLimited    ErrorCode = "rate_limited"     // a [*RateLimitError]
	CodeStepUpRequired ErrorCode = "step_up_required" // [ErrStepUpRequired]
	CodeNoSuchLead     ErrorCode = "no_such_lead"     // [ErrLeadNotFound]; for servers only
	CodeOutcomeUnknown ErrorCode = "outcome_unknown"  // [ErrOutcomeUnknown]
	CodeUnavailable    ErrorCode = "unavailable"      // [ErrUnavailable]
	CodeInternal       ErrorCode = "internal"         // any other error
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
