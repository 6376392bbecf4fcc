package recovery

import (
	"errors"
	"fmt"
	"strconv"
)

// The errors that a [Service] returns. Match them with [errors.Is]; the table
// says who returns each, what the library's own handlers answer, and what that
// answer may say. Everything else that a collaborator reports is logged and
// answered with 500 and nothing more.
//
//	error                  returned by                  own API            the body may say
//	ErrInvalidRequest      all                          400                the field and why
//	ErrInvalidProof        CheckProof, ResetPassword,
//	                       NotMe, CheckNotMe            400                "invalid or expired", always the same
//	*password.PolicyError  ResetPassword                422                rules and details
//	*RateLimitError        all                          429 + Retry-After  nothing else
//	ErrStepUpRequired      ResetPassword                403                what the hook says
//	ErrLeadNotFound        IssueToken                   404                server to server only
//	ErrUnavailable         all                          503 + Retry-After  nothing
//	ErrOutcomeUnknown      ResetPassword                500                "ask for a new link"
//	anything else          all                          500                nothing
var (
	// ErrInvalidRequest is a request that says nothing valid: the
	// [*InvalidRequestError] behind it names the field.
	ErrInvalidRequest = errors.New("recovery: invalid request")

	// ErrInvalidProof is the one answer to a token or code that is unknown,
	// expired, used, superseded or somebody else's (A24).
	ErrInvalidProof = errors.New("recovery: the link or code is invalid or expired")

	// ErrStepUpRequired is wrapped by what a [StepUpFunc] returns when the
	// person has to prove more than the mailbox.
	ErrStepUpRequired = errors.New("recovery: a further proof is required")

	// ErrUnavailable is a dependency that failed, a queue that is full or a
	// Service that is shutting down. No password was changed, and no link was
	// consumed, unless a token store that took a claim stays away until the
	// link has expired.
	ErrUnavailable = errors.New("recovery: temporarily unavailable")

	// ErrOutcomeUnknown is a [LeadStore.SetPasswordHash] that failed without
	// saying whether it wrote. The token stays spent, so that there are never
	// two writes; the person asks for a new link. The lead's sessions were
	// ended, in case it did write, and nobody was sent a notice.
	ErrOutcomeUnknown = errors.New("recovery: the outcome of the password change is unknown")
)

// The errors that collaborators return to a [Service].
var (
	// ErrLeadNotFound is returned by [LeadStore.FindLead] for none and for
	// more than one lead, and by [Service.IssueToken].
	ErrLeadNotFound = errors.New("recovery: no such lead")

	// ErrNotWritten is wrapped by every error of [LeadStore.SetPasswordHash]
	// that left the old hash in place for certain.
	ErrNotWritten = errors.New("recovery: the password hash was not written")

	// ErrVersionChanged is wrapped, together with [ErrNotWritten], by
	// [VersionedLeadStore.SetPasswordHashIf] when the lead has another version.
	ErrVersionChanged = errors.New("recovery: the lead has changed")

	// ErrTokenNotFound is returned by [TokenStore.Peek] and
	// [TokenStore.Claim] for a token that this caller cannot use, whatever the
	// reason.
	ErrTokenNotFound = errors.New("recovery: no such token")

	// ErrTokenSpent is returned by [TokenStore.Put] for a digest that was
	// claimed, replaced, deleted or guessed at too often in its lifetime.
	ErrTokenSpent = errors.New("recovery: the token is spent")

	// ErrQueueFull is returned by [Queue.Enqueue] when it takes no more jobs.
	ErrQueueFull = errors.New("recovery: the queue is full")

	// ErrPermanent is wrapped by a [Notifier]'s or [JobHandler]'s error that no
	// retry can mend. The job becomes a dead letter at once.
	ErrPermanent = errors.New("recovery: permanent failure")
)

// InvalidRequestError says which field of a request is invalid and why. It
// matches [ErrInvalidRequest]; both texts are safe to show and echo no value.
type InvalidRequestError struct {
	Field  string
	Reason string
}

func (e *InvalidRequestError) Error() string {
	return fmt.Sprintf("recovery: invalid request: %s: %s", e.Field, e.Reason)
}

// Is reports whether target is [ErrInvalidRequest].
func (e *InvalidRequestError) Is(target error) bool { return target == ErrInvalidRequest }

func invalid(field, reason string) error {
	return &InvalidRequestError{Field: field, Reason: reason}
}

// StepUpError is what a [StepUpFunc] returns to ask for a further proof. It
// matches [ErrStepUpRequired].
type StepUpError struct {
	// Detail is shown to the person, so it must say nothing that only the
	// account's owner may know.
	Detail string
}

func (e *StepUpError) Error() string {
	return ErrStepUpRequired.Error() + ": " + strconv.Quote(e.Detail)
}

// Is reports whether target is [ErrStepUpRequired].
func (e *StepUpError) Is(target error) bool { return target == ErrStepUpRequired }

// unavailable keeps the text of the cause for the log. Not the cause itself: a
// collaborator's error may wrap anything, one of ours too, and callers would
// take it for the Service's own word.
func unavailable(what string, cause error) error {
	if cause == nil {
		return fmt.Errorf("%w: %s", ErrUnavailable, what)
	}
	return fmt.Errorf("%w: %s: %v", ErrUnavailable, what, cause)
}
