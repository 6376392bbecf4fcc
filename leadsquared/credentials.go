package leadsquared

import (
	"net/http"

	"github.com/seed-51359b35/recovery/internal/canonical"
	"github.com/seed-51359b35/recovery/internal/httpapi"
	"github.com/seed-51359b35/recovery/internal/secret"
)

// The functions below compare the credentials of a request with those of every
// portal and do not stop early. So the time tells neither which portal matched
// nor how close a guess came.

// portalOf returns the portal whose public credentials a request carries, or
// nil. In v2 there are three credentials, all of the same portal. In v1 there
// is one.
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

// portalOfPair returns the portal that lists a key pair, or nil.
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

// credential returns the value of a header that must be given exactly once. It
// refuses a value that is longer than any key: every comparison hashes the
// value, and a header can have a megabyte.
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
