package portal

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/i18n"
)

// The pages, below the path of [Options.BaseURL].
const (
	pathForgot    = "/forgot"
	pathSent      = "/sent"
	pathCode      = "/code"
	pathReset     = "/reset"
	pathDone      = "/done"
	pathNotMe     = "/not-me"
	pathNotMeDone = "/not-me-done"
)

// wellKnownChange is where password managers look ("A Well-Known URL for
// Changing Passwords", W3C).
const wellKnownChange = "/.well-known/change-password"

// A Portal serves the pages of one [recovery.Service]. It is immutable and safe
// for concurrent use.
type Handler struct {
	service     *recovery.Service
	settings    recovery.Settings // of the service
	opts        Options
	log         *slog.Logger
	base        string             // the path of BaseURL, without a slash at its end
	translators []*i18n.Translator // of Options.Languages
	matcher     i18n.Matcher
	templates   *templates
	assets      map[string]asset // by path
	logo        string           // its URL, or empty
	resetLink   recovery.Link
	notMeLink   recovery.Link

	digestKeys    [][]byte
	linkCookie    *sealedCookie // held, of a link that was not looked at yet
	proofCookie   *sealedCookie // held, found valid
	requestCookie *sealedCookie // request
	noticeCookie  *sealedCookie // notice
	outcomeCookie *sealedCookie // outcome
	handler       http.Handler
}

// New returns the pages of a Service. It parses every template and renders it
// in every language, so that a mistake shows when the program starts, and
// reports all mistakes at once, joined: each is a [*recovery.OptionError].
func New(service *recovery.Service, opts Options) (*Handler, error) {
	opts = opts.withDefaults(service)
	invalid := opts.validate(service)
	catalogues, wrongText := catalogues(opts.Text)
	templates, wrongTemplates := newTemplates(opts)
	voices, err := newTranslators(opts, catalogues)
	if err := errors.Join(invalid, wrongText, err, wrongTemplates); err != nil {
		return nil, err
	}
	base, err := url.Parse(opts.BaseURL)
	if err != nil {
		return nil, err
	}
	p := &Handler{
		service: service, settings: service.Settings(), log: opts.Logger, base: base.Path,
		matcher: i18n.NewMatcher(opts.Languages, opts.DefaultLanguage), translators: voices, templates: templates,
	}
	p.resetLink, p.notMeLink = p.settings.Link, p.settings.NotMe
	jars, digestKeys, err := newCookies(opts, base.Scheme == "https", "opened", "proof", "asked", "notice", "outcome")
	if err != nil {
		return nil, err
	}
	p.linkCookie, p.proofCookie, p.requestCookie, p.noticeCookie, p.outcomeCookie = jars[0], jars[1], jars[2], jars[3], jars[4]
	p.digestKeys = digestKeys
	p.addAssets(opts)
	// Forms of other sites are refused, on every path (A70). The origin is named
	// for a proxy that changes the Host.
	csrf := http.NewCrossOriginProtection()
	if err := csrf.AddTrustedOrigin(base.Scheme + "://" + base.Host); err != nil {
		return nil, err
	}
	csrf.SetDenyHandler(http.HandlerFunc(p.refuseForeign))
	p.handler = csrf.Handler(http.HandlerFunc(p.route))
	opts.Templates, opts.Text, opts.Logo, opts.Font, opts.Keys = nil, nil, nil, nil, nil // read
	p.opts = opts
	if err := p.renderSamples(); err != nil {
		return nil, err
	}
	if p.resetLink.URL != opts.BaseURL+pathReset {
		// Legal: a host may have a page of its own for that. More often it is a
		// mistake.
		p.log.Warn("portal: links do not lead to this portal", "link", p.resetLink.URL, "page", opts.BaseURL+pathReset)
	}
	return p, nil
}

// ServeHTTP serves the pages below the path of BaseURL, and
// /.well-known/change-password. Mount it at both, without [http.StripPrefix].
func (p *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if v := recover(); v != nil {
			if v == http.ErrAbortHandler {
				panic(v)
			}
			p.log.ErrorContext(r.Context(), "portal: panic", "panic", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
			p.problem(w, r, http.StatusInternalServerError, "failed")
		}
	}()
	p.harden(w)
	p.handler.ServeHTTP(w, r)
}

func (p *Handler) route(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == wellKnownChange {
		p.redirect(w, r, pathForgot)
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, p.base)
	if !ok {
		p.problem(w, r, http.StatusNotFound, "missing")
		return
	}
	if a, ok := p.assets[path]; ok {
		a.serve(w, r)
		return
	}
	var get, post http.HandlerFunc
	switch path {
	case "", "/":
		get = func(w http.ResponseWriter, r *http.Request) { p.redirect(w, r, pathForgot) }
	case pathForgot:
		get, post = p.showForgot, p.forgot
	case pathSent:
		get = p.showSent
	case pathCode:
		if p.opts.PhoneField != "" {
			get, post = p.showCode, p.code
		}
	case pathReset:
		get, post = p.showReset, p.reset
	case pathDone:
		get = p.showDone
	case pathNotMe:
		get, post = p.showNotMe, p.notMe
	case pathNotMeDone:
		get = p.showNotMeDone
	}
	switch {
	case get == nil:
		p.problem(w, r, http.StatusNotFound, "missing")
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		get(w, r)
	case r.Method == http.MethodPost && post != nil:
		post(w, r)
	default:
		allow := "GET, HEAD"
		if post != nil {
			allow += ", POST"
		}
		w.Header().Set("Allow", allow)
		p.problem(w, r, http.StatusMethodNotAllowed, "invalid")
	}
}

// harden sets what every answer has. A page's Content-Security-Policy has its
// nonce as well.
func (p *Handler) harden(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Opener-Policy", "same-origin") // A73
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "accelerometer=(), camera=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), payment=(), usb=()")
	h.Set("Referrer-Policy", "no-referrer") // A03
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY") // A71, for what does not know frame-ancestors
	h.Set("X-Robots-Tag", "noindex, nofollow")
}

// csp is the policy of pages: nothing but what carries the nonce, and our own
// assets (A72).
func (p *Handler) csp(nonce string) string {
	policy := "default-src 'none'; style-src 'nonce-" + nonce + "'; script-src 'nonce-" + nonce + "'; "
	if p.logo != "" {
		policy += "img-src 'self'; "
	}
	if _, ok := p.assets["/font.woff2"]; ok {
		policy += "font-src 'self'; "
	}
	return policy + "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
}

func newNonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// redirect answers 303 with one of the pages.
func (p *Handler) redirect(w http.ResponseWriter, r *http.Request, path string) {
	w.Header().Set("Location", p.url(r, path))
	w.WriteHeader(http.StatusSeeOther)
}

// url is the path of a page, in the language that the person chose, if any.
func (p *Handler) url(r *http.Request, path string) string {
	path, fragment, _ := strings.Cut(path, "?")
	q := url.Values{}
	if v, err := url.ParseQuery(fragment); err == nil {
		q = v
	}
	if l := p.chosenLanguage(r); l != "" {
		q.Set("lang", l)
	}
	if len(q) > 0 {
		return p.base + path + "?" + q.Encode()
	}
	return p.base + path
}

// chosen is the language that the URL asks for, or empty.
func (p *Handler) chosenLanguage(r *http.Request) string {
	want := r.URL.Query()["lang"]
	for _, v := range p.translators {
		if len(want) == 1 && v.File == want[0] {
			return v.File
		}
	}
	return ""
}

// voice is the language of a page: the one that the person chose on it, then
// that of the lead, then what the browser asks for.
func (p *Handler) translator(r *http.Request, locale string) *i18n.Translator {
	if l := p.chosenLanguage(r); l != "" {
		locale = l
	}
	return p.translators[p.matcher.Match(locale, r.Header.Get("Accept-Language"))]
}

// origin is that of the request, in the language that the person chose.
func (p *Handler) requester(r *http.Request) recovery.Requester {
	o := p.service.Requester(r)
	if l := p.chosenLanguage(r); l != "" {
		o.AcceptLanguage = l
	}
	return o
}

// An asset is a file that pages load.
type asset struct {
	mediaType string
	body      []byte
	tag       string
}

// fingerprint is another for another file, so that a new one is loaded at once.
func fingerprint(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:8])
}

func (p *Handler) addAssets(opts Options) {
	p.assets = map[string]asset{}
	add := func(path, mediaType string, body []byte) {
		p.assets[path] = asset{mediaType, append([]byte(nil), body...), `"` + fingerprint(body) + `"`}
	}
	if t, _ := sniffImage(opts.Logo); t != "" {
		add("/logo", t, opts.Logo)
		p.logo = p.base + "/logo?" + strings.Trim(p.assets["/logo"].tag, `"`)
	}
	if len(opts.Font) > 0 {
		add("/font.woff2", "font/woff2", opts.Font)
	}
}

// serve answers with the asset. An SVG may hold scripts; the policy of every
// answer here lets none of them run, and the sandbox takes the origin away.
func (a asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox")
	h.Set("Cache-Control", "public, max-age=86400")
	h.Set("ETag", a.tag)
	h.Set("Content-Type", a.mediaType)
	if r.Header.Get("If-None-Match") == a.tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.body)
	}
}
