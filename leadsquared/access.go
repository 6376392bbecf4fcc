package leadsquared

import (
	"net/http"
	"net/url"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/canonical"
	"github.com/seed-51359b35/recovery/internal/httpapi"
	"github.com/seed-51359b35/recovery/internal/secret"
)

type publicToken struct {
	PublicAuthKey string
}

// publicToken returns the key that browsers send.
func (h *Handler) publicToken(c *call) (any, error) {
	p, err := h.accessedPortal(c)
	if err != nil {
		return nil, err
	}
	return publicToken{p.publicAuthKeys[0]}, nil
}

// registerToken returns the registration token, which is the whole body.
func (h *Handler) registerToken(c *call) (any, error) {
	p, err := h.accessedPortal(c)
	if err != nil {
		return nil, err
	}
	return p.registerTokens[0], nil
}

// accessedPortal returns the portal whose key pair the request presents. It
// counts the pair before it compares anything, so that guesses are limited.
func (h *Handler) accessedPortal(c *call) (*portal, error) {
	if len(c.r.URL.RawQuery) > maxQuery {
		return nil, errQuery
	}
	query, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return nil, errQuery
	}
	key, ok1 := either(c.r.Header, "X-Lsq-Accesskey", query, "accesskey")
	keySecret, ok2 := either(c.r.Header, "X-Lsq-Secretkey", query, "secretkey")
	var pair recovery.Secret
	if ok1 && ok2 {
		pair = recovery.NewSecret(key + "\x00" + keySecret)
	}
	// A Service counts, and knows which proxies to trust. The Service of the
	// first portal does so for all portals, because all are reached through one
	// listener, and because the portal is not known before the pair is compared.
	service := h.portals[0].service
	from := service.Requester(c.r)
	quotas, err := service.AllowSecret(c.r.Context(), from, pair)
	if err != nil {
		return nil, err
	}
	quotas.SetHeader(c.w.Header())
	if ok1 && ok2 {
		if p := h.portalOfPair(key, keySecret); p != nil {
			return p, nil
		}
	}
	h.log.WarnContext(c.r.Context(), "leadsquared: access key pair refused", "client", from.Client.String())
	return nil, errKeyPair
}

const maxQuery = 2048 // bytes

// either returns a value that is given in a header, in the query, or in both
// alike. If the two differ or one is given twice, ok is false, because it is
// not clear which value is meant. param is in lower case and is matched without
// ASCII case.
func either(h http.Header, header string, query url.Values, param string) (value string, ok bool) {
	value, ok = httpapi.SingleHeader(h, header)
	if !ok {
		return "", false
	}
	found := false
	for name, values := range query {
		if canonical.FoldASCII(name) != param {
			continue
		}
		if found || len(values) != 1 || value != "" && !secret.Equal(value, values[0]) {
			return "", false
		}
		found, value = true, values[0]
	}
	return value, value != ""
}
