package routers

import (
	"context"
	"crypto/rand"
	"errors"
	"log"
	"net/http"

	"github.com/alexedwards/scs/v2"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/password"
	"github.com/seed-51359b35/recovery/portal"
	"github.com/seed-51359b35/recovery/scsrecovery"
)

// A Host is what the applications have in common.
type Host struct {
	service *recovery.Service
	pages   http.Handler
	users   *users
	hasher  password.Hasher

	manager  *scs.SessionManager   // nil for Gorilla
	sessions *scsrecovery.Sessions // nil for Gorilla

	// What changes of passwords need of the sessions.
	signedIn    func(r *http.Request) (leadID string)
	keepSession func(w http.ResponseWriter, r *http.Request, leadID string) error
}

// NewHost returns a host at a URL, whose mail goes to mailer. It has one user,
// ada@example.com, with this password. With a session manager, sessions are
// those of scs; without one, those of [Gorilla]. Call Close in the end.
func NewHost(ctx context.Context, baseURL, chosen string, mailer recovery.Notifier, manager *scs.SessionManager) (*Host, error) {
	hasher, err := password.NewArgon2id(password.Argon2idOptions{})
	if err != nil {
		return nil, err
	}
	ada := &user{id: "42", email: "ada@example.com"}
	if ada.hash, err = hasher.Hash(ctx, chosen); err != nil {
		return nil, err
	}
	h := &Host{users: &users{rows: []*user{ada}}, hasher: hasher, manager: manager}
	var ender recovery.SessionEnder = h.users
	if manager != nil {
		if h.sessions, err = scsrecovery.New(manager, h.users, scsrecovery.Options{}); err != nil {
			return nil, err
		}
		ender = h.sessions
		h.signedIn, h.keepSession = h.scsLeadID, h.keepSCS
	}
	keys := [][]byte{make([]byte, 32)} // yours come from your secret store
	_, _ = rand.Read(keys[0])
	h.service, err = recovery.New(h.users, recovery.NewMemoryTokenStore(), mailer, recovery.Options{
		Keys:      keys,
		Link:      recovery.Link{URL: baseURL + "/account/reset"},
		Sessions:  ender,
		Passwords: recovery.PasswordOptions{Hasher: h.hasher},
		API:       recovery.APIOptions{Path: "/api"},
		Change: recovery.ChangeOptions{
			SignedIn:    func(r *http.Request) (string, error) { return h.signedIn(r), nil },
			Verify:      h.verify,
			KeepSession: func(w http.ResponseWriter, r *http.Request, leadID string) error { return h.keepSession(w, r, leadID) },
		},
	})
	if err != nil {
		return nil, err
	}
	h.pages, err = portal.New(h.service, portal.Options{BaseURL: baseURL + "/account", Keys: keys, Product: "Acme"})
	if err != nil {
		return nil, errors.Join(err, h.Close(context.WithoutCancel(ctx)))
	}
	return h, nil
}

// Close ends the work of the host.
func (h *Host) Close(ctx context.Context) error { return h.service.Shutdown(ctx) }

// compare returns the user with this address and password. The bool is false if
// there is none.
func (h *Host) compare(ctx context.Context, email, typed string) (user, bool, error) {
	u, _ := h.users.byEmail(email)
	// For nobody the hash is empty, which takes as long as any other.
	result, err := h.hasher.Verify(ctx, password.Attempt{Hash: u.hash, Password: typed})
	if _, refused := errors.AsType[*password.PolicyError](err); refused {
		return user{}, false, nil // nobody has such a password
	}
	if errors.Is(err, password.ErrMalformedHash) {
		// An answer of its own would tell that there is an account.
		log.Printf("The hash of user %s cannot be read, so nobody can sign in until a reset replaces it.", u.id)
		return user{}, false, nil
	}
	return u, err == nil && result.Match, err
}

// verify compares the current password, which somebody who is signed in has typed.
func (h *Host) verify(ctx context.Context, lead recovery.Lead, current recovery.Secret) (bool, error) {
	u, _ := h.users.byID(lead.ID)
	result, err := h.hasher.Verify(ctx, password.Attempt{Hash: u.hash, Password: current.Reveal()})
	return result.Match, err
}

// scsLeadID returns who is signed in, or "".
func (h *Host) scsLeadID(r *http.Request) string { return h.sessions.LeadID(r.Context()) }

// keepSCS signs the user in again after a change has ended all sessions. SignIn reads
// the new stamp, and gives the session a new token.
func (h *Host) keepSCS(_ http.ResponseWriter, r *http.Request, leadID string) error {
	lead, err := h.users.FindLead(r.Context(), recovery.LeadKey{Field: recovery.LeadIDField, Value: leadID})
	if err != nil {
		return err
	}
	return h.sessions.SignIn(r.Context(), lead)
}

// signIn is the log-in of the applications with scs. A host also limits how often
// a client may try.
func (h *Host) signIn(w http.ResponseWriter, r *http.Request) {
	u, ok, err := h.compare(r.Context(), r.PostFormValue("email"), r.PostFormValue("password"))
	if ok {
		err = h.sessions.SignIn(r.Context(), u.lead())
	}
	answerSignIn(w, ok, err)
}

func answerSignIn(w http.ResponseWriter, ok bool, err error) {
	switch {
	case errors.Is(err, scsrecovery.ErrLeadChanged) || err == nil && !ok:
		http.Error(w, "The address or the password is wrong.", http.StatusUnauthorized)
	case err != nil:
		http.Error(w, "Please try again in a moment.", http.StatusServiceUnavailable)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// outermost wraps a router of an application with scs.
func (h *Host) outermost(router http.Handler) http.Handler {
	return recovery.HideTokens(h.manager.LoadAndSave(h.sessions.Middleware(router)))
}
