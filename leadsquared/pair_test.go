package leadsquared_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery/leadsquared"
)

// allowPairs lets portal A be called with a key pair.
func (w *world) allowPairs() {
	w.t.Helper()
	opts := w.options()
	opts.Portals[0].DangerouslyAllowAccessKeys = true
	w.rebuild(opts)
}

// noKeys removes the public credentials.
func noKeys(r *http.Request) {
	r.Header.Del("Authorization")
	r.Header.Del("x-lsq-registertoken")
	r.Header.Del("x-lsq-portalid")
}

// Case 6: the oldest portals call v1 with a key pair alone, in the query or in
// headers. Where the host allows it, it stands for Authorization.
func TestKeyPairInV1(t *testing.T) {
	const body = `{"EmailAddress":"nobody@example.com"}`
	tests := []struct {
		sentence string
		r        *http.Request
		status   int
		text     string // of a 401
	}{
		{"in the query", post(query(forgotV1b, accessA, secretA), body, noKeys), 200, ""},
		{"in the query of the other spelling", post(query(forgotV1, accessA, secretA), body, noKeys), 200, ""},
		{"in headers", post(forgotV1b, body, noKeys, pair(accessA, secretA)), 200, ""},
		{"the next pair of a rotation", post(forgotV1b, body, noKeys, pair(nextA, nextSecA)), 200, ""},
		{"beside a right Authorization, which counts alone", post(query(forgotV1, accessA, secretB), body), 200, ""},
		{"beside a wrong Authorization, which counts alone", post(query(forgotV1, accessA, secretA), body, header("Authorization", "wrong")), 401, wrongV1Text},
		{"beside an empty Authorization", post(query(forgotV1, accessA, secretA), body, header("Authorization", "")), 401, wrongV1Text},
		{"a wrong secret", post(query(forgotV1, accessA, secretB), body, noKeys), 401, keyPairText},
		{"a secret in other case", post(query(forgotV1, accessA, strings.ToUpper(secretA)), body, noKeys), 401, keyPairText},
		{"the key alone", post(forgotV1+"?accessKey="+keyA, body, noKeys), 401, keyPairText},
		{"another secret in the header", post(query(forgotV1, accessA, secretA), body, noKeys, header("x-LSQ-SecretKey", secretB)), 401, keyPairText},
		{"the secret twice", post(query(forgotV1, accessA, secretA)+"&secretKey=x", body, noKeys), 401, keyPairText},
		{"the right pair of B, which does not allow it", post(query(forgotV1, accessB, secretB), body, noKeys), 401, keyPairText},
		{"nothing", post(forgotV1, body, noKeys), 401, noKeyText},
		{"v2, where the pair never counts", post(query(forgotV2, accessA, secretA), body, noKeys), 401,
			wrongText + "Missing: the Authorization, x-lsq-registertoken and x-lsq-portalid headers."},
	}
	bubble(t, nil, func(t *testing.T, w *world) {
		w.allowPairs()
		for i, test := range tests {
			test.r.RemoteAddr = fmt.Sprintf("192.0.2.%d:4711", i) // each client has its own limit
			if rec := w.do(test.r); test.status == 200 {
				want(t, rec, 200, forgotOK)
			} else if wantError(t, rec, 401, unauthorized, test.text); t.Failed() {
				t.Fatal(test.sentence)
			}
		}
		for _, q := range []string{"accessKey=%zz", "x=" + strings.Repeat("a", 3000)} {
			r := post(forgotV1, body, noKeys)
			r.URL.RawQuery = q
			wantError(t, w.do(r), 400, invalidInput, "The query string is malformed or too long.")
		}
		w.noEffect(t)
		logs := w.logs.String()
		for _, s := range []string{accessA, secretA, secretB} {
			if strings.Contains(logs, s) {
				t.Errorf("%s is in the log", s)
			}
		}
	})
}

// The whole flow with a key pair alone, and the body of the seed's page.
func TestFlowWithKeyPair(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		w.allowPairs()
		want(t, w.do(post(query(forgotV1b, accessA, secretA), seedEmail, noKeys)), 200, forgotOK)
		settle()
		link := w.lastLink(w.a)
		reset := post(query(resetV1, accessA, secretA), resetWith(goodPass, link), noKeys)
		if got := reset.URL.Query().Get("secretKey"); got != secretA {
			t.Fatalf("the request has the secret %q", got)
		}
		want(t, w.do(reset), 200, resetOK)
		want(t, w.do(post(query(resetV1, accessA, secretB), resetWith(goodPass, link), noKeys)), 401, resetError(unauthorized, keyPairText))
	})
}

// Off by default: the answer is a 401 that names the header to send.
func TestKeyPairInV1IsOffByDefault(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		for _, r := range []*http.Request{
			post(query(forgotV1b, accessA, secretA), seedEmail, noKeys),
			post(forgotV1b, seedEmail, noKeys, pair(accessA, secretA)),
		} {
			wantError(t, w.do(r), 401, unauthorized, noKeyText)
		}
		want(t, w.do(post(query(resetV1, accessA, secretA), seedReset, noKeys)), 401, resetError(unauthorized, noKeyText))
		// A portal without v1 is not opened by the option either.
		opts := w.options()
		opts.Portals[0].AllowV1, opts.Portals[0].DangerouslyAllowAccessKeys = false, true
		w.rebuild(opts)
		wantError(t, w.do(post(query(forgotV1b, accessA, secretA), seedEmail, noKeys)), 401, unauthorized, noKeyText)
		w.noEffect(t)
	})
}

// Pairs are guessed at a v1 path no faster than at the Access endpoints (A80):
// both count together.
func TestKeyPairInV1IsLimited(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		w.allowPairs()
		for i := range 25 {
			r := post(query(forgotV1, accessA, fmt.Sprintf("guess-number-%d", i)), seedEmail, noKeys)
			if i%2 == 0 {
				r = get(query(publicTok, accessA, fmt.Sprintf("guess-number-%d", i)))
			}
			rec := w.do(r)
			if rec.Code != 401 || rec.Header().Get("RateLimit") != fmt.Sprintf(`"client-5";r=%d;t=5`, 24-i) {
				t.Fatalf("guess %d: %d, RateLimit %s", i, rec.Code, rec.Header().Get("RateLimit"))
			}
		}
		wantError(t, w.do(post(query(forgotV1, accessA, secretA), seedEmail, noKeys)), 429, rateLimited, "API calls exceeded the limit of 25 in 5 second(s)")
		want(t, w.do(post(query(forgotV1, accessA, secretA), seedEmail, noKeys, from("198.51.100.7"))), 200, forgotOK)
	})
}

// Case 7: by the same option, pages of a listed origin read the Access
// endpoints and send the pair in headers. No other page does.
func TestKeyPairAndCORS(t *testing.T) {
	const base, keys = "content-type, authorization, x-lsq-registertoken, x-lsq-portalid", "x-lsq-accesskey, x-lsq-secretkey"
	preflights := []struct {
		path, origin     string
		status           int
		methods, allowed string
	}{
		{publicTok, originA, 204, "GET", "content-type, " + keys},
		{regTok, originA, 204, "GET", "content-type, " + keys},
		{forgotV1b, originA, 204, "POST", base + ", " + keys},
		{resetV1, originA, 204, "POST", base + ", " + keys},
		{forgotV2, originA, 204, "POST", base},
		{forgotV1b, originB, 204, "POST", base},
		{publicTok, originB, 405, "", ""},
		{publicTok, "https://evil.example", 405, "", ""},
		{publicTok, "null", 405, "", ""},
	}
	calls := []struct {
		sentence string
		r        *http.Request
		status   int
		origin   string
	}{
		{"A's page reads the key", get(query(publicTok, accessA, secretA), header("Origin", originA)), 200, originA},
		{"A's page reads the token", get(regTok, pair(accessA, secretA), header("Origin", originA)), 200, originA},
		{"A's page has a wrong pair, and can read that", get(query(publicTok, accessA, secretB), header("Origin", originA)), 401, originA},
		{"A's page reads B's key", get(query(publicTok, accessB, secretB), header("Origin", originA)), 200, ""},
		{"B's page reads B's key", get(query(publicTok, accessB, secretB), header("Origin", originB)), 200, ""},
		{"B's page reads A's key", get(query(publicTok, accessA, secretA), header("Origin", originB)), 200, ""},
		{"a stranger's page reads A's key", get(query(publicTok, accessA, secretA), header("Origin", "https://evil.example")), 200, ""},
		{"no page", get(query(publicTok, accessA, secretA)), 200, ""},
		{"A's page calls v1 with the pair", post(query(forgotV1b, accessA, secretA), seedEmail, noKeys, header("Origin", originA)), 200, originA},
		{"A's page calls v1 with a wrong pair", post(query(forgotV1b, accessA, secretB), seedEmail, noKeys, header("Origin", originA)), 401, originA},
		{"B's page calls v1 with A's pair", post(query(forgotV1b, accessA, secretA), seedEmail, noKeys, header("Origin", originB)), 200, ""},
	}
	bubble(t, nil, func(t *testing.T, w *world) {
		w.allowPairs()
		for _, test := range preflights {
			rec := w.do(preflight(test.path, test.origin))
			if h := rec.Header(); rec.Code != test.status || h.Get("Access-Control-Allow-Methods") != test.methods || h.Get("Access-Control-Allow-Headers") != test.allowed {
				t.Errorf("%s from %s: %d, %q, %q", test.path, test.origin, rec.Code, h.Get("Access-Control-Allow-Methods"), h.Get("Access-Control-Allow-Headers"))
			}
		}
		for i, test := range calls {
			test.r.RemoteAddr = fmt.Sprintf("192.0.2.%d:4711", i)
			rec := w.do(test.r)
			if got := rec.Header().Get("Access-Control-Allow-Origin"); rec.Code != test.status || got != test.origin {
				t.Errorf("%s: %d for %q, want %d for %q", test.sentence, rec.Code, got, test.status, test.origin)
			}
		}
	})
}

// A portal that fetches its keys in the browser need not speak v1.
func TestKeyPairForV2Pages(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		opts := w.options()
		opts.Portals[1].DangerouslyAllowAccessKeys = true
		w.rebuild(opts)
		rec := w.do(get(query(publicTok, accessB, secretB), header("Origin", originB)))
		want(t, rec, 200, `{"PublicAuthKey":"`+keyB+`"}`)
		if rec.Header().Get("Access-Control-Allow-Origin") != originB {
			t.Error("B's page cannot read the key")
		}
		wantError(t, w.do(post(query(forgotV1b, accessB, secretB), seedEmail, noKeys)), 401, unauthorized, noKeyText)
		if got := w.do(preflight(forgotV1b, originB)).Header().Get("Access-Control-Allow-Headers"); strings.Contains(got, "accesskey") {
			t.Errorf("a preflight for v1 allows %s", got)
		}
	})
}

func TestKeyPairNeedsAPair(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		opts := w.options()
		opts.Portals[0].AccessKeys, opts.Portals[0].DangerouslyAllowAccessKeys = nil, true
		_, err := leadsquared.New(opts)
		if got := optionErrors(t, err); len(got) != 1 || got[0] != "Portals[0].DangerouslyAllowAccessKeys" {
			t.Errorf("mistakes in %q: %v", got, err)
		}
	})
}
