package twiliosms

import (
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
	// APIKeySID ("SK" and 32 hexadecimal digits) and APIKeySecret (16 to 128
	// letters and digits) authenticate. Required, unless AuthToken is set.
	APIKeySID    string
	APIKeySecret recovery.Secret
	// AuthToken is the auth token of the account, in place of an API key: 16 to
	// 128 letters and digits. It gives access to everything in the account.
	AuthToken recovery.Secret

	// MessagingServiceSID is the Messaging Service that chooses the sender's
	// number: "MG" and 32 hexadecimal digits. Required, unless From is set.
	MessagingServiceSID string
	// From is the sender: a number in the form of E.164, a short code of 3 to 8
	// digits, or an alphanumeric sender ID of 1 to 11 letters, digits, spaces
	// and the characters "+-_&", at least one of them a letter.
	From string

	// Region and Edge choose where Twilio receives the request, for example
	// "ie1" and "dublin": up to 32 of a-z, 0-9 and '-'. Default: neither, which
	// means us1. An Edge without a Region means us1, too.
	Region, Edge string

	// Timeout is how long one request may take, 100 ms to 1 min. Default 10 s.
	Timeout time.Duration
	// Transport sends the requests. Default: a transport that uses TLS 1.2 or
	// later, connects to public addresses only and uses no proxy. Redirects are
	// never followed.
	Transport http.RoundTripper
}

var (
	accountSID = regexp.MustCompile(`^AC[0-9a-fA-F]{32}$`)
	apiKeySID  = regexp.MustCompile(`^SK[0-9a-fA-F]{32}$`)
	serviceSID = regexp.MustCompile(`^MG[0-9a-fA-F]{32}$`)
	// Twilio's module refuses all other credentials, at every request.
	credential = regexp.MustCompile(`^[0-9a-zA-Z]{16,128}$`)
	number     = regexp.MustCompile(`^(?:\+[1-9][0-9]{6,14}|[0-9]{3,8})$`)
	senderID   = regexp.MustCompile(`^[0-9A-Za-z+_&-](?:[0-9A-Za-z +_&-]{0,9}[0-9A-Za-z+_&-])?$`)
	letter     = regexp.MustCompile(`[A-Za-z]`)
	location   = regexp.MustCompile(`^[a-z0-9-]{0,32}$`)
)

// validate reports every mistake at once. The receiver has its defaults. No
// error quotes a credential.
func (o Options) validate() error {
	mistakes := recovery.OptionErrors{Package: "twiliosms"}
	o.checkCredentials(&mistakes)
	o.checkSender(&mistakes)
	if !location.MatchString(o.Region) {
		mistakes.Add("Region", "must be up to 32 of a-z, 0-9 and '-'")
	}
	if !location.MatchString(o.Edge) {
		mistakes.Add("Edge", "must be up to 32 of a-z, 0-9 and '-'")
	}
	mistakes.CheckDuration("Timeout", o.Timeout, 100*time.Millisecond, time.Minute)
	return mistakes.Err()
}

func (o Options) checkCredentials(mistakes *recovery.OptionErrors) {
	if !accountSID.MatchString(o.AccountSID) {
		mistakes.Add("AccountSID", `is required: "AC" and 32 hexadecimal digits`)
	}
	hasKey := o.APIKeySID != "" || !o.APIKeySecret.IsZero()
	switch {
	case hasKey && !o.AuthToken.IsZero():
		mistakes.Add("AuthToken", "excludes APIKeySID and APIKeySecret")
	case !hasKey && o.AuthToken.IsZero():
		mistakes.Add("APIKeySID", "is required together with APIKeySecret, unless AuthToken is set")
	}
	if hasKey && !apiKeySID.MatchString(o.APIKeySID) {
		mistakes.Add("APIKeySID", `must be "SK" and 32 hexadecimal digits`)
	}
	if hasKey && !credential.MatchString(o.APIKeySecret.Reveal()) {
		mistakes.Add("APIKeySecret", "must be 16 to 128 letters and digits")
	}
	if !o.AuthToken.IsZero() && !credential.MatchString(o.AuthToken.Reveal()) {
		mistakes.Add("AuthToken", "must be 16 to 128 letters and digits")
	}
}

func (o Options) checkSender(mistakes *recovery.OptionErrors) {
	switch {
	case o.From != "" && o.MessagingServiceSID != "":
		mistakes.Add("From", "excludes MessagingServiceSID")
	case o.From == "" && o.MessagingServiceSID == "":
		mistakes.Add("MessagingServiceSID", "is required, unless From is set")
	}
	if o.MessagingServiceSID != "" && !serviceSID.MatchString(o.MessagingServiceSID) {
		mistakes.Add("MessagingServiceSID", `must be "MG" and 32 hexadecimal digits`)
	}
	if o.From != "" && !isSender(o.From) {
		mistakes.Add("From", "must be a number in the form of E.164, a short code or an alphanumeric sender ID")
	}
}

func isSender(s string) bool {
	return number.MatchString(s) || senderID.MatchString(s) && letter.MatchString(s)
}
