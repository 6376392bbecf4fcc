package recovery

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/seed-51359b35/recovery/internal/ascii"
	"github.com/seed-51359b35/recovery/internal/canonical"
)

// CaptchaOptions say who verifies that a person sends a request, and not a
// program. The limits hold without a CAPTCHA too.
type CaptchaOptions struct {
	_ [0]func()

	// Verify decides about each request for a link or code, wherever it comes in:
	// by the JSON API, the wires or the pages. It asks the provider of the CAPTCHA
	// whether the Fields are right. It returns nil to go on, and an error that
	// wraps [ErrCaptchaFailed] to refuse. Any other error, also that of a provider
	// who does not answer, refuses with [ErrUnavailable]: nothing is sent without a
	// CAPTCHA. Its ctx ends after StoreTimeout.
	//
	// Verify is called after the limits of the caller and of the client, so that
	// what these refuse costs no request to the provider. It is called before
	// anything is looked up or enqueued, so its answer cannot depend on whether a
	// lead exists. It is called by several goroutines at once. Default: no request
	// needs a CAPTCHA.
	//
	// [Service.IssueToken] does not call it: only servers that proved a secret ask
	// for tokens.
	Verify func(ctx context.Context, req CaptchaRequest) error
	// Fields are the names of what CAPTCHAs add to a request: 1 to 16 names of 1
	// to 64 characters of printable ASCII without spaces. Default, with Verify: those
	// of Turnstile, hCaptcha, reCAPTCHA and Tencent's, which are
	// cf-turnstile-response, h-captcha-response, g-recaptcha-response,
	// qq_captcha_ticket and qq_captcha_randstr.
	Fields []string
}

// A CaptchaRequest is what [CaptchaOptions].Verify decides about.
type CaptchaRequest struct {
	// Operation is what the request asks for.
	Operation CaptchaOperation
	// Requester is who asks. Providers want to know its Client. If its Server is
	// valid, one of the host's own servers asks for the person, and may have
	// verified a CAPTCHA itself. Its Caller names the API key, and is empty for
	// pages and the JSON API.
	Requester Requester
	// Fields holds those of [CaptchaOptions].Fields that the request has, as they
	// were sent. Anybody can send anything in them, of any length up to that of a
	// request, or none at all.
	Fields map[string]string
}

// A CaptchaOperation is what a request with a CAPTCHA asks for.
type CaptchaOperation string

// The operations that a CAPTCHA is verified for. There may be more in later
// versions: refuse what you do not know.
const (
	CaptchaForgotLink CaptchaOperation = "forgot_link"
	CaptchaForgotCode CaptchaOperation = "forgot_code"
)

// defaultCaptchaFields are the names that the widgets of providers use.
func defaultCaptchaFields() []string {
	return []string{"cf-turnstile-response", "h-captcha-response", "g-recaptcha-response", "qq_captcha_ticket", "qq_captcha_randstr"}
}

func (o CaptchaOptions) check(mistakes *OptionErrors) {
	if o.Verify == nil {
		if len(o.Fields) > 0 {
			mistakes.Add("Captcha.Verify", "is required with Captcha.Fields")
		}
		return
	}
	mistakes.CheckInt("Captcha.Fields", len(o.Fields), 1, 16)
	// The wires match names without case.
	taken := []string{"email", "username", "phone", "identifier", "recipientfield", "emailaddress", "searchkeydata", "returnto", "code", "handle"}
	for _, name := range o.Fields {
		folded := canonical.FoldASCII(name)
		switch {
		case !ascii.IsName(name, 1, 64):
			mistakes.Add("Captcha.Fields", "%.80q must be 1 to 64 characters of printable ASCII without spaces", name)
		case slices.Contains(taken, folded):
			mistakes.Add("Captcha.Fields", "%q is listed twice, or has another meaning in a request", name)
		}
		taken = append(taken, folded)
	}
}

// verifyCaptcha asks the host about a request for a link or code.
func (s *Service) verifyCaptcha(ctx context.Context, req ForgotRequest) error {
	verify := s.opts.Captcha.Verify
	if verify == nil {
		return nil
	}
	ask := CaptchaRequest{Operation: CaptchaForgotLink, Requester: req.Requester, Fields: maps.Clone(req.Captcha)}
	if req.Code {
		ask.Operation = CaptchaForgotCode
	}
	secrets := slices.Collect(maps.Values(req.Captcha))
	err := s.call(ctx, "Captcha.Verify", func(ctx context.Context) error {
		err := verify(ctx, ask)
		if errors.Is(err, ErrCaptchaFailed) {
			return ErrCaptchaFailed // strangers cause it, and nobody reads more of it
		}
		return scrub(err, secrets...)
	}, append(secrets, unknownSecrets)...)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrCaptchaFailed):
		return ErrCaptchaFailed
	}
	return unavailable("captcha", err)
}
