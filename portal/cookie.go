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

// A sealedCookie keeps one value in the person's browser. The value is sealed:
// neither the owner of the browser nor a program that reads its disk can read
// the token, and nobody can make a value up. The server keeps no copy.
type sealedCookie struct {
	name   string
	secure bool
	sealer *seal.Sealer
}

const (
	// outcomeLifetime is how long a person can load the page again that says
	// what was done.
	outcomeLifetime = 10 * time.Minute
	// noticeLifetime is how long a notice stays in the browser. Its link works
	// for days, and a form that lies open must work for long as well.
	noticeLifetime = 24 * time.Hour
	// session is the lifetime of a cookie that the browser forgets when it is
	// closed.
	session = 0
	// maxSealed is the longest sealed value, in bytes. Browsers keep cookies of
	// 4,096 bytes.
	maxSealed = 3800
	// maxLifetime is how long a value is accepted. A link lives for a day at
	// most.
	maxLifetime = 25 * time.Hour
)

// newSealer returns a Sealer for the cookies, which each has under its own name, and
// the keys of the digests by which forms name their proof.
func newSealer(o Options) (sealer *seal.Sealer, digestKeys [][]byte, err error) {
	var keys []seal.Key
	for _, k := range o.Keys {
		var sub [3][]byte
		for i, label := range []string{"mac", "enc", "digest"} {
			if sub[i], err = hkdf.Key(sha256.New, k, nil, "recovery/portal/v1/"+o.CookieName+"/"+label, 32); err != nil {
				return nil, nil, fmt.Errorf("portal: deriving keys: %w", err)
			}
		}
		keys = append(keys, seal.Key{Hash: sub[0], Block: sub[1]})
		digestKeys = append(digestKeys, sub[2])
	}
	return seal.New(keys, "", maxLifetime, maxSealed), digestKeys, nil
}

// nameCookies makes the cookies of a brand. Two brands may share a host, where a
// browser sends both of them the cookies of either: so the name of a brand is in the
// names of its cookies, as a digest, because it may have characters that a cookie's
// name has not. The name is authenticated with the value, so what one brand has
// sealed opens at no other.
func (p *Handler) nameCookies(secure bool) {
	prefix := p.common.CookieName + "-"
	if p.brand != "" {
		prefix += fingerprint([]byte(p.brand)) + "-"
	}
	if secure {
		prefix = "__Host-" + prefix
	}
	cookie := func(name string) *sealedCookie {
		return &sealedCookie{name: prefix + name, secure: secure, sealer: p.sealer.Named(prefix + name)}
	}
	// New names would lose what browsers hold.
	p.linkCookie, p.proofCookie, p.requestCookie = cookie("opened"), cookie("proof"), cookie("asked")
	p.noticeCookie, p.outcomeCookie, p.waitCookie = cookie("notice"), cookie("outcome"), prefix+"wait"
}

// save stores a value in the browser. A value that is too long for a cookie is
// an error.
func (c *sealedCookie) save(w http.ResponseWriter, v any, life time.Duration) error {
	var b bytes.Buffer
	// json.Marshal would write a '<' in six bytes, and the value might no
	// longer fit.
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	sealed, err := c.sealer.Seal(b.Bytes())
	if err != nil {
		return err
	}
	if life == session {
		c.write(w, sealed, 0)
		return nil
	}
	// The lifetime is at least a minute, because clocks differ. The Service
	// decides whether the value is still valid.
	c.write(w, sealed, max(60, int(life/time.Second)))
	return nil
}

// load reads the value into v. It returns false if the browser sent no value,
// or a value that this portal did not seal.
func (c *sealedCookie) load(r *http.Request, v any) bool {
	// If there are two cookies of that name, nothing shows which one is ours.
	all := r.CookiesNamed(c.name)
	if len(all) != 1 {
		return false
	}
	b, _, err := c.sealer.Open(all[0].Value)
	return err == nil && json.Unmarshal(b, v) == nil
}

func (c *sealedCookie) clear(w http.ResponseWriter) { c.write(w, "", -1) }

// write sets the cookie. SameSite is Lax, because browsers do not send a Strict
// cookie after the redirect to a person who comes from webmail.
func (c *sealedCookie) write(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: c.name, Value: value, Path: "/", MaxAge: maxAge,
		Secure: c.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// A storedProof is the proof that a link or a code put into the browser. The
// JSON names never change: forms that lie open depend on them.
type storedProof struct {
	LeadID string `json:"l,omitempty"`
	Secret string `json:"s,omitempty"`
	Sealed string `json:"t,omitempty"`
	Field  string `json:"f,omitempty"`
	Value  string `json:"v,omitempty"`
	Code   string `json:"c,omitempty"`
	Handle string `json:"h,omitempty"` // of the code
	// Invitation says that the link is for a first password.
	Invitation bool `json:"i,omitempty"`
	// Account and Locale are what the Service answered when the proof was last
	// checked.
	Account string `json:"a,omitempty"`
	Locale  string `json:"g,omitempty"`
	// SecondFactor says that the person needs one, as the Service answered then.
	SecondFactor bool `json:"x,omitempty"`
	// ReturnTo is where the person came from. It is no part of the proof.
	ReturnTo string `json:"r,omitempty"`
}

// keep keeps what the Service answered about the proof.
func (s *storedProof) keep(found recovery.CheckProofResult) {
	s.Account, s.Locale, s.SecondFactor = found.Account, found.Locale, found.SecondFactor
}

func (s storedProof) proof() recovery.Proof {
	switch {
	case s.Code != "":
		return recovery.CodeProof(recovery.LeadKey{Field: s.Field, Value: s.Value}, s.Code).WithHandle(s.Handle)
	case s.Sealed != "":
		return recovery.TokenProof(s.Sealed)
	}
	return recovery.LinkSecretProof(s.LeadID, s.Secret)
}

// digest returns a short name for the parts. It has a key, because an attacker
// could find a code by trying all codes against a digest without one.
func digest(key []byte, parts ...string) string {
	mac := hmac.New(sha256.New, key)
	for _, part := range parts {
		fmt.Fprintf(mac, "%d:%s", len(part), part)
	}
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:18])
}

// formDigest returns the digest that a form carries to say what it is about.
func (p *Handler) formDigest(parts ...string) string { return digest(p.digestKeys[0], parts...) }

// isFormFor reports whether got is the digest of parts under any of the keys.
// The first key may have changed since the form was shown.
func (p *Handler) isFormFor(got string, parts ...string) bool {
	for _, key := range p.digestKeys {
		if subtle.ConstantTimeCompare([]byte(got), []byte(digest(key, parts...))) == 1 {
			return true
		}
	}
	return false
}

// digestParts returns the parts whose digest names the proof.
func (s storedProof) digestParts() []string {
	purpose := "reset"
	if s.Invitation {
		purpose = "invitation"
	}
	return []string{purpose, s.LeadID, s.Secret, s.Sealed, s.Field, s.Value, s.Code}
}
