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

// authenticate counts the secret for the client's address, and then compares it
// with every valid one. It does not stop at the first match, so that the time
// does not tell which one matched.
func (c *call) authenticate() error {
	if _, given := c.query[paramAPISecret]; given && !c.app.allowQuerySecret {
		return invalidParameter("The apisecret must be sent in the " + headerAPISecret + " header, not in the query.")
	}
	presented, err := c.credential(paramAPISecret, headerAPISecret, errWrongSecret)
	if err != nil {
		return err
	}
	if presented == "" {
		if c.isSigned() {
			return errSigned
		}
		return required(paramAPISecret)
	}
	quotas, err := c.app.svc.AllowSecret(c.r.Context(), c.requester(), recovery.NewSecret(presented))
	if err != nil {
		return err
	}
	ok := false
	for _, live := range c.app.secrets {
		if secret.Equal(presented, live) {
			ok = true
		}
	}
	if !ok {
		quotas.SetHeader(c.w.Header())
		return errWrongSecret
	}
	return nil
}
