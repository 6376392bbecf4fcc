package leadsquared

import (
	"net/http"

	"github.com/seed-51359b35/recovery/internal/canonical"
	"github.com/seed-51359b35/recovery/internal/httpapi"
)

// The credentials of one request are compared with those of every portal,
// without stopping at the first that fits or fails: the time tells neither
// which portal it was nor how near a guess came.

// portalOf returns the portal whose public credentials a request carries, or
// nil. In v2 all three belong to one portal; in v1 there is only one.
func (h *Handler) portalOf(header http.Header, v2 bool) *portal {
	key, ok := credential(header, "Authorization")
	id, token := "", ""
	if v2 {
		var ok1, ok2 bool
		id, ok1 = credential(header, "X-Lsq-Portalid")
		token, ok2 = credential(header, "X-Lsq-Registertoken")
		id, ok = canonical.FoldASCII(id), ok && ok1 && ok2
	}
	if !ok {
		return nil
	}
	var found *portal
	for _, p := range h.portals {
		match := oneOf(p.publicAuthKeys, key)
		if v2 {
			matchID, matchToken := httpapi.ConstantTimeEqual(p.id, id), oneOf(p.registerTokens, token)
			match = match && matchID && matchToken
		} else {
			match = match && p.v1
		}
		if match {
			found = p
		}
	}
	return found
}

// portalOfPair returns the portal that a key pair belongs to, or nil.
func (h *Handler) portalOfPair(key, secret string) *portal {
	if len(key) > maxKey || len(secret) > maxKey {
		return nil
	}
	var found *portal
	for _, p := range h.portals {
		for _, k := range p.accessKeys {
			matchKey, matchSecret := httpapi.ConstantTimeEqual(k.Key, key), httpapi.ConstantTimeEqual(k.Secret.Reveal(), secret)
			if matchKey && matchSecret {
				found = p
			}
		}
	}
	return found
}

// credential returns a header that is given exactly once. One that is longer
// than any key is refused unseen: comparing means hashing, and a header can
// have a megabyte.
func credential(h http.Header, name string) (string, bool) {
	v, ok := httpapi.OneHeader(h, name)
	return v, ok && v != "" && len(v) <= maxKey
}

func oneOf(configured []string, presented string) bool {
	match := false
	for _, c := range configured {
		if httpapi.ConstantTimeEqual(c, presented) {
			match = true
		}
	}
	return match
}
