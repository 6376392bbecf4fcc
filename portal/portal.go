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
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/httpapi"
	"github.com/seed-51359b35/recovery/internal/i18n"
	"github.com/seed-51359b35/recovery/internal/outage"
	"github.com/seed-51359b35/recovery/internal/seal"
)

// The paths of the pages, below the path of [Options.BaseURL].
const (
	pathForgot    = "/forgot"
	pathSent      = "/sent"
	pathCode      = "/code"
	pathReset     = "/reset"
	pathInvited   = "/invitation"
	pathDone      = "/done"
	pathNotMe     = "/not-me"
	pathNotMeDone = "/not-me-done"
	pathChange    = "/change-password"
)

// wellKnownChange is the path where password managers look for the page to
// change a password ("A Well-Known URL for Changing Passwords", W3C).
const wellKnownChange = "/.well-known/change-password"

// A Handler serves the pages of one [recovery.Service], for one brand or for many.
// It is safe for concurrent use.
type Handler struct {
	*shared
	brands *brands // of the Handler that New returns, if there are any

	// What follows is of one brand.
	brand       string // its name, or empty
	opts        Options
	base        string             // the path of BaseURL, without a slash at its end
	translators []*i18n.Translator // in the order of Options.Languages
	matcher     i18n.Matcher
	head        string           // what its stylesheet begins with
	assets      map[string]asset // by path
	logo        string           // the URL of the logo, or empty
	// The links of messages, as the Service makes them. That of invitations is zero
	// if there are none.
	resetLink, notMeLink, invitationLink recovery.Link

	linkCookie    *sealedCookie // a storedProof from a link, not checked yet
	proofCookie   *sealedCookie // a storedProof that was found valid
	requestCookie *sealedCookie // a lastRequest
	noticeCookie  *sealedCookie // a notice
	outcomeCookie *sealedCookie // an outcome
	waitCookie    string        // the name of the one cookie that is not sealed: see answerPatient
	handler       http.Handler
}

// New returns the pages of a Service. It reports all mistakes at once, joined. Each
// is a [*recovery.OptionError]. Templates of the host are rendered in every language,
// so that a mistake in them shows when the program starts.
func New(service *recovery.Service, opts Options) (*Handler, error) {
	opts = opts.withDefaults(service)
	mistakes := recovery.OptionErrors{Package: "portal"}
	opts.validate(&mistakes, service)
	s, err := newShared(&mistakes, service, opts)
	if err := errors.Join(mistakes.Err(), err); err != nil {
		return nil, err
	}
	own := s.common
	own.Logo = opts.Logo
	p, err := s.newHandler("", own, s.translators)
	if err != nil {
		return nil, err
	}
	mistakes.Join(p.addPages())
	p.addBrands(&mistakes, opts.Brands)
	if opts.Templates != nil {
		p.checkTemplates(&mistakes)
	}
	p.checkWidget(&mistakes)
	if err := mistakes.Err(); err != nil {
		return nil, err
	}
	if len(p.settings.CaptchaFields) > 0 && opts.Captcha.Widget == "" {
		p.log.Warn("portal: the Service has a CAPTCHA verified, and the page forgot has none: set option Captcha, unless Verify lets these pages through")
	}
	if link := p.invitationLink.URL; link != "" && link != opts.BaseURL+pathInvited {
		p.log.Warn("portal: invitations do not lead to this portal", "link", link, "page", opts.BaseURL+pathInvited)
	}
	if p.resetLink.URL != opts.BaseURL+pathReset {
		// This is no error, because a host may have its own page for the link.
		// More often it is a mistake.
		p.log.Warn("portal: links do not lead to this portal", "link", p.resetLink.URL, "page", opts.BaseURL+pathReset)
	}
	return p, nil
}

// shared is what the brands of a Handler share. It is most of it: a brand adds no
// more than what differs.
type shared struct {
	service     *recovery.Service
	log         *slog.Logger
	outages     *outage.Log
	settings    recovery.Settings
	common      Options            // what a brand does not set is as here
	translators []*i18n.Translator // of all languages, with the texts of common
	matcher     i18n.Matcher       // among the languages of common
	templates   *templates
	font        asset        // of common, or zero
	sealer      *seal.Sealer // for the cookies, under another name for each
	digestKeys  [][]byte
	hints       httpapi.Hints

	toldOfReturnTo, toldOfHost atomic.Bool
}

// newShared adds to mistakes what is wrong with texts and templates.
func newShared(mistakes *recovery.OptionErrors, service *recovery.Service, opts Options) (*shared, error) {
	translators, err := builtinTranslators()
	if err != nil {
		return nil, err
	}
	s := &shared{
		service: service, log: opts.Logger, outages: outage.New("portal: works again"),
		translators: withTexts(mistakes, translators, opts.Text),
		matcher:     i18n.NewMatcher(opts.Languages, opts.DefaultLanguage),
		hints:       httpapi.Hints{Package: "portal", Option: "BaseURL"},
	}
	if service != nil {
		s.settings = service.Settings()
	}
	if s.templates, err = newTemplates(mistakes, opts.Templates); err != nil {
		return nil, err
	}
	if len(opts.Font) > 0 {
		s.font = newAsset("font/woff2", opts.Font)
	}
	if s.sealer, s.digestKeys, err = newSealer(opts); err != nil {
		return nil, err
	}
	// Nothing reads these again.
	opts.Templates, opts.Text, opts.Logo, opts.Font, opts.Keys = nil, nil, nil, nil, nil
	s.common = opts
	return s, nil
}

// newHandler returns the pages of one brand. Its options are valid, and have what it
// does not share. The translators are those of all languages.
func (s *shared) newHandler(name string, opts Options, translators []*i18n.Translator) (*Handler, error) {
	base, err := url.Parse(opts.BaseURL)
	if err != nil {
		return nil, err
	}
	p := &Handler{
		shared: s, brand: name, base: base.Path,
		matcher: s.matcher, translators: choose(translators, opts.Languages),
	}
	if opts.DefaultLanguage != s.common.DefaultLanguage || !slices.Equal(opts.Languages, s.common.Languages) {
		p.matcher = i18n.NewMatcher(opts.Languages, opts.DefaultLanguage)
	}
	p.resetLink, p.notMeLink, p.invitationLink = s.settings.Link, s.settings.NotMe, s.settings.Invitations.Link
	p.nameCookies(base.Scheme == "https")
	p.addAssets(opts)
	opts.Logo, opts.Font = nil, nil // nothing reads these again
	p.opts = opts
	// Forms of other sites are refused on every path (A70). The origin is set
	// explicitly because a proxy may change the Host.
	csrf := http.NewCrossOriginProtection()
	if err := csrf.AddTrustedOrigin(base.Scheme + "://" + base.Host); err != nil {
		return nil, err
	}
	csrf.SetDenyHandler(http.HandlerFunc(p.refuseForeign))
	p.handler = csrf.Handler(http.HandlerFunc(p.route))
	return p, nil
}

// addPages tells the Service which pages read links.
func (p *Handler) addPages() error {
	mistakes := recovery.OptionErrors{Package: "portal"}
	paths := []string{pathReset, pathNotMe}
	if p.invitationLink.URL != "" {
		paths = append(paths, pathInvited)
	}
	for _, path := range paths {
		if err := p.service.AddPage(p.opts.BaseURL + path); err != nil {
			mistakes.Add("BaseURL", "%v", err)
		}
	}
	return mistakes.Err()
}

// ServeHTTP serves the pages below the path of each BaseURL, and
// /.well-known/change-password. Mount it at all of them. The pages are found with or
// without [http.StripPrefix], and behind a proxy that takes the path or the first
// part of it off.
func (p *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	setSecurityHeaders(w)
	r = httpapi.ShowSecrets(r)
	if p.brands != nil {
		if p = p.brands.of(w, r); p == nil {
			return
		}
	}
	p.serve(w, r)
}

// serve serves the pages of one brand.
func (p *Handler) serve(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if v := recover(); v != nil {
			if v == http.ErrAbortHandler {
				panic(v)
			}
			p.log.ErrorContext(r.Context(), "portal: panic", "panic", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
			p.problem(w, r, http.StatusInternalServerError, "failed")
		}
	}()
	p.handler.ServeHTTP(w, p.below(r))
}

// Mount mounts the pages in a mux, at the path of BaseURL and of each brand that
// Options.Brands lists, and at /.well-known/change-password. The mux is a
// [*http.ServeMux], or a router with its method. It gets no host names: the pages
// look at the host of a request themselves.
func (p *Handler) Mount(mux interface {
	Handle(pattern string, handler http.Handler)
}) {
	paths := []string{p.base}
	if p.brands != nil {
		paths = p.brands.paths()
	}
	for _, path := range paths {
		mux.Handle(path+"/", p)
	}
	mux.Handle(wellKnownChange, p)
}

// below returns the request with the path that BaseURL gives to its page,
// whatever a proxy or a router has taken off.
func (p *Handler) below(r *http.Request) *http.Request {
	mount := httpapi.Mount(p.base)
	path, ok := mount.Find(r.URL.Path, p.isPage)
	if !ok {
		// The first page has no name. It is looked for last, because the path of
		// BaseURL may end like that of a page.
		path, ok = mount.Find(r.URL.Path, func(path string) bool { return path == "" || path == "/" })
	}
	if trimmed, slash := strings.CutSuffix(r.URL.Path, "/"); !ok && slash {
		// Some programs write "/reset/?token=..." for "/reset?token=...".
		path, ok = mount.Find(trimmed, p.isPage)
	}
	if !ok {
		return r
	}
	requested, _, _ := strings.Cut(r.RequestURI, "?")
	if at, page, found := httpapi.Elsewhere(requested, p.isPage); found && page == path && !strings.HasSuffix(p.base, at) {
		p.hints.Rewritten(r.Context(), p.log, requested, p.opts.BaseURL+page)
	}
	if path = p.base + path; path == r.URL.Path {
		return r
	}
	moved, u := *r, *r.URL
	u.Path, u.RawPath = path, ""
	moved.URL = &u
	return &moved
}

// isPage reports whether path, without that of BaseURL, is one of a page or file.
func (p *Handler) isPage(path string) bool {
	switch path {
	case pathForgot, pathSent, pathCode, pathReset, pathDone, pathNotMe, pathNotMeDone:
		return true
	case pathInvited:
		return p.invitationLink.URL != ""
	case pathChange:
		return p.settings.Change
	}
	_, ok := p.assets[path]
	return ok
}

// missing answers 404. If the path is that of a page below another path, it says
// where the pages are, to whoever tries a new program.
func (p *Handler) missing(w http.ResponseWriter, r *http.Request) {
	d := p.page(r, "problem", "")
	d.Variant = "missing"
	if at, page, ok := httpapi.Elsewhere(r.URL.Path, p.isPage); ok {
		p.hints.Mount(r.Context(), p.log, r.URL.Path, httpapi.Mount(p.base), at, page)
		d.Detail = "The page is not at " + r.URL.Path + ". BaseURL says " + p.opts.BaseURL + page + "."
	}
	p.render(w, r, http.StatusNotFound, d)
}

func (p *Handler) route(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == wellKnownChange {
		p.redirect(w, r, p.wellKnown(r))
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, p.base)
	if !ok {
		p.missing(w, r)
		return
	}
	if a, ok := p.assets[path]; ok {
		a.serve(w, r)
		return
	}
	var get, post http.HandlerFunc
	switch path {
	case "", "/":
		get = func(w http.ResponseWriter, r *http.Request) {
			p.redirect(w, r, withReturnTo(pathForgot, p.returnTo(r)))
		}
	case pathForgot:
		get, post = p.showForgot, p.forgot
	case pathSent:
		get = p.showSent
	case pathCode:
		if p.opts.PhoneField != "" || p.mailsCodes() || p.opts.ReadOutCodes {
			get, post = p.showCode, p.code
		}
	case pathReset:
		get, post = p.showReset, p.reset
	case pathInvited:
		if p.invitationLink.URL != "" {
			get = p.showInvitation
		}
	case pathDone:
		get = p.showDone
	case pathNotMe:
		get, post = p.showNotMe, p.notMe
	case pathNotMeDone:
		get = p.showNotMeDone
	case pathChange:
		if p.settings.Change {
			get, post = p.showChange, p.change
		}
	}
	switch {
	case get == nil:
		p.missing(w, r)
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

// setSecurityHeaders sets the headers that every answer has. A page replaces
// the Content-Security-Policy by one with its nonce, and the Referrer-Policy where
// its URL holds no token.
func setSecurityHeaders(w http.ResponseWriter) {
	h := w.Header()
	// Some CDNs rewrite an address on a page to "[email protected]".
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Opener-Policy", "same-origin") // A73
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "accelerometer=(), camera=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), payment=(), usb=()")
	h.Set("Referrer-Policy", "no-referrer") // A03
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY") // A71, for browsers without frame-ancestors
	h.Set("X-Robots-Tag", "noindex, nofollow")
}

// pagePolicy is the Content-Security-Policy of a page. It allows only styles
// and scripts that carry the nonce, and the portal's own assets (A72).
func (p *Handler) pagePolicy(d *Data) string {
	if d.Captcha != "" {
		return p.captchaPolicy(d.Nonce)
	}
	policy := "default-src 'none'; style-src 'nonce-" + d.Nonce + "'; script-src 'nonce-" + d.Nonce + "'; "
	if p.logo != "" {
		policy += "img-src 'self'; "
	}
	if _, ok := p.assets["/font.woff2"]; ok {
		policy += "font-src 'self'; "
	}
	return policy + "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
}

// captchaPolicy is that of the page with a CAPTCHA. It also allows what comes from
// the provider, which shows a frame and asks its servers. The provider's scripts
// set styles of elements, and know nothing of trusted types.
func (p *Handler) captchaPolicy(nonce string) string {
	sources := strings.Join(p.opts.Captcha.sources(), " ")
	return "default-src 'none'; style-src 'nonce-" + nonce + "' " + sources + "; style-src-attr 'unsafe-inline'; script-src 'nonce-" + nonce + "' " + sources +
		"; frame-src " + sources + "; connect-src " + sources + "; img-src 'self' data: " + sources +
		"; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
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

// url returns the path of a page. It asks for the language that the person
// chose on the page of the request, if any.
func (p *Handler) url(r *http.Request, path string) string {
	path, query, _ := strings.Cut(path, "?")
	q := url.Values{}
	if v, err := url.ParseQuery(query); err == nil {
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

// chosenLanguage returns the language that the URL asks for, or empty.
func (p *Handler) chosenLanguage(r *http.Request) string {
	want := r.URL.Query()["lang"]
	for _, v := range p.translators {
		if len(want) == 1 && v.File == want[0] {
			return v.File
		}
	}
	return ""
}

// translator returns the translator for a page. The language that the person
// chose on the page comes first, then the lead's, then those that the browser
// asks for.
func (p *Handler) translator(r *http.Request, locale string) *i18n.Translator {
	if l := p.chosenLanguage(r); l != "" {
		locale = l
	}
	return p.translators[p.matcher.Match(locale, r.Header.Get("Accept-Language"))]
}

// requester returns who sent the request, with the language that the person
// chose.
func (p *Handler) requester(r *http.Request) recovery.Requester {
	from := p.service.Requester(r)
	if l := p.chosenLanguage(r); l != "" {
		from.AcceptLanguage = l
	}
	return from
}

// An asset is a file that pages load.
type asset struct {
	mediaType string
	body      []byte
	tag       string
}

// fingerprint returns a text that differs for every file. It stands in the URL,
// so that a browser loads a new file at once.
func fingerprint(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:8])
}

func newAsset(mediaType string, body []byte) asset {
	return asset{mediaType, slices.Clone(body), `"` + fingerprint(body) + `"`}
}

// addAssets adds the files of a brand, and what its stylesheet begins with. The font
// is that of all brands, unless it has its own.
func (p *Handler) addAssets(opts Options) {
	p.assets = map[string]asset{}
	add := func(path string, a asset) (url string) {
		p.assets[path] = a
		return p.base + path + "?" + strings.Trim(a.tag, `"`)
	}
	if t, _ := sniffImage(opts.Logo); t != "" {
		p.logo = add("/logo", newAsset(t, opts.Logo))
	}
	fontURL := ""
	if len(opts.Font) > 0 {
		fontURL = add("/font.woff2", newAsset("font/woff2", opts.Font))
	} else if p.font.body != nil {
		fontURL = add("/font.woff2", p.font)
	}
	p.head = style(opts.Color, fontURL)
}

// serve answers with the asset. An SVG may hold scripts. This policy lets none
// of them run, and its sandbox gives the file an origin of its own.
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
