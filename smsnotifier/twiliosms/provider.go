package twiliosms

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/smsnotifier"
)

const (
	// maxAnswer is how much of an answer is read. Twilio's has 1 KiB.
	maxAnswer = 64 << 10
	// maxValidity is the longest ValidityPeriod that every account takes, 4 h;
	// some take 10 h. A text that waited that long is not worth sending.
	maxValidity = 14_400
)

// A Provider sends through one Twilio account. It is safe for concurrent use.
type Provider struct {
	opts      Options
	transport http.RoundTripper
}

var _ smsnotifier.Provider = (*Provider)(nil)

// New returns a Provider. It reports every mistake at once, joined, each a
// [*recovery.OptionError], and does not call Twilio.
func New(opts Options) (*Provider, error) {
	if err := opts.validate(); err != nil {
		return nil, err
	}
	if opts.Timeout == 0 {
		opts.Timeout = smsnotifier.DefaultTimeout
	}
	p := &Provider{opts, opts.Transport}
	if p.transport == nil {
		p.transport = smsnotifier.NewTransport(opts.Timeout)
	}
	return p, nil
}

// Send implements [smsnotifier.Provider]. A refusal by Twilio is an [*Error];
// what kept the request from reaching it, or the answer from coming back, is
// another error that may pass.
func (p *Provider) Send(ctx context.Context, t smsnotifier.Text) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	params := (&api.CreateMessageParams{}).SetTo(t.To).SetBody(t.Body.Reveal()).SetSmartEncoded(false)
	if p.opts.MessagingServiceSID != "" {
		params.SetMessagingServiceSid(p.opts.MessagingServiceSID)
	} else {
		params.SetFrom(p.opts.From)
	}
	if !t.NotAfter.IsZero() {
		// Rounded down: a late code is no use, and an early end costs nothing.
		left := int(time.Until(t.NotAfter) / time.Second)
		if left < 1 {
			return fmt.Errorf("twiliosms: %w: the code or link has expired", recovery.ErrPermanent)
		}
		params.SetValidityPeriod(min(left, maxValidity))
	}
	exchange := &exchange{ctx: ctx, next: p.transport}
	message, err := p.newService(exchange).CreateMessage(params)
	switch {
	case exchange.status == 0:
		return exchange.failure()
	case exchange.status >= 200 && exchange.status < 300:
		// Also if the answer was cut short: Twilio has the message, and to
		// send it again would only cost more.
		if err == nil && message.ErrorCode != nil && *message.ErrorCode != 0 {
			return newError(exchange.status, *message.ErrorCode)
		}
		return nil
	}
	code := 0
	if e, ok := errors.AsType[*client.TwilioRestError](err); ok {
		code = e.Code
	}
	return newError(exchange.status, code)
}

// service is Twilio's client for one request. It is made anew because the
// module has no parameter for a context. Its fields are set here and not by its
// constructors, which read the environment.
func (p *Provider) newService(transport http.RoundTripper) *api.ApiService {
	username, password := p.opts.APIKeySID, p.opts.APIKeySecret
	if username == "" {
		username, password = p.opts.AccountSID, p.opts.AuthToken
	}
	c := &client.Client{
		Credentials: client.NewCredentials(username, password.Reveal()),
		HTTPClient: &http.Client{
			Transport:     transport,
			Timeout:       p.opts.Timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	c.SetAccountSid(p.opts.AccountSID)
	return api.NewApiService(&client.RequestHandler{Client: c, Region: p.opts.Region, Edge: p.opts.Edge})
}

// An exchange is one request and its answer. It brings in the context, bounds
// the answer, closes its body, which the module does not in case of an error,
// and keeps the status, which the module does not if it cannot read the body.
type exchange struct {
	ctx    context.Context
	next   http.RoundTripper
	status int
	err    error
}

// RoundTrip implements [http.RoundTripper].
func (e *exchange) RoundTrip(r *http.Request) (*http.Response, error) {
	// The request's own context is the client's timeout; both end it.
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(e.ctx, cancel)()
	resp, err := e.next.RoundTrip(r.WithContext(ctx))
	if err != nil {
		e.err = err
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	e.status = resp.StatusCode
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		body = nil // the status has said what matters
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// failure is an exchange without an answer.
func (e *exchange) failure() error {
	switch {
	case e.ctx.Err() != nil:
		return fmt.Errorf("twiliosms: %w", e.ctx.Err())
	case e.err != nil:
		return fmt.Errorf("twiliosms: no answer from Twilio: %w", smsnotifier.TransportCause(e.err))
	}
	return errors.New("twiliosms: the request could not be made")
}
