package leadsquared

import (
	"net/http"
	"net/url"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/canonical"
	"github.com/seed-51359b35/recovery/internal/httpapi"
	"github.com/seed-51359b35/recovery/internal/secret"
)

// accessPolicy limits how often one client may present a key pair, right or
// wrong. Each process counts for itself. That is enough: a pair that cannot be
// guessed with five attempts a second cannot be guessed with fifty, by asking
// ten instances.
func accessPolicy() recovery.LimitPolicy {
	return recovery.LimitPolicy{Limits: []recovery.Limit{{N: 25, Window: 5 * time.Second}}}
}

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
// counts the attempt before it compares anything, so that guesses are limited.
func (h *Handler) accessedPortal(c *call) (*portal, error) {
	// A Service knows which proxies to trust. The Service of the first portal
	// decides for all portals, because all are reached through one listener.
	client := h.portals[0].service.Requester(c.r).Client
	request := recovery.LimitRequest{Key: "access:" + h.buckets.Bucket(client), Policy: accessPolicy()}
	decisions, err := h.limiter.Allow(c.r.Context(), request)
	if err != nil {
		return nil, err
	}
	d := decisions[0]
	quotas := recovery.Quotas{{Scope: recovery.ScopeClient, Policy: request.Policy, Decision: d}}
	if !d.Allowed {
		return nil, &recovery.RateLimitError{
			Scope: recovery.ScopeClient, Limit: d.Limit, RetryAfter: d.RetryAfter, Quotas: quotas,
		}
	}
	quotas.SetHeader(c.w.Header())
	if len(c.r.URL.RawQuery) > maxQuery {
		return nil, errQuery
	}
	query, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return nil, errQuery
	}
	key, ok1 := either(c.r.Header, "X-Lsq-Accesskey", query, "accesskey")
	keySecret, ok2 := either(c.r.Header, "X-Lsq-Secretkey", query, "secretkey")
	if ok1 && ok2 {
		if p := h.portalOfPair(key, keySecret); p != nil {
			return p, nil
		}
	}
	h.log.WarnContext(c.r.Context(), "leadsquared: access key pair refused", "client", client.String())
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
