package portal

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/seed-51359b35/recovery"
)

// returnToParam is the parameter that says where the person came from. In the URL
// of the page forgot it has a place, and in a mailed link the same place, sealed.
const returnToParam = "return_to"

// returnTo returns the place that the URL of the page forgot says the person came
// from. A place that the host does not list counts as none: whoever opens a bad
// link to the page can still ask for a reset.
func (p *Handler) returnTo(r *http.Request) string {
	q := r.URL.Query()
	if !q.Has(returnToParam) {
		return ""
	}
	place := singleParam(q, returnToParam, 512)
	if p.brand != "" && strings.HasPrefix(place, "/") {
		place = p.origin() + place // the Service would add that of Options.Link
	}
	place, err := p.service.CheckReturnTo(place)
	if err != nil {
		p.tellOfReturnTo(r, err)
		return ""
	}
	return place
}

// tellOfReturnTo tells the host, once, that a place was dropped. The place itself
// is not told: its query may say something about a person.
func (p *Handler) tellOfReturnTo(r *http.Request, err error) {
	reason := "is malformed"
	if e, ok := errors.AsType[*recovery.InvalidRequestError](err); ok {
		reason = e.Reason
	}
	if p.toldOfReturnTo.Swap(true) {
		return
	}
	p.log.WarnContext(r.Context(), "portal: the page forgot was opened with a place to return to that counts as none. If it is a place of yours, list it in option ReturnTo of the Service. If a stranger made it up, there is nothing to do",
		"reason", reason)
}

// withReturnTo returns the path of the page forgot with the place in its query, if
// there is one.
func withReturnTo(path, place string) string {
	if place == "" {
		return path
	}
	return path + "?" + returnToParam + "=" + url.QueryEscape(place)
}

// keep sets the place that the person came from, which links to the page forgot
// keep.
func (p *Handler) keep(r *http.Request, d *Data, place string) {
	d.cameFrom = place
	d.Languages = p.languageChoices(r, d)
}

// offer sets the place to which the page offers to return. Options may have
// changed since the place came into the browser, so it is checked again.
func (p *Handler) offer(d *Data, place string) {
	place, err := p.service.CheckReturnTo(place)
	if err != nil {
		return
	}
	if u, err := url.Parse(place); err == nil {
		d.ReturnTo, d.ReturnHost = place, u.Host
	}
}
