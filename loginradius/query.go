package loginradius

import (
	"net/url"
	"strings"

	"github.com/seed-51359b35/recovery/internal/canonical"
)

// maxQuery is the longest query in bytes: a resetpasswordurl of [maxURL] with
// every byte percent-encoded, and room for the rest.
const maxQuery = 8 << 10

// The parameters that queries may have, in lower case.
const (
	paramAPIKey         = "apikey"
	paramAPISecret      = "apisecret"
	paramSendEmail      = "sendemail"
	paramResetURL       = "resetpasswordurl"
	paramEmailTemplate  = "emailtemplate"
	paramSMSTemplate    = "smstemplate"
	paramPreventWebhook = "prevent_webhook"
)

func isParam(folded string) bool {
	switch folded {
	case paramAPIKey, paramAPISecret, paramSendEmail, paramResetURL,
		paramEmailTemplate, paramSMSTemplate, paramPreventWebhook:
		return true
	}
	return false
}

// A query holds the known parameters of a request by folded name.
type query map[string]string

// parseQuery reads a query and looks at nothing but known parameters, whose
// names it matches without ASCII case. One that is given twice is an error,
// because another server on the way may have judged the other one (A12). The
// rest is ignored: it includes the pieces of a resetpasswordurl that was sent
// without percent-encoding.
//
// url.ParseQuery is not used, because it drops a parameter that it cannot read
// instead of saying which one that was. Only "&" separates, as in that.
func parseQuery(raw string) (query, error) {
	if len(raw) > maxQuery {
		return nil, badParameter("The query is too long.")
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
		if !isParam(name) {
			continue
		}
		if _, twice := q[name]; twice {
			return nil, badParameter("The " + name + " must not be given more than once.")
		}
		if q[name], err = url.QueryUnescape(value); err != nil {
			return nil, malformed(name)
		}
	}
	return q, nil
}

// boolean reads one of the spellings that clients have for a truth value. None
// at all is false.
func boolean(name, value string) (bool, error) {
	switch value {
	case "true", "True":
		return true, nil
	case "false", "False", "":
		return false, nil
	}
	return false, malformed(name)
}
