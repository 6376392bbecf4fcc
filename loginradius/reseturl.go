package loginradius

import (
	"strings"

	"github.com/seed-51359b35/recovery"
)

// maxURL is the longest resetpasswordurl in bytes.
const maxURL = 2048

// A resetURL is one of the host's pages.
type resetURL struct {
	// page is the URL up to its query: scheme, host, port and path.
	page string
	link recovery.Link
}

// resetURLs are the host's pages. The first one is the default.
type resetURLs []resetURL

func newResetURL(configured string) resetURL {
	page, _, _ := strings.Cut(configured, "?")
	return resetURL{page, recovery.Link{
		URL: configured, TokenParam: "vtoken",
		Fixed: []recovery.LinkParam{{Name: "vtype", Value: "reset"}},
	}}
}

// find returns the link to the page that a client asks for, made of what the
// host configured and of nothing from the client (A02). An empty request means
// the default.
//
// The page is compared byte by byte, not parsed: two parsers that read a URL
// differently (a backslash, user information, a dot at the end of the host, a
// default port) have been the way in wherever there were two. The client's
// query is dropped. It cannot be compared, since an SDK sends the URL without
// percent-encoding, so that the query breaks off at its first "&"; and it need
// not be, since the message carries the configured one.
func (all resetURLs) find(requested string) (recovery.Link, bool) {
	if requested == "" {
		return all[0].link, true
	}
	if len(requested) > maxURL || strings.ContainsFunc(requested, neverInURL) {
		return recovery.Link{}, false
	}
	page, _, _ := strings.Cut(requested, "?")
	for _, u := range all {
		if page == u.page {
			return u.link, true
		}
	}
	return recovery.Link{}, false
}

// neverInURL reports what has no place in an absolute URL, its query included.
// A space does: SDKs have it in queries.
func neverInURL(r rune) bool {
	return r < ' ' || r >= 0x7f || r == '\\' || r == '#'
}
