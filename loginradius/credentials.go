package loginradius

import (
	"net/http"

	"github.com/seed-51359b35/recovery/internal/httpapi"
	"github.com/seed-51359b35/recovery/internal/secret"
)

const (
	headerAPIKey    = "X-LoginRadius-ApiKey"
	headerAPISecret = "X-LoginRadius-ApiSecret"
)

// isBrowser reports whether a request carries what every browser adds to a POST
// and no page can remove.
func isBrowser(r *http.Request) bool {
	return len(r.Header["Origin"]) > 0 || len(r.Header["Sec-Fetch-Site"]) > 0
}

// credential returns what is given in the query, the header, or both alike. It
// is wrong if they differ.
func (c *call) credential(param, header string, wrong *failure) (string, error) {
	inHeader, once := httpapi.SingleHeader(c.r.Header, header)
	if !once {
		return "", badParameter("The " + header + " header must not be given more than once.")
	}
	inQuery := c.query[param]
	switch {
	case inQuery == "":
		return inHeader, nil
	case inHeader == "" || inHeader == inQuery:
		return inQuery, nil
	}
	return "", wrong
}

// findApp returns the app whose key the request carries. The key is public, so
// an ordinary lookup gives nothing away.
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

// authenticate checks the secret against every live one, whichever matches, so
// that the time says nothing about which.
func (c *call) authenticate() error {
	if _, given := c.query[paramAPISecret]; given && !c.app.allowQuerySecret {
		return badParameter("The apisecret must be sent in the " + headerAPISecret + " header, not in the query.")
	}
	presented, err := c.credential(paramAPISecret, headerAPISecret, errWrongSecret)
	if err != nil {
		return err
	}
	if presented == "" {
		return required(paramAPISecret)
	}
	ok := false
	for _, live := range c.app.secrets {
		if secret.Equal(presented, live) {
			ok = true
		}
	}
	if !ok {
		return errWrongSecret
	}
	return nil
}
