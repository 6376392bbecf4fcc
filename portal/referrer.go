package portal

import (
	"net/http"
	"net/url"
)

// shortestToken is less than the length of any token or secret in a link.
const shortestToken = 32

// referrerPolicy returns the Referrer-Policy of a page. Under no-referrer, browsers
// send forms with "Origin: null". Those without Sec-Fetch-Site, such as Safari before
// 16.4, then say nothing else, as an attacker's page does. So a page sends its URL to
// its own origin, unless the URL may hold a token (A03). Whatever is as long as a
// token counts as one, because a token may stand under another name than we know. A
// page that is not there may have one in its path.
func (p *Handler) referrerPolicy(r *http.Request, d *Data) string {
	const none, ownOrigin = "no-referrer", "same-origin"
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || d.Variant == "missing" {
		return none
	}
	for name, values := range q {
		if name == returnToParam {
			continue // a place, or a sealed place beside a token
		}
		for _, v := range append(values, name) {
			if len(v) >= shortestToken {
				return none
			}
		}
	}
	return ownOrigin
}
