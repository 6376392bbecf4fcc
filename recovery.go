package recovery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/seed-51359b35/recovery/internal/clientaddr"
	"github.com/seed-51359b35/recovery/internal/seal"
	"github.com/seed-51359b35/recovery/password"
)

// A Service recovers passwords. [New] makes one, Shutdown ends it. Its methods
// are safe for concurrent use.
type Service struct {
	leads    LeadStore
	tokens   TokenStore
	notifier Notifier
	opts     Options
	log      *slog.Logger
	keys     *keyring
	clients  *clientaddr.Resolver
	fields   map[string]Field
	mailTo   string // the field that links go to by default, or empty
	foreign  *seal.Foreign

	mu       sync.RWMutex
	closed   bool
	inFlight sync.WaitGroup
	closing  chan struct{} // ends the pauses of what runs in the background
	repeats  chan struct{} // one place for each background task
	tasks    sync.WaitGroup
}

// maxRepeats bounds the calls that are being repeated in the background, each
// of which stems from a reset, or a NotMe, that passed its limits.
const maxRepeats = 1024

// New returns a Service on the host's user store, a token store and whatever
// delivers messages. It reports every mistake in opts at once, as
// [*OptionError] values joined by [errors.Join].
func New(leads LeadStore, tokens TokenStore, notifier Notifier, opts Options) (*Service, error) {
	opts = opts.withDefaults()
	if err := opts.validate(leads, tokens, notifier); err != nil {
		return nil, err
	}
	keys, err := newKeyring(opts)
	if err != nil {
		return nil, err
	}
	clients, err := clientaddr.New(opts.TrustedProxies, opts.IPv6Prefix)
	if err != nil {
		return nil, err
	}
	if opts.Hasher == nil {
		if opts.Hasher, err = password.NewArgon2id(password.Argon2idOptions{}); err != nil {
			return nil, err
		}
	}
	if opts.Policy == nil {
		if opts.Policy, err = password.NewPolicy(password.PolicyOptions{}); err != nil {
			return nil, err
		}
	}
	if opts.Limiter == nil {
		opts.Limiter = NewMemoryLimiter(MemoryLimiterOptions{})
	}
	if opts.Queue == nil {
		opts.Queue = NewMemoryQueue(MemoryQueueOptions{})
	}
	s := &Service{
		leads: leads, tokens: tokens, notifier: notifier,
		opts: opts, log: opts.Logger, keys: keys, clients: clients,
		fields:  make(map[string]Field),
		foreign: seal.NewForeign(),
		closing: make(chan struct{}),
		repeats: make(chan struct{}, maxRepeats),
	}
	for _, f := range opts.Fields {
		s.fields[f.Name] = f
		if s.mailTo == "" && f.Receive && f.Type == FieldEmail {
			s.mailTo = f.Name
		}
	}
	if q, ok := opts.Queue.(WorkerQueue); ok {
		if err := q.Start(s); err != nil {
			return nil, fmt.Errorf("recovery: starting the queue: %w", err)
		}
	}
	return s, nil
}

// Shutdown refuses new requests with [ErrUnavailable], waits for those that
// are being answered, and shuts a [WorkerQueue] down. It returns nil once no
// goroutine of the Service runs, or an error when ctx ends first.
func (s *Service) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.mu.Unlock()
	err := wait(ctx, &s.inFlight)
	if first {
		close(s.closing)
	}
	err = errors.Join(err, wait(ctx, &s.tasks))
	if q, ok := s.opts.Queue.(WorkerQueue); ok {
		err = errors.Join(err, q.Shutdown(ctx))
	}
	return err
}

func wait(ctx context.Context, wg *sync.WaitGroup) error {
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// begin counts a request in, unless the Service is shutting down.
func (s *Service) begin() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return unavailable("shutting down", nil)
	}
	s.inFlight.Add(1)
	return nil
}

// Logger returns the logger that the Service writes to.
func (s *Service) Logger() *slog.Logger { return s.log }

// Policy returns the rules for passwords, for the pages that tell people of
// them.
func (s *Service) Policy() *password.Policy { return s.opts.Policy }

// Lifetimes returns how long a link and a code live.
func (s *Service) Lifetimes() (link, code time.Duration) { return s.opts.LinkTTL, s.opts.CodeTTL }

// Links returns [Options.Link] and [Options.NotMe], for the pages that they lead
// to.
func (s *Service) Links() (reset, notMe Link) {
	reset, notMe = s.opts.Link, s.opts.NotMe
	reset.Fixed, notMe.Fixed = slices.Clone(reset.Fixed), slices.Clone(notMe.Fixed)
	return reset, notMe
}

// EndsSessions reports whether a reset ends the lead's sessions, for the pages
// that say so: it does not with [Options.DangerouslyKeepSessions].
func (s *Service) EndsSessions() bool { return s.opts.Sessions != nil }

// Field returns the declaration of a field.
func (s *Service) Field(name string) (Field, bool) {
	f, ok := s.fields[name]
	return f, ok
}

// An Origin says where a request comes from.
type Origin struct {
	// Caller names the API key that was presented, if any: up to 128 bytes.
	// With a valid Client, the pair of both is limited, because keys in
	// browsers are public (A82).
	Caller string
	// Client is the address of the person's device. The zero Addr is one
	// client, shared by everybody whose address is not known.
	Client netip.Addr
	// AcceptLanguage is the request's field of that name. More than 128 bytes
	// are as good as none.
	AcceptLanguage string
}

// Origin reads the client's address, by [Options.TrustedProxies], and its
// languages off a request.
func (s *Service) Origin(r *http.Request) Origin {
	return Origin{Client: s.clients.Addr(r), AcceptLanguage: r.Header.Get("Accept-Language")}
}

// check bounds what a job carries.
func (o *Origin) check() error {
	if len(o.Caller) > 128 {
		return invalid("caller", "is too long")
	}
	if len(o.AcceptLanguage) > 128 {
		o.AcceptLanguage = ""
	}
	return nil
}

// A ForgotRequest asks for a reset.
type ForgotRequest struct {
	// Key names the lead.
	Key LeadKey
	// RecipientField is the field of the lead that receives the message.
	// Default: the first declared one with type Email and Receive.
	RecipientField string
	// Code asks for a short code instead of a link.
	Code bool
	// Link is one of the host's links. Default: [Options.Link].
	Link *Link
	// Template names a template that the Notifier knows: up to 128 bytes.
	Template string
	// PreventWebhook is carried on the events.
	PreventWebhook bool
	Origin         Origin
}

// A ForgotResult is the same whether or not there is a lead.
type ForgotResult struct {
	Quotas Quotas
}

// ForgotPassword has a link or code sent to a lead, if there is one that may
// reset its password. The answer says only that the request was taken: lookup
// and delivery happen after it, so neither its content nor its time tells
// whether an account exists (A20 to A23).
//
// The error is an [*InvalidRequestError], a [*RateLimitError] of the caller or
// client, or wraps [ErrUnavailable]; none depends on the lead.
func (s *Service) ForgotPassword(ctx context.Context, req ForgotRequest) (ForgotResult, error) {
	if err := s.begin(); err != nil {
		return ForgotResult{}, err
	}
	defer s.inFlight.Done()
	if err := req.Origin.check(); err != nil {
		return ForgotResult{}, err
	}
	p := payload{
		Op: opForgot, Code: req.Code, Template: req.Template, PreventWebhook: req.PreventWebhook,
		Caller: req.Origin.Caller, Client: req.Origin.Client, Languages: req.Origin.AcceptLanguage,
		RequestedAt: time.Now(),
	}
	var err error
	if p.Key, _, err = s.canonicalKey(req.Key); err != nil {
		return ForgotResult{}, err
	}
	if p.Recipient, err = s.recipientField(req.RecipientField); err != nil {
		return ForgotResult{}, err
	}
	if p.Link, err = s.link(req.Link); err != nil {
		return ForgotResult{}, err
	}
	if len(p.Template) > 128 {
		return ForgotResult{}, invalid("template", "is too long")
	}
	quotas, err := s.admit(ctx, s.opts.Limits.ClientForgot, opForgot, req.Origin)
	if err != nil {
		return ForgotResult{}, err
	}
	// The token is drawn for everybody, and travels in the job: so every
	// attempt sends the same one, and the work is the same for an unknown lead.
	ttl := s.opts.LinkTTL
	if p.Secret = newSecret(); req.Code {
		ttl = s.opts.CodeTTL
		if p.Secret, err = newCode(); err != nil {
			return ForgotResult{}, unavailable("randomness", err)
		}
	}
	if err := s.enqueue(ctx, p, ttl, randomDuration(maxStartPause)); err != nil {
		return ForgotResult{}, unavailable("queue", err)
	}
	return ForgotResult{quotas}, nil
}

// An IssueRequest asks for a token on behalf of an authenticated server.
type IssueRequest struct {
	Key LeadKey
	// Send has the token mailed to the lead as well, as a link.
	Send           bool
	RecipientField string
	Link           *Link
	Template       string
	PreventWebhook bool
	// Origin.Caller names the API key whose secret the caller proved. It is
	// required; Client is not looked at.
	Origin Origin
}

// An IssueResult holds a token that resets the lead's password.
type IssueResult struct {
	// Token is the sealed string for [SealedProof].
	Token             Secret
	Expires           time.Time
	IdentityProviders []string
	Quotas            Quotas
}

// IssueToken returns a reset token to a server that proved who it is. Whoever
// holds the token can take the account over, so this is never reachable for
// browsers (A80).
//
// The error is an [*InvalidRequestError], a [*RateLimitError] (the scopes
// caller, issue, and, with Send, lead, recipient and budget), or wraps
// [ErrLeadNotFound], which stands for disabled leads, those without a password
// and, with Send, those without a verified recipient too, or [ErrUnavailable].
// Quotas that were spent before something failed stay spent.
func (s *Service) IssueToken(ctx context.Context, req IssueRequest) (IssueResult, error) {
	if err := s.begin(); err != nil {
		return IssueResult{}, err
	}
	defer s.inFlight.Done()
	if req.Origin.Caller == "" {
		return IssueResult{}, invalid("caller", "is required")
	}
	if err := req.Origin.check(); err != nil {
		return IssueResult{}, err
	}
	key, field, err := s.canonicalKey(req.Key)
	if err != nil {
		return IssueResult{}, err
	}
	recipient := ""
	if req.Send {
		if recipient, err = s.recipientField(req.RecipientField); err != nil {
			return IssueResult{}, err
		}
	}
	link, err := s.link(req.Link)
	if err != nil {
		return IssueResult{}, err
	}
	if len(req.Template) > 128 {
		return IssueResult{}, invalid("template", "is too long")
	}
	quotas, err := s.admitCaller(ctx, req.Origin)
	if err != nil {
		return IssueResult{}, err
	}
	// After the caller's, so that a refused call spends nobody's quota.
	issue := Take{Key: s.keys.limitKey(ScopeIssue, key.Field, key.Value), Tier: s.opts.Limits.Issue}
	if err := s.allow(ctx, req.Origin, quotas, scopedTake{ScopeIssue, issue}); err != nil {
		return IssueResult{}, err
	}
	event := Event{
		Kind: EventTokenIssued, Caller: req.Origin.Caller, Client: req.Origin.Client,
		Mailed: req.Send, PreventWebhook: req.PreventWebhook,
	}
	refuse := func(reason EventReason) (IssueResult, error) {
		event.Kind, event.Reason = EventSuppressed, reason
		s.emit(ctx, event)
		return IssueResult{}, ErrLeadNotFound
	}
	lead, err := s.findLead(ctx, key, field)
	if errors.Is(err, ErrLeadNotFound) {
		return refuse(ReasonUnknownLead)
	}
	if err != nil {
		return IssueResult{}, err
	}
	event.LeadID = lead.ID
	switch lead.Status {
	case StatusActive:
	case StatusNoPassword:
		return refuse(ReasonNoPassword)
	default:
		return refuse(ReasonDisabled)
	}
	kind := kindIssued
	p := payload{
		Op: opDeliver, Key: LeadKey{LeadIDField, lead.ID}, Recipient: recipient, Link: link,
		Template: req.Template, PreventWebhook: req.PreventWebhook, Caller: req.Origin.Caller,
		Languages: req.Origin.AcceptLanguage, RequestedAt: time.Now(), Secret: newSecret(),
	}
	if req.Send {
		kind = kindMailed
		to, ok := s.recipient(lead, recipient)
		if !ok {
			return refuse(ReasonNoRecipient)
		}
		p.Name, p.Locale = lead.Name, lead.Locale
		takes, err := s.deliveryTakes(ctx, s.addressed(Job{}, p, MessageResetLink, lead.ID, to), to, kindMailed, "")
		if errors.Is(err, ErrPermanent) {
			return refuse(ReasonUndeliverable)
		}
		if err != nil {
			return IssueResult{}, unavailable("notifier", err)
		}
		if err := s.allow(ctx, req.Origin, quotas, takes...); err != nil {
			return IssueResult{}, err
		}
	}
	token, err := s.put(ctx, &s.keys.generations[0], kind, lead, p.Secret)
	if err != nil {
		return IssueResult{}, unavailable("token store", err)
	}
	sealed, err := s.keys.sealToken(kind, lead.ID, p.Secret)
	if err != nil {
		return IssueResult{}, err
	}
	if req.Send {
		p.Sealed = sealed // the mail carries the very string that the caller gets
		if err := s.enqueue(ctx, p, s.opts.LinkTTL, 0); err != nil {
			return IssueResult{}, unavailable("queue", err)
		}
	}
	s.emit(ctx, event)
	return IssueResult{
		Token: NewSecret(sealed), Expires: token.Expires,
		IdentityProviders: slices.Clone(lead.IdentityProviders), Quotas: quotas,
	}, nil
}

// RevokeTokens ends every link, issued token and code of a lead, for an
// operator or for a person who says "this was not me". The error wraps
// [ErrUnavailable].
func (s *Service) RevokeTokens(ctx context.Context, leadID string) error {
	if err := s.begin(); err != nil {
		return err
	}
	defer s.inFlight.Done()
	if !validLeadID(leadID) {
		return invalid("leadId", "is malformed")
	}
	err := s.call(ctx, "TokenStore.Delete", func(ctx context.Context) error {
		return s.tokens.Delete(ctx, s.keys.slots(leadID)...)
	})
	if err != nil {
		return unavailable("token store", err)
	}
	s.emit(ctx, Event{Kind: EventTokensRevoked, LeadID: leadID})
	return nil
}

// call runs one call of a collaborator under the store timeout. A panic there
// is an error, so that one bad hook does not take the process or, by being
// seen, the secret of who exists.
func (s *Service) call(ctx context.Context, what string, f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.opts.StoreTimeout)
	defer cancel()
	return s.guard(ctx, what, func() error { return f(ctx) })
}

// guard runs code of the host whose time is the caller's.
func (s *Service) guard(ctx context.Context, what string, f func() error) (err error) {
	defer s.recoverPanic(ctx, what, &err)
	return f()
}

// recoverPanic is deferred around code of the host.
func (s *Service) recoverPanic(ctx context.Context, what string, err *error) {
	if p := recover(); p != nil {
		s.log.ErrorContext(ctx, "recovery: panic", "in", what, "panic", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
		if err != nil {
			*err = fmt.Errorf("recovery: panic in %s", what)
		}
	}
}

// repeat runs f in the background with growing pauses until it returns nil, or
// until the time is over. Shutdown gives it one last try.
func (s *Service) repeat(what string, until time.Time, f func(ctx context.Context) error) {
	select {
	case s.repeats <- struct{}{}:
	default:
		s.log.Error("recovery: too much to repeat, given up", "what", what)
		return
	}
	s.tasks.Go(func() {
		defer func() { <-s.repeats }()
		timer := time.NewTimer(0)
		defer timer.Stop()
		last := false
		for pause := 100 * time.Millisecond; ; pause = min(2*pause, 30*time.Second) {
			select {
			case <-timer.C:
			case <-s.closing:
				last = true
			}
			err := s.call(context.Background(), what, f)
			if err == nil {
				return
			}
			if last || time.Now().After(until) {
				s.log.Error("recovery: given up", "what", what, "error", err)
				return
			}
			timer.Reset(pause)
		}
	})
}
