package scsrecovery

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/seed-51359b35/recovery"
)

// The names of values in a session, and in the record of a lead. Sessions that
// are open have them, so they do not change.
const (
	leadName  = "recovery.lead"
	stampName = "recovery.stamp"
)

// margin is how much longer than any session a record lives. Clocks may differ
// by it, and a request that is under way may renew its session meanwhile.
const margin = time.Hour

var (
	// ErrLeadChanged reports that the lead is not as it was when its password
	// was compared: a reset has finished meanwhile, or the lead was disabled.
	// Answer as for a wrong password.
	ErrLeadChanged = errors.New("scsrecovery: the lead has changed since its password was compared")

	errNoMiddleware = errors.New("scsrecovery: the request did not come through Sessions.Middleware, inside LoadAndSave of the session manager")
)

// Options configure [New]. The zero value is right for most hosts.
type Options struct {
	_ [0]func()

	// MaxLifetime is the longest time for which any session can live. Set it if
	// the host calls SetDeadline of the session manager with a longer time than
	// the manager's Lifetime: a session that lives longer than this could
	// outlive the memory of a reset. Default, and at least: the Lifetime of the
	// session manager when New is called.
	MaxLifetime time.Duration
}

// Sessions are the sessions of leads in one session manager. It is a
// [recovery.SessionEnder]. Make it with [New]. It is safe for concurrent use.
type Sessions struct {
	manager *scs.SessionManager
	leads   recovery.LeadStore
	life    time.Duration
}

var _ recovery.SessionEnder = (*Sessions)(nil)

// New returns the sessions of the leads in a session manager, which has all its
// settings by then. Both arguments are required.
func New(manager *scs.SessionManager, leads recovery.LeadStore, opts Options) (*Sessions, error) {
	mistakes := recovery.OptionErrors{Package: "scsrecovery"}
	if manager == nil {
		mistakes.Add("manager", "is required: the session manager of the host")
	}
	if leads == nil {
		mistakes.Add("leads", "is required: the LeadStore that recovery.New gets")
	}
	if manager != nil && opts.MaxLifetime != 0 && opts.MaxLifetime < manager.Lifetime {
		mistakes.Add("MaxLifetime", "%v is shorter than the Lifetime of the session manager, %v", opts.MaxLifetime, manager.Lifetime)
	}
	if err := mistakes.Err(); err != nil {
		return nil, err
	}
	return &Sessions{manager: manager, leads: leads, life: max(opts.MaxLifetime, manager.Lifetime)}, nil
}

// A visit is who is signed in during one request.
type visit struct{ leadID string }

type visitKey struct{}

func visitOf(ctx context.Context) *visit {
	v, _ := ctx.Value(visitKey{}).(*visit)
	return v
}

// Middleware compares the session of each request with the stamp of its lead,
// and destroys the session if the lead was signed out meanwhile. The request
// goes on without a lead. Mount it directly inside LoadAndSave:
//
//	http.ListenAndServe(addr, manager.LoadAndSave(sessions.Middleware(mux)))
//
// It asks the store once for a request with a session that has a lead, and not
// at all for others. If the store fails, nobody is let in: the ErrorFunc of the
// session manager answers.
func (s *Sessions) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		v := &visit{leadID: s.manager.GetString(ctx, leadName)}
		if v.leadID != "" {
			open, err := s.isOpen(ctx, v.leadID)
			if err == nil && !open {
				v.leadID = ""
				err = s.manager.Destroy(ctx)
			}
			if err != nil {
				s.manager.ErrorFunc(w, r, err)
				return
			}
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(ctx, visitKey{}, v)))
	})
}

// isOpen reports whether the session has the stamp that its lead has now.
// Without a record no reset has ended sessions for as long as any session lives.
func (s *Sessions) isOpen(ctx context.Context, leadID string) (bool, error) {
	stamp, err := s.stamp(ctx, leadID)
	return stamp == "" || stamp == s.manager.GetString(ctx, stampName), err
}

// LeadID returns the ID of the lead that is signed in, or "". Use it, and no
// value of the session that the host wrote: what LeadID returns was compared
// with the stamp of the lead. It is "" for every request that did not come
// through [Sessions.Middleware].
func (s *Sessions) LeadID(ctx context.Context) string {
	if v := visitOf(ctx); v != nil {
		return v.leadID
	}
	return ""
}

// SignIn makes the session of the request that of a lead whose password was
// compared. It renews the token of the session, so that nobody who knew the
// earlier token gets in (session fixation). Other values stay in the session,
// unless another lead was signed in.
//
// The lead is as the host read it together with the password hash, or before.
// SignIn reads it again, and returns an error that wraps [ErrLeadChanged] if
// Version differs or Status is not [recovery.StatusActive]. Otherwise a login
// that compared the old password while a reset ran would be signed in with the
// stamp from after the reset (A74). So store a new hash for password.Result's
// Rehash after SignIn, because that changes the version too.
func (s *Sessions) SignIn(ctx context.Context, lead recovery.Lead) error {
	v := visitOf(ctx)
	if v == nil {
		return errNoMiddleware
	}
	// The stamp comes first. If a reset writes the new hash after the lead was
	// read, it ends sessions later still, and this stamp is old then.
	stamp, err := s.stamp(ctx, lead.ID)
	if err != nil {
		return err
	}
	now, err := s.leads.FindLead(ctx, recovery.LeadKey{Field: recovery.LeadIDField, Value: lead.ID})
	switch {
	case errors.Is(err, recovery.ErrLeadNotFound):
		return fmt.Errorf("%w: %w", ErrLeadChanged, err)
	case err != nil:
		return fmt.Errorf("scsrecovery: reading the lead: %w", err)
	case now.ID != lead.ID || now.Version != lead.Version || now.Status != recovery.StatusActive:
		return ErrLeadChanged
	}
	if v.leadID != "" && v.leadID != lead.ID {
		if err := s.manager.Clear(ctx); err != nil {
			return err
		}
	}
	if err := s.manager.RenewToken(ctx); err != nil {
		return err
	}
	s.manager.Put(ctx, leadName, lead.ID)
	s.manager.Put(ctx, stampName, stamp)
	v.leadID = lead.ID
	return nil
}

// SignOut destroys the session of the request, with all its values.
func (s *Sessions) SignOut(ctx context.Context) error {
	if v := visitOf(ctx); v != nil {
		v.leadID = ""
	}
	return s.manager.Destroy(ctx)
}

// EndSessions implements [recovery.SessionEnder]: it gives the lead a new stamp.
// Requests that are under way are finished; the next one of each session finds
// that it has ended. If the store takes no context, EndSessions lasts as long as
// the store does.
func (s *Sessions) EndSessions(ctx context.Context, leadID string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	expires := time.Now().Add(s.life + margin).UTC()
	record, err := s.manager.Codec.Encode(expires, map[string]any{stampName: rand.Text()})
	if err != nil {
		return fmt.Errorf("scsrecovery: encoding a stamp: %w", err)
	}
	if store, ok := s.manager.Store.(scs.CtxStore); ok {
		err = store.CommitCtx(ctx, recordToken(leadID), record, expires)
	} else {
		err = s.manager.Store.Commit(recordToken(leadID), record, expires)
	}
	if err != nil {
		return fmt.Errorf("scsrecovery: storing a stamp: %w", err)
	}
	return nil
}

// stamp returns the stamp of a lead, or "" if it has none.
func (s *Sessions) stamp(ctx context.Context, leadID string) (string, error) {
	var record []byte
	var found bool
	var err error
	if store, ok := s.manager.Store.(scs.CtxStore); ok {
		record, found, err = store.FindCtx(ctx, recordToken(leadID))
	} else {
		record, found, err = s.manager.Store.Find(recordToken(leadID))
	}
	if err != nil {
		return "", fmt.Errorf("scsrecovery: reading a stamp: %w", err)
	}
	if !found {
		return "", nil
	}
	_, values, err := s.manager.Codec.Decode(record)
	if err != nil {
		return "", fmt.Errorf("scsrecovery: decoding a stamp: %w", err)
	}
	stamp, _ := values[stampName].(string)
	if stamp == "" {
		return "", errors.New("scsrecovery: the record of a lead has no stamp")
	}
	return stamp, nil
}

// recordToken returns the token under which the stamp of a lead is stored. It
// begins with a line break, which no header has and so no cookie: a client that
// presents the token could destroy the record otherwise. It has 43 characters
// like every other token, because some stores have a column of that width.
func recordToken(leadID string) string {
	sum := sha256.Sum256([]byte("recovery lead " + leadID))
	return "\n" + hex.EncodeToString(sum[:21])
}
