package twiliosms

import (
	"bytes"
	"cmp"
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
	// maxAnswer is how many bytes of an answer are read. Twilio's answers have
	// about 1 KiB.
	maxAnswer = 64 << 10
	// maxValidity is the longest ValidityPeriod that every account accepts, in
	// seconds: 4 h. Some accounts accept 10 h. A text that waited for 4 h is
	// not worth sending.
	maxValidity = 14_400
)

// A Provider sends text messages through one Twilio account. It is safe for
// concurrent use.
type Provider struct {
	opts      Options
	transport http.RoundTripper
}

var _ smsnotifier.Provider = (*Provider)(nil)

// New returns a Provider. It reports every mistake in opts at once, each as a
// [*recovery.OptionError]. It does not call Twilio.
func New(opts Options) (*Provider, error) {
	opts.Timeout = cmp.Or(opts.Timeout, smsnotifier.DefaultTimeout)
	if err := opts.validate(); err != nil {
		return nil, err
	}
	p := &Provider{opts, opts.Transport}
	if p.transport == nil {
		p.transport = smsnotifier.NewTransport(opts.Timeout)
	}
	return p, nil
}

// Send implements [smsnotifier.Provider]. If Twilio refuses the message, the
// error is an [*Error]. If there is no answer from Twilio, it is another error,
// which is temporary.
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
		// It is rounded down: a code that comes too late is useless.
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
		// An answer that was cut off counts too: Twilio has the message, and
		// sending it again would cost more.
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

// newService returns Twilio's client for one request. Each request needs a
// client of its own, because the module has no parameter for a context. The
// fields are set here and not by the module's constructors, which read the
// environment.
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

// An exchange is one request and its answer. It does what the module does not:
// it ends the request with the context, limits the answer's length, closes the
// body also after an error, and keeps the status if the body cannot be read.
type exchange struct {
	ctx    context.Context
	next   http.RoundTripper
	status int
	err    error
}

// RoundTrip implements [http.RoundTripper].
func (e *exchange) RoundTrip(r *http.Request) (*http.Response, error) {
	// The request's own context carries the client's timeout. The end of either
	// context ends the request.
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
		body = nil // the status is enough
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// failure returns the error of an exchange without an answer.
func (e *exchange) failure() error {
	switch {
	case e.ctx.Err() != nil:
		return fmt.Errorf("twiliosms: %w", e.ctx.Err())
	case e.err != nil:
		return fmt.Errorf("twiliosms: no answer from Twilio: %w", smsnotifier.TransportCause(e.err))
	}
	return errors.New("twiliosms: the request could not be made")
}
