package portal

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/seal"
)

// A jar keeps one value in the person's browser, sealed: neither the browser's
// owner nor what reads its disk learns the token from it, and nobody makes one
// up. The value is lost with the cookie, and nothing of it is kept here.
type sealedCookie struct {
	name   string
	secure bool
	sealer *seal.Sealer
}

const (
	// briefly is how long the page after something that was done can be seen
	// again.
	outcomeLifetime = 10 * time.Minute
	// whileOpen is how long a notice stays in the browser. Its link works for
	// days, and a form that lies open must not die before it.
	noticeLifetime = 24 * time.Hour
	// session has a browser forget when it is closed.
	session = 0
	// maxSealed is the longest value. Browsers keep cookies of 4,096 bytes.
	maxSealed = 3800
	// longest is the longest that a value is accepted for: a link lives a day
	// at most.
	maxLifetime = 25 * time.Hour
)

// newJars derives the keys of the cookies, and those of the digests that forms
// name their proof by.
func newCookies(o Options, secure bool, names ...string) (jars []*sealedCookie, digests [][]byte, err error) {
	var keys []seal.Key
	for _, k := range o.Keys {
		var sub [3][]byte
		for i, label := range []string{"mac", "enc", "digest"} {
			if sub[i], err = hkdf.Key(sha256.New, k, nil, "recovery/portal/v1/"+o.CookieName+"/"+label, 32); err != nil {
				return nil, nil, fmt.Errorf("portal: deriving keys: %w", err)
			}
		}
		keys = append(keys, seal.Key{Hash: sub[0], Block: sub[1]})
		digests = append(digests, sub[2])
	}
	for _, name := range names {
		j := &sealedCookie{name: o.CookieName + "-" + name, secure: secure}
		if secure {
			j.name = "__Host-" + j.name
		}
		j.sealer = seal.New(keys, j.name, maxLifetime, maxSealed)
		jars = append(jars, j)
	}
	return jars, digests, nil
}

// put keeps a value for a while. One that does not fit is an error.
func (j *sealedCookie) save(w http.ResponseWriter, v any, life time.Duration) error {
	var b bytes.Buffer
	// Not json.Marshal: it makes six bytes of a '<', and what fits must fit.
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	sealed, err := j.sealer.Seal(b.Bytes())
	if err != nil {
		return err
	}
	if life == session {
		j.write(w, sealed, 0)
		return nil
	}
	// Not less than a minute: clocks differ, and the Service judges anyway.
	j.write(w, sealed, max(60, int(life/time.Second)))
	return nil
}

// take reads the value into v. It is false where there is none, or one that was
// not sealed here.
func (j *sealedCookie) load(r *http.Request, v any) bool {
	// Of two cookies with one name, neither can be told to be ours.
	all := r.CookiesNamed(j.name)
	if len(all) != 1 {
		return false
	}
	b, _, err := j.sealer.Open(all[0].Value)
	return err == nil && json.Unmarshal(b, v) == nil
}

func (j *sealedCookie) clear(w http.ResponseWriter) { j.write(w, "", -1) }

// set writes the cookie. It is Lax and not Strict: a Strict one is not sent
// after the redirect when the person comes from webmail.
func (j *sealedCookie) write(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: j.name, Value: value, Path: "/", MaxAge: maxAge,
		Secure: j.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// A held is the proof that a link or a code put into the browser.
type storedProof struct {
	LeadID string `json:"l,omitempty"`
	Secret string `json:"s,omitempty"`
	Sealed string `json:"t,omitempty"`
	Field  string `json:"f,omitempty"`
	Value  string `json:"v,omitempty"`
	Code   string `json:"c,omitempty"`
	// What was found when the proof was last checked.
	Account string `json:"a,omitempty"`
	Locale  string `json:"g,omitempty"`
}

func (h storedProof) proof() recovery.Proof {
	switch {
	case h.Code != "":
		return recovery.CodeProof(recovery.LeadKey{Field: h.Field, Value: h.Value}, h.Code)
	case h.Sealed != "":
		return recovery.TokenProof(h.Sealed)
	}
	return recovery.SecretProof(h.LeadID, h.Secret)
}

// digest names what a form is about. It is keyed, because a code could be found
// from a plain one.
func digest(key []byte, parts ...string) string {
	mac := hmac.New(sha256.New, key)
	for _, part := range parts {
		fmt.Fprintf(mac, "%d:%s", len(part), part)
	}
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:18])
}

// name is the digest that a form carries.
func (p *Handler) formDigest(parts ...string) string { return digest(p.digestKeys[0], parts...) }

// named reports whether a form carried the digest of parts, under any of the
// keys: one of them may have come to the front since.
func (p *Handler) isFormFor(got string, parts ...string) bool {
	for _, key := range p.digestKeys {
		if subtle.ConstantTimeCompare([]byte(got), []byte(digest(key, parts...))) == 1 {
			return true
		}
	}
	return false
}

// parts are what names the proof.
func (h storedProof) parts() []string {
	return []string{"reset", h.LeadID, h.Secret, h.Sealed, h.Field, h.Value, h.Code}
}
