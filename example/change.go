package main

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/password"
)

// changes are what the library has to know of the demo's sessions and hashes, so that
// people who are signed in can change their passwords.
type changes struct {
	leads    leadStore
	sessions sessionStore
	hasher   password.Hasher
	secure   bool // whether cookies may demand https
}

func (c *changes) options() recovery.ChangeOptions {
	return recovery.ChangeOptions{SignedIn: c.signedIn, Verify: c.verify, KeepSession: c.keepSession}
}

func (c *changes) signedIn(r *http.Request) (leadID string, err error) {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return "", recovery.ErrNotSignedIn
	}
	s, ok, err := c.sessions.find(r.Context(), cookie.Value)
	if err == nil && !ok {
		err = recovery.ErrNotSignedIn
	}
	return s.LeadID, err
}

// verify compares as the log-in does.
func (c *changes) verify(ctx context.Context, lead recovery.Lead, current recovery.Secret) (bool, error) {
	id, hash, err := c.leads.credentials(ctx, lead.Fields[fieldEmail].Value)
	if err != nil {
		return false, err
	}
	if id != lead.ID {
		hash = "" // the address is another person's now
	}
	result, err := c.hasher.Verify(ctx, password.Attempt{Hash: hash, Password: current.Reveal()})
	return result.Match, err
}

// keepSession opens a session under a new secret. The epoch is read after all
// sessions have ended.
func (c *changes) keepSession(w http.ResponseWriter, r *http.Request, leadID string) error {
	epoch, err := c.sessions.epoch(r.Context(), leadID)
	if err != nil {
		return err
	}
	_, secret, ok, err := c.sessions.open(r.Context(), leadID, epoch)
	if err != nil {
		return err
	}
	if !ok {
		return errors.New("the sessions of the lead were ended once more")
	}
	http.SetCookie(w, newCookie(secret, c.secure))
	return nil
}

// isSecure reports whether browsers reach the demo by https.
func isSecure(baseURL string) bool { return strings.HasPrefix(baseURL, "https:") }
