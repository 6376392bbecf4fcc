package leadsquared_test

import (
	"net/http"
	"slices"
	"testing"
)

// preflight is the request that a browser sends before a cross-origin call.
func preflight(path, origin string, tweaks ...tweak) *http.Request {
	r := post(path, "", header("Origin", origin), header("Access-Control-Request-Method", "POST"),
		header("Access-Control-Request-Headers", "authorization,content-type,x-lsq-portalid,x-lsq-registertoken"),
		header("Authorization"), header("X-Lsq-Portalid"), header("X-Lsq-Registertoken"), header("Content-Type"))
	r.Method = http.MethodOptions
	for _, f := range tweaks {
		f(r)
	}
	return r
}

// corsHeaders are the names of an answer's CORS headers.
func corsHeaders(h http.Header) []string {
	var names []string
	for name := range h {
		if len(name) > 15 && name[:15] == "Access-Control-" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func TestPreflight(t *testing.T) {
	const evil = "https://evil.example"
	tests := []struct {
		sentence string
		r        *http.Request
		status   int
		origin   string
	}{
		{"of A's origin", preflight(forgotV2, originA), 204, originA},
		{"of B's origin, since which portal is meant is not known", preflight(forgotV2, originB), 204, originB},
		{"for Reset", preflight(resetV2, originA), 204, originA},
		{"for v1", preflight(resetV1, originA), 204, originA},
		{"for a path of other case", preflight("/API/authentication/V2/RESETPASSWORD", originA), 204, originA},
		{"of another origin", preflight(forgotV2, evil), 405, ""},
		{"of the null origin", preflight(forgotV2, "null"), 405, ""},
		{"of A's origin over http", preflight(forgotV2, "http://portal-a.example.com"), 405, ""},
		{"of A's origin on another port", preflight(forgotV2, originA+":8443"), 405, ""},
		{"of a subdomain of A's", preflight(forgotV2, "https://x.portal-a.example.com"), 405, ""},
		{"of an origin that begins like A's", preflight(forgotV2, originA+".evil.example"), 405, ""},
		{"of two origins", preflight(forgotV2, originA, header("Origin", originA, evil)), 405, ""},
		{"without an origin", preflight(forgotV2, "", header("Origin")), 405, ""},
		{"that asks for no method, so is none", preflight(forgotV2, originA, header("Access-Control-Request-Method")), 405, ""},
		{"for the Access endpoints, which are not for browsers", preflight(publicTok, originA), 405, ""},
		{"for the register token", preflight(regTok, originA), 405, ""},
		{"for nothing", preflight("/api/nothing", originA), 404, ""},
	}
	bubble(t, nil, func(t *testing.T, w *world) {
		for _, test := range tests {
			rec := w.do(test.r)
			h := rec.Header()
			if rec.Code != test.status || h.Get("Access-Control-Allow-Origin") != test.origin {
				t.Errorf("%s: %d for %q, want %d for %q", test.sentence, rec.Code, h.Get("Access-Control-Allow-Origin"), test.status, test.origin)
			}
			if test.origin == "" {
				if names := corsHeaders(h); names != nil {
					t.Errorf("%s: has %q", test.sentence, names)
				}
				continue
			}
			wantHeaders(t, h, map[string]string{
				"Access-Control-Allow-Methods": "POST",
				"Access-Control-Allow-Headers": "content-type, authorization, x-lsq-registertoken, x-lsq-portalid",
				"Vary":                         "Origin",
			})
		}
	})
}

// The answer itself uses the list of the portal that the credentials belong to.
func TestCORS(t *testing.T) {
	const evil = "https://evil.example"
	call := func(origin string, tweaks ...tweak) *http.Request {
		return post(forgotV2, `{"EmailAddress":"nobody@example.com"}`, append(tweaks, header("Origin", origin))...)
	}
	tests := []struct {
		sentence string
		r        *http.Request
		status   int
		origin   string
	}{
		{"A's page calls A", call(originA), 200, originA},
		{"B's page calls B", call(originB, asB), 200, originB},
		{"B's page calls A", call(originB), 200, ""},
		{"A's page calls B", call(originA, asB), 200, ""},
		{"a stranger's page calls A", call(evil), 200, ""},
		{"the null origin calls A", call("null"), 200, ""},
		{"no page calls A", call("", header("Origin")), 200, ""},
		{"A's page sends a bad body", call(originA, header("Content-Type", "text/plain")), 400, originA},
		{"A's page has a wrong key, and can read that", call(originA, header("Authorization", "wrong")), 401, originA},
		{"a stranger's page has a wrong key", call(evil, header("Authorization", "wrong")), 401, ""},
		{"A's page has a wrong path", post("/api/nothing", "", header("Origin", originA)), 404, ""},
		{"A's page reads the public key", get(publicTok, pair(accessA, secretA), header("Origin", originA)), 200, ""},
		{"A's page guesses a key pair", get(publicTok, pair(accessA, secretB), header("Origin", originA)), 401, ""},
	}
	bubble(t, nil, func(t *testing.T, w *world) {
		for _, test := range tests {
			rec := w.do(test.r)
			h := rec.Header()
			if rec.Code != test.status || h.Get("Access-Control-Allow-Origin") != test.origin {
				t.Errorf("%s: %d for %q, want %d for %q", test.sentence, rec.Code, h.Get("Access-Control-Allow-Origin"), test.status, test.origin)
			}
			if test.origin == "" {
				if names := corsHeaders(h); names != nil {
					t.Errorf("%s: has %q", test.sentence, names)
				}
				wantHeaders(t, h, map[string]string{"Cross-Origin-Resource-Policy": "same-origin"})
				continue
			}
			wantHeaders(t, h, map[string]string{
				"Access-Control-Expose-Headers": "Retry-After, RateLimit, RateLimit-Policy",
				"Cross-Origin-Resource-Policy":  "cross-origin",
				"Vary":                          "Origin",
			})
		}
	})
}

// Without a list no answer has CORS headers, not even a 401.
func TestCORSIsOffByDefault(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		opts := w.options()
		opts.Portals[0].Origins, opts.Portals[1].Origins = nil, nil
		w.rebuild(opts)
		for _, r := range []*http.Request{
			preflight(forgotV2, originA),
			post(forgotV2, `{}`, header("Origin", originA)),
			post(forgotV2, `{}`, header("Origin", originA), header("Authorization", "wrong")),
		} {
			rec := w.do(r)
			if names := corsHeaders(rec.Header()); names != nil || rec.Header().Get("Vary") != "" {
				t.Errorf("%s: %d has %q", r.Method, rec.Code, names)
			}
		}
	})
}
