package recovery

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/seed-51359b35/recovery/internal/httpapi"
)

// returnToParam is the parameter of a mailed link that carries the place where
// the person came from.
const returnToParam = "return_to"

// maxReturnTo is the longest place, in bytes.
const maxReturnTo = 512

// CheckReturnTo returns the absolute URL of a place that [ForgotRequest].ReturnTo
// may name, or an [*InvalidRequestError]. It is for pages that keep a place
// themselves, such as a page that takes a code: they check it again before they
// show it. The person follows it by a click, and never a redirect (A02).
func (s *Service) CheckReturnTo(place string) (string, error) {
	return s.checkReturnTo(place, originOf(s.opts.Link.URL))
}

// checkReturnTo is CheckReturnTo for paths at an origin.
func (s *Service) checkReturnTo(place, origin string) (string, error) {
	if len(s.opts.ReturnTo) == 0 {
		return "", invalid("returnTo", "is not taken here, because option ReturnTo lists no place")
	}
	if strings.HasPrefix(place, "/") {
		// An origin has no path, so whatever follows it cannot become a host.
		place = origin + place
	}
	if reason := checkPlace(place); reason != "" {
		return "", invalid("returnTo", reason)
	}
	for _, allowed := range s.opts.ReturnTo {
		// Bytes are compared, and not what a parser made of them. So no parser
		// can see another host here than the browser does.
		rest, ok := strings.CutPrefix(place, allowed)
		if ok && (rest == "" || rest[0] == '/' || rest[0] == '?') {
			return place, nil
		}
	}
	return "", invalid("returnTo", "is none of the places of option ReturnTo, nor below one of them")
}

// OpenReturnTo returns the absolute URL of the place that the parameter
// "return_to" of a mailed link holds. It returns the empty text if there is none,
// if the value was not sealed by this Service or is too old, and if [Options].ReturnTo
// does not list the place any more. Ask after the proof was found valid, and offer
// the place as a link: a page that leads there by itself is what phishing needs.
func (s *Service) OpenReturnTo(sealed string) string {
	b, _, err := s.keys.returns.Open(sealed)
	if err != nil {
		return ""
	}
	place, err := s.CheckReturnTo(string(b))
	if err != nil {
		return ""
	}
	return place
}

// checkPlace returns what is wrong with the spelling of a place, or the empty
// text. A place has one spelling: a browser, a proxy and the host's router must
// not read two different ones.
func checkPlace(place string) (reason string) {
	if len(place) > maxReturnTo {
		return "is longer than 512 bytes"
	}
	// Browsers drop some of these characters and read '\' as '/'.
	if strings.ContainsFunc(place, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"#<>\\^`{|}", r) }) {
		return "must be a URL in printable ASCII, without a fragment"
	}
	decoded, err := url.PathUnescape(place)
	if err != nil || !utf8.ValidString(decoded) || strings.ContainsFunc(decoded, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "must have no escaped control characters, and no escapes that are malformed"
	}
	_, path, _ := strings.Cut(place, "://")
	path, _, _ = strings.Cut(path, "?")
	_, path, _ = strings.Cut(path, "/")
	for path != "" {
		var segment string
		segment, path, _ = strings.Cut(path, "/")
		if !isPlainSegment(segment) {
			return "must have a path without empty segments, segments of dots, and escaped slashes, backslashes and percent signs"
		}
	}
	return ""
}

// isPlainSegment reports whether every server takes a segment of a path for that
// one segment. Some decode escapes before they look for dot segments, or do so
// twice. Some leave out what follows a ';', and some leave out dots and spaces at
// the end of a name.
func isPlainSegment(segment string) bool {
	decoded, err := url.PathUnescape(segment)
	name, _, _ := strings.Cut(decoded, ";")
	return err == nil && strings.Trim(name, ". ") != "" && !strings.ContainsAny(decoded, `/\%`)
}

// checkAllowedPlace checks an entry of [Options].ReturnTo.
func checkAllowedPlace(allowed string) error {
	scheme, rest, ok := strings.Cut(allowed, "://")
	if !ok || scheme != "https" && scheme != "http" {
		return errors.New("must begin with https://, as an origin does, or with http:// for a loopback host")
	}
	host, path, hasPath := strings.Cut(rest, "/")
	if _, err := httpapi.NewCORS([]string{scheme + "://" + host}); err != nil {
		return err
	}
	if hasPath {
		path = "/" + path
	}
	if err := httpapi.CheckMount(path); err != nil {
		return fmt.Errorf("the path %w", err)
	}
	if reason := checkPlace(allowed); reason != "" {
		return errors.New(reason)
	}
	return nil
}

// checkReturnTo checks the option, and that links have room for the parameter.
func (o Options) checkReturnTo(mistakes *OptionErrors) {
	for i, allowed := range o.ReturnTo {
		if err := checkAllowedPlace(allowed); err != nil {
			mistakes.Add(fmt.Sprintf("ReturnTo[%d]", i), "%v", err)
		}
	}
	if err := o.Link.leavesRoom(o.ReturnTo); err != nil {
		mistakes.Add("Link", "%v", err)
	}
	if err := o.Invitations.Link.leavesRoom(o.ReturnTo); err != nil {
		mistakes.Add("Invitations.Link", "%v", err)
	}
}

// leavesRoom returns an error if the link has the parameter "return_to" already
// although places to return to are listed. The page would not know which of the
// two is meant.
func (l Link) leavesRoom(returnTo []string) error {
	if len(returnTo) == 0 {
		return nil
	}
	_, query, _ := strings.Cut(l.URL, "?")
	values, _ := url.ParseQuery(query) // whatever a page would read
	for _, name := range l.params() {
		values.Set(name, "")
	}
	if values.Has(returnToParam) {
		return errors.New("must not use the parameter return_to, which carries a place of option ReturnTo")
	}
	return nil
}
