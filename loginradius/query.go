package loginradius

import (
	"net/url"
	"strings"

	"github.com/seed-51359b35/recovery/internal/canonical"
)

// maxQuery is the length of the longest query in bytes. It has room for a
// resetpasswordurl of [maxURL] bytes, all percent-encoded, for 16 KiB of what
// CAPTCHAs have in it, and for the rest.
const maxQuery = 24 << 10

// The parameters that queries may have, in lower case.
const (
	paramAPIKey         = "apikey"
	paramAPISecret      = "apisecret"
	paramSendEmail      = "sendemail"
	paramResetURL       = "resetpasswordurl"
	paramEmailTemplate  = "emailtemplate"
	paramSMSTemplate    = "smstemplate"
	paramPreventWebhook = "prevent_webhook"
	paramVoice          = "isvoiceotp"
)

func isParam(folded string) bool {
	switch folded {
	case paramAPIKey, paramAPISecret, paramSendEmail, paramResetURL,
		paramEmailTemplate, paramSMSTemplate, paramPreventWebhook, paramVoice:
		return true
	}
	return false
}

// A query holds the known parameters of a request, by name in lower case.
type query map[string]string

// parseQuery reads the known parameters of a query. It matches their names, which
// known gets in lower case, without ASCII case. A parameter that is given twice is
// an error, because another server on the way may have checked the other value
// (A12). parseQuery ignores all unknown parameters. Among them are the pieces of
// a resetpasswordurl that a client sent without percent-encoding.
//
// It does not use url.ParseQuery, which drops a parameter that it cannot read
// and does not say which one. As in url.ParseQuery, only "&" separates
// parameters.
func parseQuery(raw string, known func(folded string) bool) (query, error) {
	if len(raw) > maxQuery {
		return nil, invalidParameter("The query is too long.")
	}
	q := query{}
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			continue
		}
		name = canonical.FoldASCII(name)
		if !known(name) {
			continue
		}
		if _, twice := q[name]; twice {
			return nil, invalidParameter("The " + name + " must not be given more than once.")
		}
		if q[name], err = url.QueryUnescape(value); err != nil {
			return nil, malformed(name)
		}
	}
	return q, nil
}

// boolean reads true or false in the spellings that clients use: in any ASCII
// case, and 1 and 0, which is how PHP writes them. An empty value is false.
func boolean(name, value string) (bool, error) {
	switch canonical.FoldASCII(value) {
	case "true", "1":
		return true, nil
	case "false", "0", "":
		return false, nil
	}
	return false, malformed(name)
}
