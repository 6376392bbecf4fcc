package portal

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
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
type jar struct {
	name   string
	secure bool
	sealer *seal.Sealer
}

const (
	// shortly is how long a proof stays in the browser before it was found
	// valid; then it stays as long as it is.
	shortly = 10 * time.Minute
	// maxSealed is the longest value. Browsers keep cookies of 4,096 bytes.
	maxSealed = 3800
	// longest is the longest that a value is accepted for: a link lives a day
	// at most.
	longest = 25 * time.Hour
)

// newJars derives the keys of the cookies, and those of the digests that forms
// name their proof by.
func newJars(o Options, secure bool, names ...string) (jars []*jar, digest []byte, err error) {
	var keys []seal.Key
	for _, k := range o.Keys {
		var sub [3][]byte
		for i, label := range []string{"mac", "enc", "digest"} {
			if sub[i], err = hkdf.Key(sha256.New, k, nil, "recovery/portal/v1/"+o.CookieName+"/"+label, 32); err != nil {
				return nil, nil, fmt.Errorf("portal: deriving keys: %w", err)
			}
		}
		keys = append(keys, seal.Key{Hash: sub[0], Block: sub[1]})
		if digest == nil {
			digest = sub[2]
		}
	}
	for _, name := range names {
		j := &jar{name: o.CookieName + "-" + name, secure: secure}
		if secure {
			j.name = "__Host-" + j.name
		}
		j.sealer = seal.New(keys, j.name, longest, maxSealed)
		jars = append(jars, j)
	}
	return jars, digest, nil
}

// put keeps a value for a while. One that does not fit is an error.
func (j *jar) put(w http.ResponseWriter, v any, life time.Duration) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	sealed, err := j.sealer.Seal(b)
	if err != nil {
		return err
	}
	j.set(w, sealed, max(1, int(life/time.Second)))
	return nil
}

// take reads the value into v. It is false where there is none, or one that was
// not sealed here.
func (j *jar) take(r *http.Request, v any) bool {
	// Of two cookies with one name, neither can be told to be ours.
	all := r.CookiesNamed(j.name)
	if len(all) != 1 {
		return false
	}
	b, _, err := j.sealer.Open(all[0].Value)
	return err == nil && json.Unmarshal(b, v) == nil
}

func (j *jar) drop(w http.ResponseWriter) { j.set(w, "", -1) }

// set writes the cookie. It is Lax and not Strict: a Strict one is not sent
// after the redirect when the person comes from webmail.
func (j *jar) set(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: j.name, Value: value, Path: "/", MaxAge: maxAge,
		Secure: j.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// A held is the proof that a link or a code put into the browser.
type held struct {
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

func (h held) proof() recovery.Proof {
	switch {
	case h.Code != "":
		return recovery.CodeProof(recovery.LeadKey{Field: h.Field, Value: h.Value}, h.Code)
	case h.Sealed != "":
		return recovery.SealedProof(h.Sealed)
	}
	return recovery.LinkProof(h.LeadID, h.Secret)
}

// digest names the proof in a form. It is keyed, because a code could be found
// from a plain one.
func (p *Portal) digest(parts ...string) string {
	mac := hmac.New(sha256.New, p.digestKey)
	for _, part := range parts {
		fmt.Fprintf(mac, "%d:%s", len(part), part)
	}
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:18])
}

func (p *Portal) name(h held) string {
	return p.digest("reset", h.LeadID, h.Secret, h.Sealed, h.Field, h.Value, h.Code)
}
