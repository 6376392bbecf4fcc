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
func (*Handler) publicToken(c *call) (any, error) {
	return publicToken{c.portal.publicAuthKeys[0]}, nil
}

// registerToken returns the registration token, which is the whole body.
func (*Handler) registerToken(c *call) (any, error) {
	return c.portal.registerTokens[0], nil
}

// portalOfKeyPair returns the portal whose key pair the request presents, if it
// is one that may use its pair here. It counts the pair before it compares
// anything, so that guesses are limited.
func (h *Handler) portalOfKeyPair(c *call, may func(*portal) bool) (*portal, recovery.Quotas, error) {
	key, keySecret, ok, err := presentedPair(c.r)
	if err != nil {
		return nil, nil, err
	}
	var pair recovery.Secret
	if ok {
		pair = recovery.NewSecret(key + "\x00" + keySecret)
	}
	// A Service counts, and knows which proxies to trust. The Service of the
	// first portal does so for all portals, because all are reached through one
	// listener, and because the portal is not known before the pair is compared.
	service := h.portals[0].service
	from := service.Requester(c.r)
	quotas, err := service.AllowSecret(c.r.Context(), from, pair)
	if err != nil {
		return nil, nil, err
	}
	if ok {
		if p := h.portalOfPair(key, keySecret); p != nil && may(p) {
			return p, quotas, nil
		}
	}
	h.log.WarnContext(c.r.Context(), "leadsquared: access key pair refused", "client", from.Client.String())
	return nil, quotas, errKeyPair
}

// portalByPairInV1 returns the portal of a v1 request without Authorization,
// which carries a key pair in its place. A right pair of a portal that does not
// allow that is answered like a wrong one.
func (h *Handler) portalByPairInV1(c *call) (*portal, error) {
	key, keySecret, _, err := presentedPair(c.r)
	if err != nil {
		return nil, err
	}
	if key == "" && keySecret == "" {
		return nil, wrongPublicKeys(c.r, false)
	}
	p, quotas, err := h.portalOfKeyPair(c, func(p *portal) bool { return p.v1 && p.pairs })
	if err != nil {
		quotas.SetHeader(c.w.Header())
	}
	return p, err
}

// presentedPair returns the key pair of a request. ok is false unless both
// values are there and each is meant without doubt.
func presentedPair(r *http.Request) (key, keySecret string, ok bool, err error) {
	if len(r.URL.RawQuery) > maxQuery {
		return "", "", false, errQuery
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return "", "", false, errQuery
	}
	key, ok1 := either(r.Header, "X-Lsq-Accesskey", query, "accesskey")
	keySecret, ok2 := either(r.Header, "X-Lsq-Secretkey", query, "secretkey")
	return key, keySecret, ok1 && ok2, nil
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
