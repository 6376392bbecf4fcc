package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
)

// Hints tell the host of three mistakes at the first request that shows them: a
// handler that is mounted where its options do not say so, a page that wants to
// call it and is not listed, and a page whose cookies browsers do not keep. Each is
// logged once, because strangers can cause the same requests. Hints are safe for
// concurrent use.
type Hints struct {
	// Package and Option name what logs, and the option that has the mount:
	// "API.Path". Origins is the option that lists the origins, if there is one.
	Package, Option, Origins string

	mount, origin, insecure atomic.Bool
}

// Mount tells that a request for the endpoint came below another path than at.
func (h *Hints) Mount(ctx context.Context, log *slog.Logger, requested string, at Mount, mountedAt, endpoint string) {
	if h.mount.Swap(true) {
		return
	}
	log.WarnContext(ctx, h.Package+": a request came to a path below which this handler is not mounted, and was answered with 404. Set option "+
		h.Option+" to the path where it is mounted, or wrap it in http.StripPrefix. If nobody mounted it there, there is nothing to do",
		"requested", requested, "expected", string(at)+endpoint, "mounted_at", mountedAt, h.Option, string(at))
}

// Rewritten tells that a page was asked for at a path that is not the one of its
// public URL, while the endpoint was found all the same.
func (h *Hints) Rewritten(ctx context.Context, log *slog.Logger, requested, public string) {
	if h.mount.Swap(true) {
		return
	}
	log.WarnContext(ctx, h.Package+": a page was asked for at another path than option "+h.Option+
		" says, and its forms and links lead there. If a proxy turns the one path into the other, this is right. If not, mount the pages at the path of "+h.Option,
		"requested", requested, "expected", public)
}

// Preflight tells of the preflight of an origin that the list does not have.
func (h *Hints) Preflight(log *slog.Logger, r *http.Request, list *CORS) {
	origin, ok := list.Unlisted(r)
	if !ok || h.origin.Swap(true) {
		return
	}
	log.WarnContext(r.Context(), h.Package+": a page of another origin wants to call this handler, and its browser does not let it. If it is a page of yours, add its origin to option "+
		h.Origins+". If it is a stranger's, there is nothing to do", "origin", origin)
}

// Insecure tells that a page without its cookie was asked for over http at another
// host than that of its public URL, which is https. Over http at the same host, a
// proxy may speak https, so nothing is known then. Nor is it where the browser says
// how it fetches: it does so over https alone, and on its own machine. Insecure
// reports whether that is so.
func (h *Hints) Insecure(log *slog.Logger, r *http.Request, public string) bool {
	u, err := url.Parse(public)
	if err != nil || u.Scheme != "https" || r.TLS != nil || r.Header.Get("Sec-Fetch-Mode") != "" || strings.EqualFold(r.Host, u.Host) {
		return false
	}
	if h.insecure.Swap(true) {
		return true
	}
	log.WarnContext(r.Context(), h.Package+": a link was opened over http at another host than that of option "+h.Option+
		", and the browser did not bring the cookie that the page needs: browsers keep it over https alone. Open the page at "+h.Option+
		". If a proxy speaks https and changes Host, have it leave Host as it is", "host", r.Host, h.Option, public)
	return true
}
