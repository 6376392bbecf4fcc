package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/leadsquared"
	"github.com/seed-51359b35/recovery/loginradius"
	"github.com/seed-51359b35/recovery/password"
	recoveryportal "github.com/seed-51359b35/recovery/portal"
)

// The demo's credentials. They are printed at the start and stand in a public
// repository: a real portal draws its own, and keeps all but the first three
// from browsers.
const (
	lsqPortal        = "11111111-2222-4333-8444-555555555555"
	lsqPublicAuthKey = "ZGVtby1wdWJsaWMtYXV0aC1rZXk=" // base64 of demo-public-auth-key
	lsqRegisterToken = "demo-register-token"
	lsqAccessKey     = "demo-access-key"
	lsqSecretKey     = "demo-secret-key"
	lrAPIKey         = "demo-api-key"
	lrAPISecret      = "demo-api-secret"
	ownTokenKey      = "demo-forgot-token-key"
)

// accountPath is where the library's pages are.
const accountPath = "/account"

// The templates that LoginRadius requests may name: directories in templates.
const (
	lrLinkTemplate = "Email-Template"
	lrCodeTemplate = "Code-Template"
	lrSMSTemplate  = "SMS-Template"
)

// A portal is everything that the demo serves.
type portal struct {
	service     *recovery.Service
	leadsquared http.Handler
	loginradius http.Handler
	api         http.Handler
	forgotToken http.Handler
	helpDesk    http.Handler
	recovery    http.Handler                    // the library's pages
	pages       http.Handler                    // the demo's own
	close       func(ctx context.Context) error // what outlives the Service
}

// newPortal wires one Service, whose leads and tokens all three APIs share.
func newPortal(ctx context.Context, c config, log *slog.Logger) (*portal, error) {
	hasher, err := password.NewArgon2id(password.Argon2idOptions{})
	if err != nil {
		return nil, err
	}
	// The portal's own name is nobody's password.
	policy, err := password.NewPolicy(password.PolicyOptions{ContextWords: []string{"recovery", "example"}})
	if err != nil {
		return nil, err
	}
	delivery, err := newDelivery(c, log)
	if err != nil {
		return nil, err
	}
	var limits recovery.Limits // the defaults
	guesses := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 20, Window: time.Minute}}}
	if c.relaxed {
		limits = recovery.DefaultLimits()
		relax(&limits)
		relaxPolicy(&guesses)
	}
	resetURL := c.baseURL + accountPath + "/reset"
	store, err := openStorage(ctx, c, hasher, log)
	if err != nil {
		return nil, err
	}
	var factor recovery.SecondFactorOptions // nobody has one
	if c.totp {
		factor = secondFactor(store.guesses)
	}
	mailCodes := recovery.MailCodesNever
	if c.mailCodes {
		mailCodes = recovery.MailCodesOnRequest
	}
	signedIn := &changes{leads: store.leads, sessions: store.sessions, hasher: hasher, secure: isSecure(c.baseURL)}
	service, err := recovery.New(store.leads, store.tokens, delivery, recovery.Options{
		Keys:          [][]byte{store.key},
		Prefix:        store.prefix,
		Link:          recovery.Link{URL: resetURL},
		NotMe:         recovery.Link{URL: c.baseURL + accountPath + "/not-me"},
		Invitations:   recovery.InvitationOptions{Link: recovery.Link{URL: c.baseURL + accountPath + "/invitation"}},
		Sessions:      store.sessions,
		SecondFactor:  factor,
		MailCodes:     mailCodes,
		Change:        signedIn.options(),
		Limiter:       store.limiter,
		Queue:         store.queue,
		DeliveryQueue: store.delivery,
		Fields:        fields(),
		Passwords:     recovery.PasswordOptions{Hasher: hasher, Policy: policy},
		Limits:        limits,
		Logger:        log,
		API:           recovery.APIOptions{Origins: c.origins},
		ClientAddress: recovery.ClientAddressOptions{ServerCallers: c.callers},
	})
	if err != nil {
		return nil, errors.Join(err, store.close())
	}
	p := &portal{service: service, api: service.Handler(), close: func(ctx context.Context) error {
		return errors.Join(delivery.close(ctx), store.close())
	}}
	if err := p.mount(resetURL, c.origins); err != nil {
		return nil, errors.Join(err, p.shutdown(context.WithoutCancel(ctx)))
	}
	if p.helpDesk, err = helpDesk(service, c); err != nil {
		return nil, errors.Join(err, p.shutdown(context.WithoutCancel(ctx)))
	}
	p.recovery, err = recoveryportal.New(service, recoveryportal.Options{
		BaseURL:    c.baseURL + accountPath,
		Keys:       [][]byte{store.key},
		Product:    product,
		SignIn:     "/#sign-in",
		PhoneField: fieldPhone,
		// Whoever was sent nothing types the code of the help desk there.
		ReadOutCodes: c.helpDesk != "",
	})
	if err != nil {
		return nil, errors.Join(err, p.shutdown(context.WithoutCancel(ctx)))
	}
	p.pages, err = newPages(c, pages{
		service: service,
		outbox:  delivery.outbox,
		login: &login{
			leads: store.leads, sessions: store.sessions, hasher: hasher, log: log,
			limiter: store.guesses, policy: guesses,
		},
		log: log,
	})
	if err != nil {
		return nil, errors.Join(err, p.shutdown(context.WithoutCancel(ctx)))
	}
	return p, nil
}

// invite sends what nobody asks for: an invitation, and a link to whoever has to
// replace the password. Both have their own limits, and whoever was sent the second
// one under this name is not sent another, also not by another instance.
func (p *portal) invite(ctx context.Context) error {
	err := p.service.SendInvitation(ctx, recovery.InvitationRequest{LeadID: invitedLeadID})
	if errors.Is(err, recovery.ErrLeadNotFound) {
		err = nil // has accepted it before
	}
	_, bulkErr := p.service.SendToAll(ctx, recovery.BulkRequest{
		Name: "demo", Purpose: recovery.PurposeForcedReset,
		LeadIDs: func(yield func(string, error) bool) { yield(requiredLeadID, nil) },
	})
	return errors.Join(err, bulkErr)
}

// shutdown ends what newPortal began: first what still needs the storage.
func (p *portal) shutdown(ctx context.Context) error {
	return errors.Join(p.service.Shutdown(ctx), p.close(ctx))
}

// mount makes the handlers of the two vendors' APIs and of the own one for
// servers.
func (p *portal) mount(resetURL string, origins []string) (err error) {
	p.leadsquared, err = leadsquared.New(leadsquared.Options{Portals: []leadsquared.Portal{{
		ID:             lsqPortal,
		Service:        p.service,
		PublicAuthKeys: []string{lsqPublicAuthKey},
		RegisterTokens: []string{lsqRegisterToken},
		AccessKeys:     []leadsquared.AccessKey{{Key: lsqAccessKey, Secret: recovery.NewSecret(lsqSecretKey)}},
		AllowV1:        true,
		ResetURL:       resetURL,
		Origins:        origins,
	}}})
	if err != nil {
		return fmt.Errorf("leadsquared: %w", err)
	}
	p.loginradius, err = loginradius.New(loginradius.Options{Apps: []loginradius.App{{
		APIKey:    lrAPIKey,
		Secrets:   []recovery.Secret{recovery.NewSecret(lrAPISecret)},
		Service:   p.service,
		ResetURLs: []string{resetURL},
		EmailTemplates: []loginradius.Template{
			{Name: lrLinkTemplate, Kind: loginradius.TemplateLink},
			{Name: lrCodeTemplate, Kind: loginradius.TemplateCode},
		},
		SMSTemplates: []string{lrSMSTemplate},
		Origins:      origins,
		// Clients of the vendor may send the secret in the query.
		DangerouslyAllowQuerySecret: true,
	}}})
	if err != nil {
		return fmt.Errorf("loginradius: %w", err)
	}
	p.forgotToken, err = p.service.IssueTokenHandler(recovery.APIKey{ID: "demo", Secret: recovery.NewSecret(ownTokenKey)})
	return err
}

// ServeHTTP routes by prefix and not with an [http.ServeMux], which answers
// paths that it does not find clean with a redirect of its own. Clients of the
// vendors' APIs expect their JSON for whatever is wrong below their paths.
func (p *portal) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.route(r.URL.Path).ServeHTTP(w, r)
}

func (p *portal) route(at string) http.Handler {
	first, _, _ := strings.Cut(strings.TrimPrefix(at, "/"), "/")
	if strings.HasPrefix(at, "//identity/") {
		// So does an SDK of LoginRadius call whose base URL ends in a slash.
		return p.loginradius
	}
	switch foldASCII(first) {
	case "api":
		return p.leadsquared
	case "identity":
		return p.loginradius
	}
	switch first {
	case accountPath[1:], ".well-known":
		return p.recovery
	}
	switch at {
	case "/forgot-password", "/check-token", "/reset-password", "/not-me", "/check-invitation", "/accept-invitation", "/change-password":
		return p.api
	case "/forgot-token":
		// On the same listener only because this is a demo: where there is an
		// internal one, it belongs there.
		return p.forgotToken
	}
	if strings.HasPrefix(at, helpDeskPath) {
		return p.helpDesk
	}
	if path.Clean(at) != at {
		// No redirect here either: "//api/x" is no other name of "/api/x".
		return http.NotFoundHandler()
	}
	return p.pages
}

// relax raises every limit but that on callers, which is the vendors' 25 in
// 5 s and part of their APIs.
func relax(l *recovery.Limits) {
	for _, policy := range []*recovery.LimitPolicy{
		&l.ClientForgot, &l.ClientReset, &l.ClientCheck, &l.Identifier, &l.Lead, &l.Recipient, &l.Issue,
		&l.Device, &l.LeadDevices, &l.SecondFactor, &l.Change,
	} {
		relaxPolicy(policy)
	}
}

func relaxPolicy(t *recovery.LimitPolicy) {
	for i := range t.Limits {
		t.Limits[i].N *= 100
	}
}
