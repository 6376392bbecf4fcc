package leadsquared

import (
	"net/http"

	"github.com/seed-51359b35/recovery/internal/canonical"
	"github.com/seed-51359b35/recovery/internal/httpapi"
	"github.com/seed-51359b35/recovery/internal/secret"
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
			matchID, matchToken := secret.Equal(p.id, id), oneOf(p.registerTokens, token)
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
func (h *Handler) portalOfPair(key, keySecret string) *portal {
	if len(key) > maxKey || len(keySecret) > maxKey {
		return nil
	}
	var found *portal
	for _, p := range h.portals {
		for _, k := range p.accessKeys {
			matchKey, matchSecret := secret.Equal(k.Key, key), secret.Equal(k.Secret.Reveal(), keySecret)
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
	v, ok := httpapi.SingleHeader(h, name)
	return v, ok && v != "" && len(v) <= maxKey
}

func oneOf(configured []string, presented string) bool {
	match := false
	for _, c := range configured {
		if secret.Equal(c, presented) {
			match = true
		}
	}
	return match
}
