package loginradius

import (
	"net/http"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/httpapi"
	"github.com/seed-51359b35/recovery/internal/secret"
)

const (
	headerAPIKey    = "X-LoginRadius-ApiKey"
	headerAPISecret = "X-LoginRadius-ApiSecret"
	// headerOriginIP is in what the server SDKs send for a person.
	headerOriginIP = "X-Origin-IP"
)

// isBrowser reports whether a request carries a header that every browser adds
// to a POST and that no page can remove.
func isBrowser(r *http.Request) bool {
	return len(r.Header["Origin"]) > 0 || len(r.Header["Sec-Fetch-Site"]) > 0
}

// credential returns a value that is given in the query, in a header, or in
// both alike. If the two differ, it returns the failure mismatch.
func (c *call) credential(param, header string, mismatch *failure) (string, error) {
	inHeader, once := httpapi.SingleHeader(c.r.Header, header)
	if !once {
		return "", invalidParameter("The " + header + " header must not be given more than once.")
	}
	inQuery := c.query[param]
	switch {
	case inQuery == "":
		return inHeader, nil
	case inHeader == "" || inHeader == inQuery:
		return inQuery, nil
	}
	return "", mismatch
}

// findApp returns the app whose key the request carries. The key is public, so
// the time of an ordinary lookup gives nothing away.
func (h *Handler) findApp(c *call) (*app, error) {
	key, err := c.credential(paramAPIKey, headerAPIKey, errUnknownKey)
	if err != nil {
		return nil, err
	}
	if key == "" {
		return nil, required(paramAPIKey)
	}
	a, ok := h.apps[key]
	if !ok {
		return nil, errUnknownKey
	}
	return a, nil
}

// isSigned reports whether a request carries one of the headers of the vendor's
// request signing.
func (c *call) isSigned() bool {
	return c.r.Header.Get("Digest") != "" || c.r.Header.Get("X-Request-Expires") != ""
}

// authenticate requires the secret.
func (c *call) authenticate() error {
	presented, err := c.presentedSecret()
	if err != nil {
		return err
	}
	if presented == "" {
		if c.isSigned() {
			return errSigned
		}
		return required(paramAPISecret)
	}
	ok, quotas, err := c.checkSecret(presented)
	if err != nil {
		return err
	}
	if !ok {
		quotas.SetHeader(c.w.Header())
		return errWrongSecret
	}
	return nil
}

// provesSecret reports whether a request of a public endpoint, which requires no
// secret, carries the right one. Guesses are counted as those at the other
// endpoint are.
func (c *call) provesSecret() bool {
	presented, err := c.presentedSecret()
	if err != nil || presented == "" {
		return false
	}
	ok, _, err := c.checkSecret(presented)
	return ok && err == nil
}

// presentedSecret returns the secret that the request carries, or empty.
func (c *call) presentedSecret() (string, error) {
	if _, given := c.query[paramAPISecret]; given && !c.app.allowQuerySecret {
		return "", invalidParameter("The apisecret must be sent in the " + headerAPISecret + " header, not in the query.")
	}
	return c.credential(paramAPISecret, headerAPISecret, errWrongSecret)
}

// checkSecret counts the secret for the address that presents it, and then
// compares it with every valid one. It does not stop at the first match, so that
// the time does not tell which one matched.
func (c *call) checkSecret(presented string) (ok bool, quotas recovery.Quotas, err error) {
	from := c.app.svc.ServerRequester(c.r)
	from.Caller = c.app.caller
	if quotas, err = c.app.svc.AllowSecret(c.r.Context(), from, recovery.NewSecret(presented)); err != nil {
		return false, nil, err
	}
	for _, live := range c.app.secrets {
		if secret.Equal(presented, live) {
			ok = true
		}
	}
	return ok, quotas, nil
}
