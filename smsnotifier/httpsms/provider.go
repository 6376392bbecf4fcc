package httpsms

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/safedial"
	"github.com/seed-51359b35/recovery/smsnotifier"
)

// maxAnswer is how many bytes of an answer's body are read and dropped.
const maxAnswer = 4 << 10

// Options configure a [Provider]. [New] copies what it needs.
type Options struct {
	_ [0]func()

	// URL is where the gateway is: absolute, https, at most 2,048 bytes,
	// without user information and fragment. Required.
	URL string
	// Secrets sign the requests. Each is "whsec_" and the base64 of 24 to 64
	// random bytes, as in Standard Webhooks. There is one secret, or up to
	// three during a rotation. Required.
	Secrets []recovery.Secret
	// Timeout is how long one request may take, its answer included, 100 ms to
	// 1 min. Default 10 s.
	Timeout time.Duration
	// RootCAs are the authorities that may have signed the gateway's
	// certificate. Default: the system's.
	RootCAs *x509.CertPool
	// DangerouslyAllowPrivateAddresses allows http in URL, and connections to
	// loopback, private and other addresses that are not public. Then whoever
	// controls the DNS name in URL can send a signed request into the host's
	// network (A93). Default false.
	DangerouslyAllowPrivateAddresses bool
}

// A Provider sends text messages to one gateway. It is safe for concurrent use.
type Provider struct {
	url     string
	signers []*standardwebhooks.Webhook
	client  *http.Client
}

var _ smsnotifier.Provider = (*Provider)(nil)

// New returns a Provider. It reports every mistake in opts at once, each as a
// [*recovery.OptionError]. It does not call the gateway.
func New(opts Options) (*Provider, error) {
	opts.Timeout = cmp.Or(opts.Timeout, safedial.DefaultTimeout)
	mistakes := recovery.OptionErrors{Package: "httpsms"}
	private := opts.DangerouslyAllowPrivateAddresses
	var target *url.URL
	var err error
	if opts.URL == "" {
		mistakes.Add("URL", "is required: where the gateway is")
	} else if target, err = safedial.CheckURL(opts.URL, private); err != nil {
		mistakes.Add("URL", "%v", err)
	}
	if len(opts.Secrets) == 0 || len(opts.Secrets) > 3 {
		mistakes.Add("Secrets", "has %d secrets, must have 1 to 3", len(opts.Secrets))
	}
	p := &Provider{}
	for i, secret := range opts.Secrets {
		signer, err := newSigner(secret)
		if err != nil {
			mistakes.Add("Secrets", "secret %d %v", i, err)
		}
		p.signers = append(p.signers, signer)
	}
	mistakes.CheckDuration("Timeout", opts.Timeout, 100*time.Millisecond, time.Minute)
	if err := mistakes.Err(); err != nil {
		return nil, err
	}
	p.url = target.String()
	p.client = safedial.Client(safedial.Options{AllowPrivate: private, Timeout: opts.Timeout, RootCAs: opts.RootCAs})
	return p, nil
}

// newSigner returns a signer for a secret. Its error never quotes the secret,
// as the library's error does.
func newSigner(secret recovery.Secret) (*standardwebhooks.Webhook, error) {
	encoded, ok := strings.CutPrefix(secret.Reveal(), "whsec_")
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || len(key) < 24 || len(key) > 64 {
		return nil, errors.New(`must be "whsec_" and the base64 of 24 to 64 bytes`)
	}
	return standardwebhooks.NewWebhookRaw(key)
}

// body is the JSON that the gateway gets.
type body struct {
	ID       string     `json:"id"`
	To       string     `json:"to"`
	Text     string     `json:"text"`
	Country  string     `json:"country"`
	Segments int        `json:"segments"`
	GSM7     bool       `json:"gsm7"`
	Expires  *time.Time `json:"expires,omitempty"`
}

// Send implements [smsnotifier.Provider]. If the gateway refuses the message,
// the error is a [*StatusError].
func (p *Provider) Send(ctx context.Context, t smsnotifier.Text) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	// The signature covers "id.timestamp.body". In it, an ID with a dot could
	// be read as another ID and time.
	if !isID(t.ID) {
		return fmt.Errorf("httpsms: %w: the message's ID must be 1 to 128 of a-z, A-Z, 0-9, '_' and '-'", recovery.ErrPermanent)
	}
	b := body{ID: t.ID, To: t.To, Text: t.Body.Reveal(), Country: t.Country, Segments: t.Segments, GSM7: t.GSM7}
	if !t.NotAfter.IsZero() {
		expires := t.NotAfter.UTC().Truncate(time.Second)
		b.Expires = &expires
	}
	payload, err := json.Marshal(b)
	if err != nil {
		// This happens only if the year of NotAfter is beyond 9999.
		return fmt.Errorf("httpsms: %w: the message cannot be written as JSON", recovery.ErrPermanent)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(payload))
	if err != nil {
		return errors.New("httpsms: the request could not be made")
	}
	if err := p.sign(req.Header, t.ID, payload); err != nil {
		return errors.New("httpsms: the request could not be signed")
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return noAnswerError(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer)
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return nil
	}
	return &StatusError{resp.StatusCode}
}

// sign sets the header fields of Standard Webhooks, with one signature for each
// secret.
func (p *Provider) sign(h http.Header, id string, payload []byte) error {
	now := time.Now()
	signatures := make([]string, len(p.signers))
	for i, signer := range p.signers {
		var err error
		if signatures[i], err = signer.Sign(id, now, payload); err != nil {
			return err
		}
	}
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", "recovery-httpsms")
	h.Set(standardwebhooks.HeaderWebhookID, id)
	h.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	h.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	return nil
}

func isID(s string) bool {
	return s != "" && len(s) <= 128 && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", r)
	})
}

// noAnswerError returns the error for a request without an answer. It drops the
// gateway's text and the URL, whose query may hold a key of the gateway.
func noAnswerError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("httpsms: %w", ctx.Err())
	}
	return fmt.Errorf("httpsms: no answer from the gateway: %w", safedial.Cause(err))
}

// A StatusError says that the gateway refused a message. It wraps
// [recovery.ErrPermanent] if no retry can succeed.
type StatusError struct {
	// Status is the HTTP status, never a 2xx.
	Status int
}

// Error names the status. It quotes neither the message nor the answer's body.
func (e *StatusError) Error() string {
	return fmt.Sprintf("httpsms: the gateway answered with status %d", e.Status)
}

// Unwrap returns [recovery.ErrPermanent] if no retry can succeed, or nil.
func (e *StatusError) Unwrap() error {
	if e.Status < 400 || e.Status > 499 {
		return nil
	}
	switch e.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusProxyAuthRequired,
		http.StatusRequestTimeout, http.StatusConflict, http.StatusMisdirectedRequest, http.StatusTooEarly,
		http.StatusTooManyRequests:
		return nil
	}
	return recovery.ErrPermanent
}
