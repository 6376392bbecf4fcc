package recovery

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/seed-51359b35/recovery/internal/httpapi"
	"github.com/seed-51359b35/recovery/password"
)

// The errors that a [Service] returns. Match them with [errors.Is] or
// [errors.As]. The table says which methods return each error, what the
// library's own handlers answer, and what the body of that answer may say. Any
// other error of a collaborator is logged and answered with 500 and nothing
// more.
//
//	error                  returned by                  own API            the body may say
//	ErrInvalidRequest      all                          400                the field and why
//	ErrInvalidProof        CheckProof, ResetPassword,
//	                       NotMe, CheckNotMe            400                "invalid or expired", the same for all but
//	                                                                       an ErrDamagedProof
//	*password.PolicyError  ResetPassword,
//	                       ChangePassword               422                rules and details
//	*RateLimitError        all                          429 + Retry-After  nothing else
//	ErrWrongPassword       ChangePassword               422                nothing
//	ErrNotSignedIn         ChangePassword, SignedIn     401                nothing
//	ErrStepUpRequired      ResetPassword                403                what the hook says
//	ErrSecondFactor        ResetPassword,
//	                       ChangePassword               403                nothing
//	ErrCaptchaFailed       ForgotPassword               403                nothing
//	ErrLeadNotFound        IssueToken,
//	                       IssueForHelpDesk             404                to servers only
//	ErrUnavailable         all                          503 + Retry-After  nothing
//	ErrOutcomeUnknown      ResetPassword,
//	                       ChangePassword               500                "ask for a new link"
//	errors.ErrUnsupported  PendingTokens, RevokeToken   501                what the store lacks, to servers only
//	anything else          all                          500                nothing
var (
	// ErrInvalidRequest means that a value in the request is not valid. The
	// [*InvalidRequestError] that matches it names the field.
	ErrInvalidRequest = errors.New("recovery: invalid request")

	// ErrInvalidProof is the one answer to a token or code that is unknown,
	// expired, used, replaced by a newer one, or that belongs to another person
	// (A24).
	ErrInvalidProof = errors.New("recovery: the link or code is invalid or expired")

	// ErrDamagedProof is an [ErrInvalidProof] for a link whose token this Service
	// did not make, or can no longer open: it was cut off or changed on its way,
	// made up, or sealed with a key that is no longer in [Options].Keys. Whoever
	// has the message can open the link in it again. The error tells nothing about
	// a lead. The pages of package portal have words of their own for it, and so has
	// the own API, whose answer has "damaged": true. The vendors' APIs answer as to
	// any other invalid proof.
	ErrDamagedProof = fmt.Errorf("%w: it is not complete, or was changed", ErrInvalidProof)

	// ErrWrongPassword means that the current password is another one, in a change
	// by somebody who is signed in. It is the same for everybody, also for a lead that
	// has no password.
	ErrWrongPassword = errors.New("recovery: the current password is wrong")

	// ErrNotSignedIn means that nobody is signed in, or somebody who may not be.
	// [ChangeOptions].SignedIn returns errors that wrap it.
	ErrNotSignedIn = errors.New("recovery: nobody is signed in")

	// ErrStepUpRequired means that the person has to prove more than access to
	// the mailbox. A [StepUpFunc] returns errors that wrap it.
	ErrStepUpRequired = errors.New("recovery: a further proof is required")

	// ErrCaptchaFailed means that the request has no CAPTCHA, or a wrong or old
	// one. [CaptchaOptions].Verify returns errors that wrap it.
	ErrCaptchaFailed = errors.New("recovery: the CAPTCHA is missing or was not solved")

	// ErrUnavailable means that a store, the limiter or another collaborator
	// failed, that the queue is full, or that the Service is shutting down. No
	// password was changed. The link still works, with one exception: a token
	// store that counted a claim and then stays unreachable until the link has
	// expired.
	ErrUnavailable = errors.New("recovery: temporarily unavailable")

	// ErrOutcomeUnknown means that [LeadStore.SetPasswordHash] failed and did
	// not say whether it wrote the hash. A token stays spent, so that there
	// are never two writes, and the person has to ask for a new link. The
	// lead's sessions were ended, in case the hash was written. No notice was
	// sent.
	ErrOutcomeUnknown = errors.New("recovery: the outcome of the password change is unknown")
)

// The errors that a [Service] understands when its collaborators return them.
var (
	// ErrLeadNotFound is returned by [LeadStore.FindLead] if no lead, or more
	// than one, was found. [Service.IssueToken] and [Service.IssueForHelpDesk] return
	// it too.
	ErrLeadNotFound = errors.New("recovery: no such lead")

	// ErrLeadAmbiguous is an ErrLeadNotFound that says why: more than one lead was
	// found. A [Service] answers as for nobody. Only its event differs, which has
	// [ReasonAmbiguous]. IssueToken does not return it.
	ErrLeadAmbiguous = fmt.Errorf("%w: more than one has the value", ErrLeadNotFound)

	// ErrNotWritten is wrapped by an error of [LeadStore.SetPasswordHash] if
	// the old hash is certainly still in place.
	ErrNotWritten = errors.New("recovery: the password hash was not written")

	// ErrVersionChanged is wrapped, together with [ErrNotWritten], by an error
	// of [VersionedLeadStore.SetPasswordHashIf] if the lead has another
	// version.
	ErrVersionChanged = errors.New("recovery: the lead has changed")

	// ErrTokenNotFound is returned by [TokenStore.Peek] and [TokenStore.Claim]
	// for a token that this caller cannot use, for any reason.
	ErrTokenNotFound = errors.New("recovery: no such token")

	// ErrTokenNotRecorded is an [ErrTokenNotFound] of [TokenStore.Peek] from a
	// store that knows for certain that it has no record of the digest: nobody put
	// it there, or its lifetime is over. It tells an operator that two instances
	// have two stores. With a store that never says so, codes for known devices stand
	// beside those of everybody, and share their limits ([TokenOptions].CodeFailures).
	ErrTokenNotRecorded = fmt.Errorf("%w: the store has no record of it", ErrTokenNotFound)

	// ErrTokenSpent is returned by [TokenStore.Put] if the digest was claimed,
	// replaced, deleted or guessed at too often, and its lifetime is not over.
	ErrTokenSpent = errors.New("recovery: the token is spent")

	// ErrTooManyGuesses says that a slot had so many wrong guesses that none of its
	// codes can be used now: see [TokenSpec].MaxFailures. [TokenStore.Put] returns it,
	// so that no code is sent that cannot be used. Peek and Claim may return it.
	ErrTooManyGuesses = fmt.Errorf("%w: there were too many wrong guesses", ErrTokenNotFound)

	// ErrTooManyCodes is returned by [TokenStore.Put] if codes with other handles
	// fill the slot: see [TokenSpec].MaxLive.
	ErrTooManyCodes = errors.New("recovery: there are too many live codes")

	// ErrQueueFull is returned by [Queue.Enqueue] if the queue accepts no more
	// jobs.
	ErrQueueFull = errors.New("recovery: the queue is full")

	// ErrPermanent is wrapped by an error of a [Notifier] or [JobHandler] if
	// another try cannot succeed. The job becomes a dead letter at once.
	ErrPermanent = errors.New("recovery: permanent failure")

	// ErrAwaitingReply is wrapped by an error of a [Notifier] or [JobHandler]
	// whose ctx ended after the next server had received the whole message, and
	// before that server answered. The message may be on its way, so it must not
	// be sent again. The Notifier waits on for the answer, and Notify for the
	// same Message.ID joins this wait. So a queue keeps the job with the worker
	// that has it, and calls Perform there again, until the error is another one.
	ErrAwaitingReply = errors.New("recovery: the message was sent, and the server has not answered yet")
)

// An InvalidRequestError says which field of a request is invalid, and why. It
// matches [ErrInvalidRequest]. Both texts may be shown to anybody: they do not
// repeat the value.
type InvalidRequestError struct {
	// Field names the field, and Reason is the mistake, for example "is too
	// long".
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

// A StepUpError asks for a further proof; a [StepUpFunc] returns it. It matches
// [ErrStepUpRequired].
type StepUpError struct {
	// Detail is shown to the person. It must tell nothing that only the owner
	// of the account may know.
	Detail string
}

func (e *StepUpError) Error() string {
	return ErrStepUpRequired.Error() + ": " + strconv.Quote(e.Detail)
}

// Is reports whether target is [ErrStepUpRequired].
func (e *StepUpError) Is(target error) bool { return target == ErrStepUpRequired }

// unavailable keeps the text of the cause, for the log, but does not wrap the
// cause. A collaborator's error may wrap any error, also one of this package.
// The caller would then take it for an answer of the Service.
func unavailable(what string, cause error) error {
	e := &unavailableError{text: ErrUnavailable.Error() + ": " + what}
	if cause != nil {
		e.text += ": " + cause.Error()
	}
	if busy, ok := errors.AsType[*password.BusyError](cause); ok {
		e.retryAfter = busy.RetryAfter
	}
	return e
}

// An unavailableError matches [ErrUnavailable].
type unavailableError struct {
	text       string
	retryAfter time.Duration // 0: not known
}

func (e *unavailableError) Error() string { return e.text }
func (e *unavailableError) Unwrap() error { return ErrUnavailable }

// RetryAfterSeconds returns the Retry-After of an answer to an error that wraps
// [ErrUnavailable], for authors of APIs and pages. While many people wait for
// their passwords to be hashed, it grows with their number. Otherwise nobody
// knows when what failed works again, and it is 5.
func RetryAfterSeconds(err error) int {
	if e, ok := errors.AsType[*unavailableError](err); ok && e.retryAfter > 0 {
		return wholeSeconds(e.retryAfter)
	}
	return httpapi.RetryAfterUnavailable
}
