package recovery

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/seed-51359b35/recovery/internal/ascii"
)

// A Link describes the URL in a message.
type Link struct {
	// URL is the absolute https URL of the page that resets passwords, at most
	// 2,048 bytes together with Fixed. http is accepted for localhost and
	// loopback addresses. It may have a query, to which the parameters are
	// added. It must not have a fragment.
	//
	// For a page that reads its path, whole segments may be placeholders:
	// {token}, or {LeadId} and {TemporaryPassword}. They stand for what
	// TokenParam, or LeadIDParam and SecretParam, would carry. These are empty
	// then, and no parameter is added. A URL must not have any other braces.
	// What stands in a path reaches the access log of the page's server:
	// [HideTokens] hides parameters only.
	URL string
	// TokenParam is the query parameter that carries the lead ID and the
	// secret, sealed in one string. Default "token", if LeadIDParam is empty
	// too and URL has no placeholder.
	TokenParam string
	// LeadIDParam and SecretParam, if set, carry the lead ID and the secret in
	// two parameters instead. The secret is 64 lower-case hexadecimal digits.
	LeadIDParam, SecretParam string
	// Fixed are further parameters. They stand before the token.
	Fixed []LinkParam
}

// A LinkParam is a parameter of a [Link] that has always the same value.
type LinkParam struct{ Name, Value string }

// Validate returns an error that names the field and the mistake, or nil.
func (l Link) Validate() error {
	if err := checkURL(l.URL); err != nil {
		return fmt.Errorf("URL: %w", err)
	}
	if err := l.checkPlaceholders(); err != nil {
		return err
	}
	if (l.LeadIDParam == "") != (l.SecretParam == "") {
		return errors.New("LeadIDParam and SecretParam must be set together")
	}
	if l.LeadIDParam != "" && l.TokenParam != "" {
		return errors.New("TokenParam must not be set together with LeadIDParam and SecretParam")
	}
	seen := map[string]bool{}
	for _, name := range l.params() {
		if !ascii.IsName(name, 1, 64) {
			return fmt.Errorf("parameter name %.80q must be 1 to 64 characters of printable ASCII without spaces", name)
		}
		if seen[name] {
			return fmt.Errorf("parameter name %q is used twice", name)
		}
		seen[name] = true
	}
	if len(l.Fixed) > 0 && len(l.render(nil)) > maxURL {
		return errors.New("URL and Fixed together are longer than 2,048 bytes")
	}
	return nil
}

// maxURL is the longest URL, in bytes, without the token.
const maxURL = 2048

func (l Link) tokenParam() string {
	if l.TokenParam == "" {
		return "token"
	}
	return l.TokenParam
}

func (l Link) params() []string {
	var names []string
	switch {
	case l.inPath():
	case l.LeadIDParam != "":
		names = []string{l.LeadIDParam, l.SecretParam}
	default:
		names = []string{l.tokenParam()}
	}
	for _, p := range l.Fixed {
		names = append(names, p.Name)
	}
	return names
}

// The placeholders of [Link.URL].
const (
	tokenPlace  = "{token}"
	leadIDPlace = "{LeadId}"
	secretPlace = "{TemporaryPassword}"
)

// has reports whether the path of the URL has a placeholder.
func (l Link) has(place string) bool {
	path, _, _ := strings.Cut(l.URL, "?")
	return slices.Contains(strings.Split(path, "/"), place)
}

// inPath reports whether the path carries the token. A job of an older version,
// which knew no placeholders, may have any braces, and names too: there the
// parameters carry it.
func (l Link) inPath() bool {
	return l.TokenParam == "" && l.LeadIDParam == "" && (l.has(tokenPlace) || l.has(leadIDPlace) && l.has(secretPlace))
}

// isSplit reports whether the link carries the lead ID and the secret apart.
func (l Link) isSplit() bool {
	return l.LeadIDParam != "" || l.inPath() && l.has(leadIDPlace)
}

// checkPlaceholders refuses braces that would be mailed as they are.
func (l Link) checkPlaceholders() error {
	path, query, _ := strings.Cut(l.URL, "?")
	var found []string
	for segment := range strings.SplitSeq(path, "/") {
		switch {
		case segment == tokenPlace || segment == leadIDPlace || segment == secretPlace:
			found = append(found, segment)
		case hasBraces(segment):
			return errors.New("URL: must have no braces but {token}, or {LeadId} and {TemporaryPassword}, each as a whole segment of the path")
		}
	}
	slices.Sort(found)
	switch {
	case strings.ContainsAny(query, "{}"):
		return errors.New("URL: must have no braces in its query")
	case len(found) == 0:
		return nil
	case !slices.Equal(found, []string{tokenPlace}) && !slices.Equal(found, []string{leadIDPlace, secretPlace}):
		return errors.New("URL: must have the placeholder {token} once, or {LeadId} and {TemporaryPassword} once each")
	case cmp.Or(l.TokenParam, l.LeadIDParam, l.SecretParam) != "":
		return errors.New("TokenParam, LeadIDParam and SecretParam must be empty if URL has placeholders")
	}
	return nil
}

// hasBraces finds escaped braces too: they come from a tool that has escaped a
// placeholder.
func hasBraces(segment string) bool {
	upper := strings.ToUpper(segment)
	return strings.ContainsAny(segment, "{}") || strings.Contains(upper, "%7B") || strings.Contains(upper, "%7D")
}

// checkURL checks the URL to which a token will be added (A01, A02).
func checkURL(s string) error {
	if s == "" {
		return errors.New("is required: a link is never built from a request")
	}
	if len(s) > maxURL {
		return errors.New("is longer than 2,048 bytes")
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' || r == '"' || r == '<' || r == '>' }) {
		return errors.New("must be printable ASCII without space, backslash, quote or angle bracket")
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return errors.New("does not parse")
	case u.Opaque != "" || u.Hostname() == "":
		return errors.New("must be absolute")
	case u.User != nil:
		return errors.New("must not have user information")
	case u.Fragment != "" || strings.Contains(s, "#"):
		return errors.New("must not have a fragment")
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	}
	return errors.New("must be https (http only for localhost and loopback addresses)")
}

func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") { // RFC 6761, section 6.3
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// A linkPart is a part of a token: its placeholder, its parameter, its value. What
// is no part of a token has no placeholder.
type linkPart struct{ place, param, value string }

// carry returns the URL that carries parts of a token, in its path or in its
// query.
func (l Link) carry(parts ...linkPart) (string, error) {
	if !l.inPath() {
		params := make([]LinkParam, len(parts))
		for i, p := range parts {
			params[i] = LinkParam{p.param, p.value}
		}
		return l.render(params), nil
	}
	path, query, _ := strings.Cut(l.URL, "?")
	segments := strings.Split(path, "/")
	var params []LinkParam
	for _, p := range parts {
		if p.place == "" {
			params = append(params, LinkParam{p.param, p.value})
			continue
		}
		if p.value == "." || p.value == ".." {
			// Browsers drop these segments, also if they are escaped.
			return "", errors.New("recovery: the ID of the lead cannot be a segment of a link's path")
		}
		segments[slices.Index(segments, p.place)] = url.PathEscape(p.value)
	}
	l.URL = strings.Join(segments, "/") + "?" + query
	return l.render(params), nil
}

// render adds the fixed parameters and then params to the URL of the link. It
// removes parameters of the same names that the URL has already (A02).
func (l Link) render(params []LinkParam) string {
	base, query, _ := strings.Cut(l.URL, "?")
	params = slices.Concat(l.Fixed, params)
	var parts []string
	if query != "" {
		for part := range strings.SplitSeq(query, "&") {
			name, _, _ := strings.Cut(part, "=")
			if unescaped, err := url.QueryUnescape(name); err == nil {
				name = unescaped
			}
			if !slices.ContainsFunc(params, func(p LinkParam) bool { return p.Name == name }) {
				parts = append(parts, part)
			}
		}
	}
	for _, p := range params {
		parts = append(parts, url.QueryEscape(p.Name)+"="+url.QueryEscape(p.Value))
	}
	if len(parts) == 0 {
		return base
	}
	return base + "?" + strings.Join(parts, "&")
}

func (s *Service) link(l *Link) (Link, error) {
	if l == nil {
		return s.opts.Link, nil
	}
	if err := l.Validate(); err != nil {
		return Link{}, invalid("link", "is not one of the host's")
	}
	if err := l.leavesRoom(s.opts.ReturnTo); err != nil {
		return Link{}, invalid("link", err.Error())
	}
	return *l, nil
}

func (s *Service) linkURL(d *delivery) (string, error) {
	l, sealed := d.link, d.p.Sealed
	var parts []linkPart
	if l.isSplit() {
		parts = []linkPart{{leadIDPlace, l.LeadIDParam, d.lead.ID}, {secretPlace, l.SecretParam, d.p.Secret}}
	} else {
		if sealed == "" {
			var err error
			if sealed, err = s.keys.sealToken(d.token, d.lead.ID, d.p.Secret); err != nil {
				return "", err
			}
		}
		parts = []linkPart{{tokenPlace, l.tokenParam(), sealed}}
	}
	if d.p.ReturnTo != "" {
		// It stands last: if the end of a link is lost on its way, the token is not.
		place, err := s.keys.returns.Seal([]byte(d.p.ReturnTo))
		if err != nil {
			return "", err
		}
		parts = append(parts, linkPart{"", returnToParam, place})
	}
	return l.carry(parts...)
}
