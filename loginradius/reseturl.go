package loginradius

import (
	"strings"

	"github.com/seed-51359b35/recovery"
)

// maxURL is the length of the longest resetpasswordurl in bytes.
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

// find returns the link to the page that a client requests. The link consists
// of what the host configured and of nothing from the client (A02). An empty
// request means the default page.
//
// find compares the page byte by byte and does not parse it. Where two parsers
// read one URL, attackers have used the differences between them: a backslash,
// user information, a dot at the end of the host, a default port.
//
// find ignores the client's query. It cannot compare the query, because an SDK
// sends the URL without percent-encoding, so that the query ends at its first
// "&". It need not compare the query either, because the message carries the
// configured one.
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

// neverInURL reports whether r cannot be part of an absolute URL with a query.
// A space is accepted, because SDKs send spaces in queries.
func neverInURL(r rune) bool {
	return r < ' ' || r >= 0x7f || r == '\\' || r == '#'
}
