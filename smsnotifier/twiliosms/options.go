package twiliosms

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"github.com/seed-51359b35/recovery"
)

// Options configure a [Provider]. [New] copies what it needs.
type Options struct {
	_ [0]func()

	// AccountSID is the account that sends: "AC" and 32 hexadecimal digits.
	// Required.
	AccountSID string
	// APIKeySID ("SK" and 32 hexadecimal digits) and APIKeySecret (letters and
	// digits) authenticate. They are required, or AuthToken.
	APIKeySID    string
	APIKeySecret recovery.Secret
	// AuthToken is the account's own, in place of an API key. It opens all of
	// the account.
	AuthToken recovery.Secret

	// MessagingServiceSID chooses among the numbers of a Messaging Service:
	// "MG" and 32 hexadecimal digits. Required, or From.
	MessagingServiceSID string
	// From is the sender: a number in the form of E.164, a short code of 3 to 8
	// digits, or an alphanumeric sender ID of 1 to 11 letters, digits, spaces
	// and the characters "+-_&", at least one of them a letter.
	From string

	// Region and Edge choose where Twilio takes the request, for example "ie1"
	// and "dublin": up to 32 of a-z, 0-9 and '-'. Default: neither, which is
	// us1. An Edge without a Region means us1, too.
	Region, Edge string

	// Timeout is how long one request may take, 100 ms to 1 min. Default 10 s.
	Timeout time.Duration
	// Transport carries the requests. Default: one that speaks TLS 1.2 or
	// later, connects to public addresses alone and uses no proxy. Redirects
	// are not followed with any.
	Transport http.RoundTripper
}

var (
	accountSID = regexp.MustCompile(`^AC[0-9a-fA-F]{32}$`)
	apiKeySID  = regexp.MustCompile(`^SK[0-9a-fA-F]{32}$`)
	serviceSID = regexp.MustCompile(`^MG[0-9a-fA-F]{32}$`)
	// Twilio's module refuses other credentials at every request.
	credential = regexp.MustCompile(`^[0-9a-zA-Z]{16,128}$`)
	number     = regexp.MustCompile(`^(?:\+[1-9][0-9]{6,14}|[0-9]{3,8})$`)
	senderID   = regexp.MustCompile(`^[0-9A-Za-z+_&-](?:[0-9A-Za-z +_&-]{0,9}[0-9A-Za-z+_&-])?$`)
	letter     = regexp.MustCompile(`[A-Za-z]`)
	location   = regexp.MustCompile(`^[a-z0-9-]{0,32}$`)
)

// validate reports every mistake at once. No error quotes a credential.
func (o Options) validate() error {
	var errs []error
	bad := func(option, format string, args ...any) {
		errs = append(errs, &recovery.OptionError{Option: option, Reason: fmt.Sprintf(format, args...)})
	}
	if !accountSID.MatchString(o.AccountSID) {
		bad("AccountSID", `is required: "AC" and 32 hexadecimal digits`)
	}
	key := o.APIKeySID != "" || !o.APIKeySecret.IsZero()
	switch {
	case key && !o.AuthToken.IsZero():
		bad("AuthToken", "excludes APIKeySID and APIKeySecret")
	case !key && o.AuthToken.IsZero():
		bad("APIKeySID", "is required, and APIKeySecret, or AuthToken")
	}
	if key && !apiKeySID.MatchString(o.APIKeySID) {
		bad("APIKeySID", `must be "SK" and 32 hexadecimal digits`)
	}
	if key && !credential.MatchString(o.APIKeySecret.Reveal()) {
		bad("APIKeySecret", "must be 16 to 128 letters and digits")
	}
	if !o.AuthToken.IsZero() && !credential.MatchString(o.AuthToken.Reveal()) {
		bad("AuthToken", "must be 16 to 128 letters and digits")
	}
	switch {
	case o.From != "" && o.MessagingServiceSID != "":
		bad("From", "excludes MessagingServiceSID")
	case o.From == "" && o.MessagingServiceSID == "":
		bad("MessagingServiceSID", "is required, or From")
	}
	if o.MessagingServiceSID != "" && !serviceSID.MatchString(o.MessagingServiceSID) {
		bad("MessagingServiceSID", `must be "MG" and 32 hexadecimal digits`)
	}
	if o.From != "" && !isSender(o.From) {
		bad("From", "must be a number in the form of E.164, a short code or an alphanumeric sender ID")
	}
	if !location.MatchString(o.Region) {
		bad("Region", "must be up to 32 of a-z, 0-9 and '-'")
	}
	if !location.MatchString(o.Edge) {
		bad("Edge", "must be up to 32 of a-z, 0-9 and '-'")
	}
	if o.Timeout != 0 && (o.Timeout < 100*time.Millisecond || o.Timeout > time.Minute) {
		bad("Timeout", "is %v, must be 100 ms to 1 min", o.Timeout)
	}
	return errors.Join(errs...)
}

func isSender(s string) bool {
	return number.MatchString(s) || senderID.MatchString(s) && letter.MatchString(s)
}
