package leadsquared_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
)

const keyPairText = "The API call was made with invalid access credentials. Check your AccessKey and SecretKey."

func query(path, key, secret string) string {
	return path + "?" + url.Values{"accessKey": {key}, "secretKey": {secret}}.Encode()
}

// pair presents a key pair in the headers.
func pair(key, secret string) tweak {
	return func(r *http.Request) {
		r.Header.Set("x-LSQ-AccessKey", key)
		r.Header.Set("x-LSQ-SecretKey", secret)
	}
}

func TestAccess(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		publicA, publicB := `{"PublicAuthKey":"`+keyA+`"}`, `{"PublicAuthKey":"`+keyB+`"}`
		registerA, registerB := `"`+tokenA+`"`, `"`+tokenB+`"`
		tests := []struct {
			sentence string
			r        *http.Request
			want     string // empty for 401
		}{
			{"the pair in the query, for the public key", get(query(publicTok, accessA, secretA)), publicA},
			{"the pair in the query, for the register token", get(query(regTok, accessA, secretA)), registerA},
			{"the pair in the headers, for the public key", get(publicTok, pair(accessA, secretA)), publicA},
			{"the pair in the headers, for the register token", get(regTok, pair(accessA, secretA)), registerA},
			{"another portal's pair", get(publicTok, pair(accessB, secretB)), publicB},
			{"another portal's pair, for the register token", get(regTok, pair(accessB, secretB)), registerB},
			{"the pair that comes next in a rotation", get(publicTok, pair(nextA, nextSecA)), publicA},
			{"names of any case in the query", get(publicTok + "?ACCESSKEY=" + url.QueryEscape(accessA) + "&SecretKey=" + secretA), publicA},
			{"the same pair in query and headers", get(query(publicTok, accessA, secretA), pair(accessA, secretA)), publicA},
			{"one half in the query, one in a header", get(publicTok+"?secretKey="+secretA, header("x-LSQ-AccessKey", accessA)), publicA},
			{"a path of other case, with extra parameters", get(strings.ToUpper(publicTok)+"?x=y", pair(accessA, secretA)), publicA},
			{"nothing", get(publicTok), ""},
			{"a wrong secret", get(publicTok, pair(accessA, secretB)), ""},
			{"a secret with its last character wrong", get(publicTok, pair(accessA, secretA[:len(secretA)-1]+"x")), ""},
			{"a secret of other case", get(publicTok, pair(accessA, strings.ToUpper(secretA))), ""},
			{"a key without its secret", get(publicTok, header("x-LSQ-AccessKey", accessA)), ""},
			{"a secret without its key", get(publicTok, header("x-LSQ-SecretKey", secretA)), ""},
			{"an empty pair", get(publicTok, pair("", "")), ""},
			{"the key of one pair and the secret of another", get(publicTok, pair(accessA, nextSecA)), ""},
			{"the public values", get(publicTok, pair(keyA, tokenA)), ""},
			{"the public headers", get(publicTok, asA), ""},
			{"another secret in the query than in the headers", get(query(publicTok, accessA, secretB), pair(accessA, secretA)), ""},
			{"another key in the query than in the headers", get(query(publicTok, accessB, secretA), pair(accessA, secretA)), ""},
			{"the right secret in the query and another in the headers", get(query(publicTok, accessA, secretA), pair(accessA, secretB)), ""},
			{"an empty secret in the query and the right one in the headers", get(query(publicTok, accessA, ""), pair(accessA, secretA)), ""},
			{"a parameter given twice", get(query(publicTok, accessA, secretA) + "&secretKey=" + secretA), ""},
			{"a parameter given twice in other case", get(query(publicTok, accessA, secretA) + "&SECRETKEY=" + secretA), ""},
			{"a header given twice", get(publicTok, pair(accessA, secretA), header("x-LSQ-SecretKey", secretA, secretA)), ""},
			{"a secret of a megabyte", get(publicTok, pair(accessA, strings.Repeat("s", 1<<20))), ""},
		}
		for i, test := range tests {
			test.r.RemoteAddr = fmt.Sprintf("192.0.2.%d:4711", i) // each client has its own limit
			rec := w.do(test.r)
			status, body := 200, test.want
			if body == "" {
				status, body = 401, errorBody(unauthorized, keyPairText)
			}
			if rec.Code != status || rec.Body.String() != body {
				t.Errorf("%s: %d %s\nwant %d %s", test.sentence, rec.Code, rec.Body, status, body)
			}
		}
	})
}

func TestAccessMalformedQuery(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		for _, q := range []string{"accessKey=%zz", "accessKey=a;secretKey=b", "x=" + strings.Repeat("a", 3000)} {
			r := get(publicTok, pair(accessA, secretA))
			r.URL.RawQuery = q
			wantError(t, w.do(r), 400, invalidInput, "The query string is malformed or too long.")
		}
	})
}

// A portal without key pairs returns its values to nobody.
func TestAccessIsOffByDefault(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		opts := w.options()
		opts.Portals[0].AccessKeys, opts.Portals[1].AccessKeys = nil, nil
		w.rebuild(opts)
		wantError(t, w.do(get(publicTok, pair(accessA, secretA))), 401, unauthorized, keyPairText)
		wantError(t, w.do(get(regTok)), 401, unauthorized, keyPairText)
	})
}

// Guesses are counted by client before they are compared. The 26th within 5 s
// is refused (A80), even if it is right. Other clients are not refused.
func TestAccessIsLimited(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		for i := range 25 {
			rec := w.do(get(query(publicTok, accessA, fmt.Sprintf("guess-number-%d", i))))
			if rec.Code != 401 || rec.Header().Get("RateLimit") != fmt.Sprintf(`"client-5";r=%d;t=5`, 24-i) {
				t.Fatalf("guess %d: %d, RateLimit %s", i, rec.Code, rec.Header().Get("RateLimit"))
			}
		}
		rec := w.do(get(regTok, pair(accessA, secretA)))
		wantError(t, rec, 429, rateLimited, "API calls exceeded the limit of 25 in 5 second(s)")
		for name, value := range map[string]string{"Retry-After": "5", "RateLimit": `"client-5";r=0;t=5`, "RateLimit-Policy": `"client-5";q=25;w=5`} {
			if got := rec.Header().Get(name); got != value {
				t.Errorf("%s is %s, want %s", name, got, value)
			}
		}
		want(t, w.do(get(regTok, pair(accessA, secretA), from("198.51.100.7"))), 200, `"`+tokenA+`"`)
		time.Sleep(5 * time.Second)
		want(t, w.do(get(regTok, pair(accessA, secretA))), 200, `"`+tokenA+`"`)
	})
}

// The right pair is not a guess: whoever has it may ask as often as they like.
func TestRightPairIsNotLimited(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		for i := range 100 {
			if rec := w.do(get(regTok, pair(accessA, secretA))); rec.Code != 200 {
				t.Fatalf("call %d: %d %s", i, rec.Code, rec.Body)
			}
			w.do(get(regTok, pair(accessA, "the-secret-of-last-year")))
		}
	})
}

// A50: the limit counts the peer of the connection, or the client that trusted
// proxies name. An IPv6 network is one client.
func TestAccessClient(t *testing.T) {
	change := func(o *recovery.Options) {
		o.ClientAddress.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	}
	bubble(t, change, func(t *testing.T, w *world) {
		for i := range 26 {
			forged := header("X-Forwarded-For", fmt.Sprintf("203.0.113.%d", i))
			if rec, want := w.do(get(publicTok, forged)), 401; i == 25 && rec.Code != 429 || i < 25 && rec.Code != want {
				t.Errorf("a forged address, call %d: %d", i, rec.Code)
			}
			rec := w.do(get(publicTok, from("10.0.0.1"), forged))
			if rec.Code != 401 {
				t.Errorf("through a proxy, call %d: %d, want 401", i, rec.Code)
			}
			rec = w.do(get(publicTok, from(fmt.Sprintf("[2001:db8::%d]", i))))
			if i == 25 && rec.Code != 429 || i < 25 && rec.Code != 401 {
				t.Errorf("one IPv6 network, call %d: %d", i, rec.Code)
			}
		}
	})
}

// A refused pair is logged for the operator, and the log does not quote the
// pair.
func TestAccessLogsRefusals(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		before := len(w.logs.String())
		w.do(get(query(publicTok, accessA, "not-the-secret"), from("192.0.2.9")))
		w.do(get(publicTok, pair(accessA, secretA)))
		logs := w.logs.String()[before:]
		if strings.Count(logs, "\n") != 1 || !strings.Contains(logs, "192.0.2.9") {
			t.Errorf("logs are\n%s", logs)
		}
		for _, secret := range []string{"not-the-secret", accessA, secretA} {
			if strings.Contains(logs, secret) {
				t.Errorf("%s is in the log", secret)
			}
		}
	})
}
