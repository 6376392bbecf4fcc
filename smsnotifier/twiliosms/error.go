package twiliosms

import (
	"fmt"
	"net/http"

	"github.com/seed-51359b35/recovery"
)

// An Error says that Twilio refused a message. It wraps [recovery.ErrPermanent]
// if no retry can succeed.
type Error struct {
	// Status is the HTTP status.
	Status int
	// Code is the code in Twilio's error and warning dictionary, for example
	// 21610: the person has unsubscribed. It is 0 if the answer has no code.
	Code int

	permanent bool
}

func newError(status, code int) *Error {
	return &Error{status, code, isPermanent(status, code)}
}

// Error names status and code. It quotes nothing of the message.
func (e *Error) Error() string {
	text := fmt.Sprintf("twiliosms: refused with error %d (status %d)", e.Code, e.Status)
	if e.permanent {
		text += ": " + recovery.ErrPermanent.Error()
	}
	return text
}

// Unwrap returns [recovery.ErrPermanent] if no retry can succeed, or nil.
func (e *Error) Unwrap() error {
	if e.permanent {
		return recovery.ErrPermanent
	}
	return nil
}

// isPermanent reports whether no retry can succeed.
func isPermanent(status, code int) bool {
	switch code {
	case 21211, // the number is invalid
		21217, // the number is not in a valid form
		21265, // the number is a short code
		21266, // the number is the sender's number
		21408, // the account may not send to the country
		21610, // the person has unsubscribed
		21612, // the number cannot be reached from the sender
		21614, // the number is not mobile
		21617, // the text is too long
		21635, // the number is a landline
		30004, // the carrier or the person blocks the sender
		30005, // the carrier does not know the number
		30006: // the carrier does not reach the number
		return true
	case 14107, // too many messages a second
		20429, // too many requests
		21611, // the sender's queue is full
		30001, // the queue is full
		30002, // the account is suspended
		30022: // the sender's rate limit
		return false
	}
	switch status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return true
	}
	return false
}
