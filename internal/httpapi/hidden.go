package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/seed-51359b35/recovery/internal/canonical"
)

// hiddenValue stands where a secret was.
const hiddenValue = "hidden"

type hiddenKey struct{}

// A hiddenParam is a query parameter as it was sent, and as it is shown.
type hiddenParam struct{ sent, shown string }

// HideSecrets returns the request with the values of the named query parameters
// replaced, in URL, RequestURI and Referer. It returns r itself if there is
// nothing to hide. The names are in lower case.
func HideSecrets(r *http.Request, names []string) *http.Request {
	query, hidden := hideValues(r.URL.RawQuery, names)
	referer, refererQuery, _ := strings.Cut(r.Referer(), "?")
	refererQuery, inReferer := hideValues(refererQuery, names)
	if len(hidden)+len(inReferer) == 0 {
		return r
	}
	r = r.Clone(context.WithValue(r.Context(), hiddenKey{}, hidden))
	if len(hidden) > 0 {
		r.URL.RawQuery = query
		path, _, _ := strings.Cut(r.RequestURI, "?")
		r.RequestURI = path + "?" + query
	}
	if len(inReferer) > 0 {
		r.Header.Set("Referer", referer+"?"+refererQuery)
	}
	return r
}

// ShowSecrets returns the request with the values in the query of the URL that
// HideSecrets replaced. It returns r itself if there are none.
func ShowSecrets(r *http.Request) *http.Request {
	hidden, _ := r.Context().Value(hiddenKey{}).([]hiddenParam)
	if len(hidden) == 0 {
		return r
	}
	shown, u := *r, *r.URL
	u.RawQuery = showValues(u.RawQuery, hidden)
	shown.URL = &u
	return &shown
}

// hideValues replaces the values of the named parameters.
func hideValues(query string, names []string) (string, []hiddenParam) {
	if query == "" {
		return "", nil
	}
	var hidden []hiddenParam
	parts := strings.Split(query, "&")
	for i, part := range parts {
		name, value, _ := strings.Cut(part, "=")
		unescaped, err := url.QueryUnescape(name)
		if err != nil {
			unescaped = name
		}
		// A mail program may have left "&amp;" in a link.
		unescaped = strings.TrimPrefix(canonical.FoldASCII(unescaped), "amp;")
		if value == "" || !slices.Contains(names, unescaped) {
			continue
		}
		parts[i] = name + "=" + hiddenValue
		hidden = append(hidden, hiddenParam{part, parts[i]})
	}
	return strings.Join(parts, "&"), hidden
}

// showValues undoes hideValues, also if other parameters were added or removed
// meanwhile.
func showValues(query string, hidden []hiddenParam) string {
	hidden = slices.Clone(hidden)
	parts := strings.Split(query, "&")
	for i, part := range parts {
		j := slices.IndexFunc(hidden, func(h hiddenParam) bool { return h.shown == part })
		if j >= 0 {
			parts[i] = hidden[j].sent
			hidden = slices.Delete(hidden, j, j+1)
		}
	}
	return strings.Join(parts, "&")
}
