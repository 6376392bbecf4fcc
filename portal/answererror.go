package portal

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/password"
)

// errorAnswers are the parts of an answer to an error that differ from page to
// page.
type errorAnswers struct {
	// page is what the person sees again where another try may help.
	page *Data
	// invalidProof and invalidRequest answer an error with that code. Nil means
	// that the call cannot fail so: the answer is then 500.
	invalidProof, invalidRequest func()
}

// answerError answers an error of the Service. It is the only place that
// decides what a person sees of an error, and it says the same to everybody.
func (p *Handler) answerError(w http.ResponseWriter, r *http.Request, err error, on errorAnswers) {
	switch code := recovery.ErrorCodeOf(err); {
	case isBrandError(err):
		// The Service does not know the brand any more. That is no mistake of the
		// person, whose link works as soon as the brand is known again.
		p.fail(w, r, err)
	case code == recovery.ErrorCodeInvalidProof && on.invalidProof != nil:
		on.invalidProof()
	case code == recovery.ErrorCodeInvalidRequest && on.invalidRequest != nil:
		on.invalidRequest()
	case code == recovery.ErrorCodeCaptchaFailed:
		p.answerCaptcha(w, r, on.page)
	case code == recovery.ErrorCodePasswordPolicy:
		p.answerPolicy(w, r, err, on.page)
	case code == recovery.ErrorCodeRateLimited:
		p.answerRateLimit(w, r, err, on.page)
	case code == recovery.ErrorCodeUnavailable:
		p.log.DebugContext(r.Context(), "portal: unavailable", "error", err) // the Service has logged the cause
		seconds := recovery.RetryAfterSeconds(err)
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		if on.page.Patient != "" {
			p.answerPatient(w, on.page, seconds)
			return
		}
		p.renderRetry(w, r, on.page, http.StatusServiceUnavailable, "busy")
	case code == recovery.ErrorCodeOutcomeUnknown:
		p.logUnlessGone(r, "portal: the outcome of a reset is unknown", err)
		p.proofCookie.clear(w)
		p.problem(w, r, http.StatusInternalServerError, "unknown")
	case code == recovery.ErrorCodeStepUpRequired:
		p.answerStepUp(w, r, err)
	case code == recovery.ErrorCodeWrongPassword:
		on.page.fail("current", on.page.text("change-password.wrong"))
		p.render(w, r, http.StatusUnprocessableEntity, on.page)
	case code == recovery.ErrorCodeNotSignedIn:
		p.problem(w, r, http.StatusForbidden, "signed_out")
	default:
		p.fail(w, r, err)
	}
}

func isBrandError(err error) bool {
	request, ok := errors.AsType[*recovery.InvalidRequestError](err)
	return ok && request.Field == "brand"
}

// answerPatient answers a page whose script waits and then sends the form again.
// A browser stays on the page after a 204, with all that was typed, so nothing
// has to store the password meanwhile. The script cannot see the answer, and so
// a cookie tells it when to send: after the number by which it knows its form,
// in how many seconds.
func (p *Handler) answerPatient(w http.ResponseWriter, d *Data, seconds int) {
	http.SetCookie(w, &http.Cookie{
		Name: d.WaitCookie, Value: d.Patient + "." + strconv.Itoa(seconds), Path: "/", MaxAge: 60,
		Secure: p.proofCookie.secure, SameSite: http.SameSiteStrictMode,
	})
	w.WriteHeader(http.StatusNoContent)
}

// answerPolicy says why the password was refused. The link still works, so the
// person chooses another password in the same form.
func (p *Handler) answerPolicy(w http.ResponseWriter, r *http.Request, err error, d *Data) {
	if policy, ok := errors.AsType[*password.PolicyError](err); ok {
		for _, v := range policy.Violations {
			d.fail("password", refusal(d, v))
		}
	}
	p.render(w, r, http.StatusUnprocessableEntity, d)
}

// refusal says why a password is not accepted.
func refusal(d *Data, v password.Violation) string {
	switch v.Rule {
	case password.RuleTooShort:
		return d.text("refused.too_short", v.Min)
	case password.RuleTooLong:
		if v.Max == 0 {
			return d.text("refused.too_large")
		}
		return d.text("refused.too_long", v.Max)
	case password.RuleEncoding, password.RuleCommon, password.RuleContext,
		password.RuleIdentifier, password.RuleBreached, password.RuleReused:
		return d.text("refused." + string(v.Rule))
	}
	return d.text("refused.other")
}

func (p *Handler) answerRateLimit(w http.ResponseWriter, r *http.Request, err error, d *Data) {
	if limit, ok := errors.AsType[*recovery.RateLimitError](err); ok {
		seconds := limit.RetryAfterSeconds()
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		d.Wait = d.duration(time.Duration(seconds) * time.Second)
	}
	p.renderRetry(w, r, d, http.StatusTooManyRequests, "many")
}

// answerSecondFactor shows the form again to a person whose second factor is
// missing or wrong. The link still works.
func (p *Handler) answerSecondFactor(w http.ResponseWriter, r *http.Request, d *Data, factor string) {
	d.SecondFactor = true
	if factor == "" {
		d.failFactor("factor.empty") // the person has had to present one since the form was shown
	} else {
		d.failFactor("factor.wrong")
	}
	p.render(w, r, http.StatusUnprocessableEntity, d)
}

// failFactor says what is wrong with the second factor. No page repeats a password,
// so the person has to enter that again too. Its field comes first, and gets the
// focus.
func (d *Data) failFactor(key string) {
	if len(d.Errors) == 0 {
		d.fail("password", d.text("factor.again"))
	}
	d.fail("second-factor", d.text(key))
}

func (p *Handler) answerStepUp(w http.ResponseWriter, r *http.Request, err error) {
	d := p.page(r, "problem", "")
	d.Variant = "step_up"
	if stepUp, ok := errors.AsType[*recovery.StepUpError](err); ok {
		d.Detail = stepUp.Detail
		if p.opts.StepUpURL != nil {
			d.StepUpURL = p.opts.StepUpURL(r, stepUp)
		}
	}
	p.render(w, r, http.StatusForbidden, d)
}

// renderRetry shows the form again with an alert. Where d has no form, it shows
// the problem.
func (p *Handler) renderRetry(w http.ResponseWriter, r *http.Request, d *Data, status int, variant string) {
	switch {
	case d.Page == "problem":
		d.Variant = variant
		if r.Method == http.MethodGet {
			d.RetryURL = p.url(r, strings.TrimPrefix(r.URL.Path, p.base))
		}
	case variant == "many":
		d.Alert = d.text("many.text", d.Wait)
	default:
		d.Alert = d.text(variant + ".text")
	}
	p.render(w, r, status, d)
}

// fail answers 500. The error goes to the log alone.
func (p *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	p.logUnlessGone(r, "portal: failed", err)
	p.problem(w, r, http.StatusInternalServerError, "failed")
}

// logUnlessGone logs an error. It logs at level debug only where the client has
// hung up, because anybody can do that as often as they like.
func (p *Handler) logUnlessGone(r *http.Request, what string, err error) {
	if r.Context().Err() != nil {
		p.log.DebugContext(r.Context(), what, "error", err)
		return
	}
	p.outages.Failed(r.Context(), p.log, slog.LevelError, what, what, "error", err)
}

func (p *Handler) problem(w http.ResponseWriter, r *http.Request, status int, variant string) {
	d := p.page(r, "problem", "")
	d.Variant = variant
	p.render(w, r, status, d)
}

// refuseForeign answers what a page of another site sent (A70).
func (p *Handler) refuseForeign(w http.ResponseWriter, r *http.Request) {
	p.problem(w, r, http.StatusForbidden, "foreign")
}
