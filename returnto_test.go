package recovery_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
)

// places is the allow-list of most tests.
var places = []string{"https://app.example.com", "https://www.example.com/shop", "http://localhost:3000", "https://[2001:db8::1]:8443"}

// withPlaces makes a portal with the allow-list.
func withPlaces(_ *portal, o *recovery.Options) { o.ReturnTo = places }

// A spelling is a place as a client may write it. want is empty if it is refused.
type spelling struct{ sentence, place, want string }

// spellings are those of A02, and those that are accepted.
func spellings() []spelling {
	all := []spelling{
		{"a path at the origin of the link", "/cart?id=7", "https://app.example.com/cart?id=7"},
		{"the root at the origin of the link", "/", "https://app.example.com/"},
	}
	for sentence, place := range map[string]string{
		"the origin":                       "https://app.example.com",
		"the origin and a slash":           "https://app.example.com/",
		"the origin and a query":           "https://app.example.com?a=b",
		"a path and a query":               "https://app.example.com/cart/7?a=b&c=%20d+e",
		"an at sign in the path":           "https://app.example.com/@john",
		"escaped letters of other scripts": "https://app.example.com/%C3%BCber/%E2%98%83",
		"another URL in the query":         "https://app.example.com/?next=https://evil.com/",
		"an escaped slash in the query":    "https://app.example.com/?next=%2Fcart",
		"dots that are no dot segment":     "https://app.example.com/.well-known/a..b/..c",
		"the allowed path":                 "https://www.example.com/shop",
		"the allowed path with a slash":    "https://www.example.com/shop/",
		"below the allowed path":           "https://www.example.com/shop/cart?x",
		"the allowed path with a query":    "https://www.example.com/shop?x=/../y",
		"http for a loopback host":         "http://localhost:3000/a",
		"an IPv6 address":                  "https://[2001:db8::1]:8443/a",
		"512 bytes":                        "https://app.example.com/" + strings.Repeat("a", 512-24),
	} {
		all = append(all, spelling{sentence, place, place})
	}
	for sentence, place := range map[string]string{
		"another host": "https://evil.com/",
		"a host that begins like the allowed one": "https://app.example.com.evil.com/",
		"a host that begins so, without a dot":    "https://app.example.comevil.com/",
		"a host that ends like the allowed one":   "https://evilapp.example.com/",
		"a host above the allowed one":            "https://example.com/",
		"a host below the allowed one":            "https://a.app.example.com/",
		"no scheme":                               "//evil.com",
		"no scheme, the allowed host":             "//app.example.com/",
		"three slashes":                           "///evil.com",
		"a slash and a backslash":                 `/\evil.com`,
		"a backslash and a slash":                 `\/evil.com`,
		"two backslashes":                         `\\evil.com`,
		"a slash, a tab and a slash":              "/\t/evil.com",
		"an escaped slash in front":               "/%2Fevil.com",
		"an escaped backslash in front":           "/%5Cevil.com",
		"a dot segment in front":                  "/.//evil.com",
		"a path without a slash":                  "cart",
		"a query alone":                           "?a=b",
		"nothing but a scheme":                    "https://",
		"a scheme without a host":                 "https:///app.example.com/",
		"a scheme without slashes":                "https:app.example.com",
		"a scheme with one slash":                 "https:/app.example.com/",
		"backslashes for slashes":                 `https:\\app.example.com\`,
		"a backslash behind the host":             `https://app.example.com\@evil.com/`,
		"a backslash before a dot":                `https://app.example.com\.evil.com/`,
		"user information":                        "https://app.example.com@evil.com/",
		"user information with a password":        "https://app.example.com:443@evil.com/",
		"user information for the allowed host":   "https://john@app.example.com/",
		"empty user information":                  "https://@app.example.com/",
		"two at signs":                            "https://app.example.com@app.example.com@evil.com/",
		"an escaped at sign":                      "https://app.example.com%40evil.com/",
		"a scheme in capitals":                    "HTTPS://app.example.com/",
		"a host in capitals":                      "https://APP.example.com/",
		"the default port":                        "https://app.example.com:443/",
		"an empty port":                           "https://app.example.com:/",
		"another port":                            "https://app.example.com:8443/",
		"a port and a host":                       "https://app.example.com:80@evil.com/",
		"a dot behind the host":                   "https://app.example.com./",
		"an escaped dot in the host":              "https://app%2eexample.com/",
		"an escaped slash behind the host":        "https://app.example.com%2f.evil.com/",
		"an escaped line break behind the host":   "https://app.example.com%0d%0a.evil.com/",
		"a semicolon behind the host":             "https://app.example.com;@evil.com/",
		"a comma behind the host":                 "https://app.example.com,evil.com/",
		"a full-width dot":                        "https://app\uff0eexample.com/",
		"an ideographic full stop":                "https://app.example\u3002com/",
		"a full-width solidus":                    "https://app.example.com\uff0f.evil.com/",
		"the character a/c, which has a slash":    "https://app.example.com\u2100.evil.com/",
		"a Cyrillic a":                            "https://\u0430pp.example.com/",
		"Punycode of a Cyrillic a":                "https://xn--pp-7kc.example.com/",
		"Punycode of ASCII":                       "https://xn--app-.example.com/",
		"a soft hyphen":                           "https://app.exam\u00adple.com/",
		"a zero-width space":                      "https://app.example.com\u200b.evil.com/",
		"a right-to-left override":                "https://app.example.com/\u202eevil",
		"a space in front":                        " https://app.example.com/",
		"a space behind":                          "https://app.example.com/ ",
		"a tab in the scheme":                     "ht\ttps://app.example.com/",
		"a tab in the host":                       "https://app.example.com\t.evil.com/",
		"a line break in the host":                "https://app.example\n.com/",
		"a carriage return at the end":            "https://app.example.com/\r",
		"a header of its own":                     "https://app.example.com/\r\nSet-Cookie: a=b",
		"a header of its own, escaped":            "https://app.example.com/%0d%0aSet-Cookie:a=b",
		"the same in the query":                   "https://app.example.com/?a=%0D%0Ab",
		"a NUL":                                   "https://app.example.com/\x00",
		"an escaped NUL":                          "https://app.example.com/%00",
		"a fragment":                              "https://app.example.com/#/cart",
		"a fragment with another host":            "https://app.example.com#@evil.com/",
		"an empty fragment":                       "https://app.example.com/#",
		"http":                                    "http://app.example.com/",
		"http for another port":                   "http://localhost:3001/",
		"http for a name that begins so":          "http://localhost:3000.evil.com/",
		"javascript":                              "javascript:alert(1)",
		"javascript with slashes":                 "javascript://app.example.com/%0aalert(1)",
		"javascript in capitals":                  "JaVaScRiPt:alert(1)",
		"javascript with a tab":                   "java\tscript:alert(1)",
		"data":                                    "data:text/html,<script>alert(1)</script>",
		"vbscript":                                "vbscript:msgbox(1)",
		"file":                                    "file:///etc/passwd",
		"blob":                                    "blob:https://app.example.com/1",
		"view-source":                             "view-source:https://app.example.com/",
		"an app's scheme":                         "capacitor://localhost",
		"a path beside the allowed one":           "https://www.example.com/shopping",
		"a path above the allowed one":            "https://www.example.com/",
		"the allowed path in capitals":            "https://www.example.com/SHOP/",
		"the allowed path with an escaped letter": "https://www.example.com/%73hop/",
		"the allowed path and a parameter":        "https://www.example.com/shop;a/",
		"an empty segment":                        "https://www.example.com/shop//evil.com",
		"an empty segment at the host":            "https://app.example.com//evil.com",
		"a dot segment":                           "https://www.example.com/shop/./cart",
		"a way out":                               "https://www.example.com/shop/../admin",
		"a way out at the end":                    "https://www.example.com/shop/..",
		"an escaped way out":                      "https://www.example.com/shop/%2e%2e/admin",
		"a half escaped way out":                  "https://www.example.com/shop/.%2E/admin",
		"a way out with an escaped slash":         "https://www.example.com/shop/..%2fadmin",
		"a way out with an escaped backslash":     "https://www.example.com/shop/..%5cadmin",
		"a way out with a backslash":              `https://www.example.com/shop/..\admin`,
		"a way out that is escaped twice":         "https://www.example.com/shop/%252e%252e/admin",
		"a slash that is escaped twice":           "https://www.example.com/shop/..%252fadmin",
		"a way out with a parameter":              "https://www.example.com/shop/..;/admin",
		"a way out with an escaped parameter":     "https://www.example.com/shop/..%3Ba=b/admin",
		"a way out with a space":                  "https://www.example.com/shop/..%20/admin",
		"a segment of three dots":                 "https://www.example.com/shop/.../admin",
		"a segment that is a parameter":           "https://www.example.com/shop/;a/cart",
		"an overlong slash":                       "https://www.example.com/shop/..%c0%afadmin",
		"an escape of one digit":                  "https://app.example.com/%2",
		"an escape that is none":                  "https://app.example.com/%zz",
		"a double quote":                          `https://app.example.com/"onclick="x`,
		"angle brackets":                          "https://app.example.com/<script>",
		"a backtick":                              "https://app.example.com/`",
		"braces":                                  "https://app.example.com/{{.}}",
		"two places":                              "https://app.example.com https://evil.com",
		"513 bytes":                               "https://app.example.com/" + strings.Repeat("a", 513-24),
		"513 bytes with the origin of the link":   "/" + strings.Repeat("a", 513-24),
		"64 KiB":                                  "https://app.example.com/" + strings.Repeat("a", 64<<10),
	} {
		all = append(all, spelling{sentence, place, ""})
	}
	return all
}

// A02: a person may return to the host's own places alone, in whatever spelling
// another one comes. A refusal comes before anything that depends on an account,
// and before a limit counts. A sealed place is checked once more when it is opened.
func TestReturnToIsOneOfTheHostsPlaces_A02(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &heldQueue{}
		p := newPortal(t, func(p *portal, o *recovery.Options) {
			withPlaces(p, o)
			o.Queue, o.Link = q, recovery.Link{URL: "https://App.Example.com:443/reset"}
		})
		for _, s := range spellings() {
			p.calls.take()
			req := byMail(johnMail)
			req.ReturnTo = s.place
			_, err := p.ForgotPassword(t.Context(), req)
			jobs := len(q.take())
			got, checkErr := p.CheckReturnTo(s.place)
			if got != s.want || (checkErr == nil) != (err == nil) {
				t.Errorf("%s: %.80q is checked to %q, %v; ForgotPassword says %v", s.sentence, s.place, got, checkErr, err)
			}
			sealed, sealErr := recovery.SealReturnTo(p.Service, s.place)
			if opened := p.OpenReturnTo(sealed); opened != s.want || sealErr != nil && len(s.place) <= 512 {
				t.Errorf("%s: %.80q was sealed (%v) and opened as %q, want %q", s.sentence, s.place, sealErr, opened, s.want)
			}
			if s.want != "" {
				if err != nil || jobs != 1 {
					t.Errorf("%s: %.80q: %v, %d jobs", s.sentence, s.place, err, jobs)
				}
				continue
			}
			e, ok := errors.AsType[*recovery.InvalidRequestError](err)
			if !ok || e.Field != "returnTo" || strings.Contains(e.Reason, "evil") {
				t.Errorf("%s: %.80q: %v", s.sentence, s.place, err)
			}
			if calls := p.calls.take(); len(calls) > 0 || jobs > 0 {
				t.Errorf("%s: %.80q was refused, and caused %q and %d jobs", s.sentence, s.place, calls, jobs)
			}
		}
	})
}

// Without the option no place is taken, and the refusal says why.
func TestReturnToIsOffByDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		for _, place := range []string{"https://portal.example.com/", "/", "/cart"} {
			req := byMail(johnMail)
			req.ReturnTo = place
			_, err := p.ForgotPassword(t.Context(), req)
			if wantErr(t, err, recovery.ErrInvalidRequest); err != nil && !strings.Contains(err.Error(), "option ReturnTo") {
				t.Errorf("%s: %v does not name the option", place, err)
			}
			sealed, err := recovery.SealReturnTo(p.Service, place)
			if got := p.OpenReturnTo(sealed); err != nil || got != "" {
				t.Errorf("%s opens as %q, %v", place, got, err)
			}
		}
	})
}

func TestReturnToIsCheckedAtTheStart(t *testing.T) {
	for entry, ok := range map[string]bool{
		"https://app.example.com": true, "https://app.example.com:8443/a/b": true, "http://127.0.0.1:3000": true, "http://[::1]": true,
		"": false, "/": false, "*": false, "app.example.com": false, "//app.example.com": false, "https://": false,
		"https://*.example.com": false, "https://app.example.com/": false, "https://app.example.com/a/": false,
		"https://app.example.com/a/../b": false, "https://app.example.com//a": false, "https://app.example.com/%61": false,
		"https://app.example.com/a?b": false, "https://app.example.com?b": false, "https://app.example.com#": false,
		"https://app.example.com/*": false, "https://APP.example.com": false, "HTTPS://app.example.com": false,
		"https://app.example.com:443": false, "https://app.example.com.": false, "https://john@app.example.com": false,
		`https://app.example.com\`: false, "http://app.example.com": false, "http://localhost.evil.com": false,
		"https://\u00fcber.example": false, "javascript:alert(1)": false, "data:": false, "capacitor://localhost": false,
		"https://app.example.com/a;b/..;": false, "https://app.example.com/" + strings.Repeat("a", 512): false,
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newPortal(t, nil)
			s, err := recovery.New(p.leads, recovery.NewMemoryTokenStore(), p.outbox, recovery.Options{
				Keys: [][]byte{testKey(1)}, Link: recovery.Link{URL: "https://portal.example.com/reset"},
				DangerouslyKeepSessions: true, ReturnTo: []string{"https://first.example.com", entry},
			})
			if s != nil {
				ended(t, s.Shutdown(t.Context()))
			}
			if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "option ReturnTo[1]: ") {
				t.Errorf("%q: %v", entry, err)
			}
		})
	}
}

// A link that uses the parameter for something else is a mistake, but only where
// places are listed.
func TestLinkLeavesRoomForReturnTo(t *testing.T) {
	const page = "https://portal.example.com/reset"
	for _, link := range []recovery.Link{
		{URL: page + "?return_to=x"}, {URL: page + "?a=b&retur%6e_to"}, {URL: page, TokenParam: "return_to"},
		{URL: page, LeadIDParam: "return_to", SecretParam: "s"}, {URL: page, LeadIDParam: "l", SecretParam: "return_to"},
		{URL: page, Fixed: []recovery.LinkParam{{Name: "return_to", Value: "x"}}},
		{URL: page + "/{token}?return_to=x"},
	} {
		for _, listed := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				p := newPortal(t, func(p *portal, o *recovery.Options) {
					if listed {
						withPlaces(p, o)
					}
				})
				req := byMail(johnMail)
				req.Link = &link
				_, forgotErr := p.ForgotPassword(t.Context(), req)
				o := recovery.Options{Keys: [][]byte{testKey(1)}, Link: link, DangerouslyKeepSessions: true}
				if listed {
					o.ReturnTo = places
				}
				s, newErr := recovery.New(p.leads, recovery.NewMemoryTokenStore(), p.outbox, o)
				if s != nil {
					ended(t, s.Shutdown(t.Context()))
				}
				for what, err := range map[string]error{"New": newErr, "AddLink": p.AddLink(link), "ForgotPassword": forgotErr} {
					if (err != nil) != listed || err != nil && !strings.Contains(err.Error(), "return_to") {
						t.Errorf("%s with %+v, places listed %t: %v", what, link, listed, err)
					}
				}
			})
		}
	}
}

// returnTo returns the parameter of a link.
func returnTo(t testing.TB, link string) string {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("return_to")
}

// Every form of a link carries the place, sealed and last. A link without a place
// is as it was.
func TestLinkCarriesReturnTo(t *testing.T) {
	const page = "https://portal.example.com/reset"
	for _, test := range []struct {
		link recovery.Link
		want string
	}{
		{recovery.Link{URL: page}, `\?token=[A-Za-z0-9_-]+`},
		{recovery.Link{URL: page + "?lang=en", TokenParam: "vtoken", Fixed: []recovery.LinkParam{{Name: "vtype", Value: "reset"}}}, `\?lang=en&vtype=reset&vtoken=[A-Za-z0-9_-]+`},
		{recovery.Link{URL: page, LeadIDParam: "LeadId", SecretParam: "TemporaryPassword"}, `\?LeadId=` + johnID + `&TemporaryPassword=[0-9a-f]{64}`},
		{recovery.Link{URL: page + "/{token}"}, `/[A-Za-z0-9_-]+`},
		{recovery.Link{URL: page + "/{token}/?a=b"}, `/[A-Za-z0-9_-]+/\?a=b`},
		{recovery.Link{URL: page + "/{LeadId}/{TemporaryPassword}"}, `/` + johnID + `/[0-9a-f]{64}`},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newPortal(t, func(p *portal, o *recovery.Options) {
				withPlaces(p, o)
				o.Link = test.link
			})
			for _, place := range []string{"", "https://app.example.com/cart?a=b&c=%22", "https://app.example.com/" + strings.Repeat("&", 512-24)} {
				req := byMail(johnMail)
				req.ReturnTo = place
				link := p.forgot(t, req).URL.Reveal()
				want := "^" + regexp.QuoteMeta(page) + test.want
				if place != "" {
					separator := "&"
					if !strings.Contains(test.want, `\?`) {
						separator = `\?`
					}
					want += separator + `return_to=[A-Za-z0-9_-]+`
				}
				if !regexp.MustCompile(want + "$").MatchString(link) {
					t.Errorf("the link is %s, want %s", link, want)
				}
				if got := p.OpenReturnTo(returnTo(t, link)); got != place {
					t.Errorf("%s opens as %q, want %q", link, got, place)
				}
				if strings.Contains(link, "app.example.com") {
					t.Errorf("the place is not sealed: %s", link)
				}
			}
		})
	}
}

// changedLetter returns a sealed value with another letter in its middle.
func changedLetter(sealed string) string {
	letter := "A"
	if sealed[20] == 'A' {
		letter = "B"
	}
	return sealed[:20] + letter + sealed[21:]
}

// Only what the Service sealed opens, for as long as its links may live, and while
// the place is listed.
func TestReturnToOpensWhereItShould(t *testing.T) {
	const place = "https://app.example.com/cart"
	synctest.Test(t, func(t *testing.T) {
		with := func(list []string, keys ...[]byte) *portal {
			return newPortal(t, func(_ *portal, o *recovery.Options) { o.ReturnTo, o.Keys = list, keys })
		}
		p := with(places, testKey(1))
		req := byMail(johnMail)
		req.ReturnTo = place
		m := p.forgot(t, req)
		sealed := returnTo(t, m.URL.Reveal())
		for _, test := range []struct {
			what   string
			by     *portal
			sealed string
			want   string
		}{
			{"the Service", p, sealed, place},
			{"one with a new key in front", with(places, testKey(2), testKey(1)), sealed, place},
			{"one without the key", with(places, testKey(2)), sealed, ""},
			{"one that does not list the place any more", with(places[1:], testKey(1)), sealed, ""},
			{"one that lists another path of its origin", with([]string{"https://app.example.com/carts"}, testKey(1)), sealed, ""},
			{"one that lists nothing", with(nil, testKey(1)), sealed, ""},
			{"a letter changed", p, changedLetter(sealed), ""},
			{"the end cut off", p, sealed[:len(sealed)-1], ""},
			{"a token in its place", p, token(t, m), ""},
			{"the place in the open", p, place, ""},
			{"nothing", p, "", ""},
		} {
			if got := test.by.OpenReturnTo(test.sealed); got != test.want {
				t.Errorf("%s: %q, want %q", test.what, got, test.want)
			}
		}
		// A sealed place is no token.
		wantErr(t, p.check(t.Context(), recovery.TokenProof(sealed)), recovery.ErrInvalidProof)
		time.Sleep(61 * 24 * time.Hour)
		if got := p.OpenReturnTo(sealed); got != "" {
			t.Errorf("61 days later, after any link has expired, it opens as %q", got)
		}
	})
}

// The whole way through the JSON API, with a step-up on it. A place that does not
// open changes no answer, and only a valid proof shows one that does.
func TestReturnToThroughTheAPI(t *testing.T) {
	const place = "https://app.example.com/cart?a=1&b=2"
	synctest.Test(t, func(t *testing.T) {
		var refusal error = &recovery.StepUpError{Detail: "Use your key."}
		p := newPortal(t, func(p *portal, o *recovery.Options) {
			withPlaces(p, o)
			o.StepUp = stepUp(func(recovery.Lead) error { return refusal })
		})
		h := p.Handler()
		send := func(path string, body map[string]any, status int, want string) {
			t.Helper()
			b, err := json.Marshal(body)
			if err != nil {
				t.Fatal(err)
			}
			w := post(h, path, string(b))
			if w.Code != status || want != "*" && w.Body.String() != want {
				t.Errorf("%s answers %d %s, want %d %s", path, w.Code, w.Body, status, want)
			}
		}
		// Known and unknown addresses get the same answers (A20).
		for _, address := range []string{johnMail, "nobody@example.com"} {
			send("/forgot-password", map[string]any{"email": address, "returnTo": place}, 202, "{}")
			send("/forgot-password", map[string]any{"email": address, "returnTo": "//evil.com"}, 400,
				`{"type":"about:blank","title":"Bad Request","status":400,"detail":"ReturnTo must have a path without empty segments, segments of dots, and escaped slashes, backslashes and percent signs.","code":"invalid_request","field":"returnTo"}`)
			send("/forgot-password", map[string]any{"email": address, "returnTo": []string{place, "https://evil.com"}}, 400, "*")
		}
		settle()
		all := p.outbox.Messages()
		if len(all) != 1 {
			t.Fatalf("%d messages, want 1", len(all))
		}
		sealed := returnTo(t, all[0].URL.Reveal())
		proven := func(with any) map[string]any {
			body := map[string]any{"token": token(t, all[0])}
			if with != nil {
				body["returnTo"] = with
			}
			return body
		}
		const back = `{"returnTo":"https://app.example.com/cart?a=1\u0026b=2"}`
		send("/check-token", proven(sealed), 200, back)
		send("/check-token", proven(nil), 204, "")
		for _, bad := range []string{"", "x", place, sealed[1:], token(t, all[0]), strings.Repeat("1", 4096)} {
			send("/check-token", proven(bad), 204, "")
		}
		send("/check-token", proven(7), 400, "*")
		invalid := post(h, "/check-token", `{"token":"x"}`).Body.String()
		send("/check-token", map[string]any{"token": "x", "returnTo": sealed}, 400, invalid)

		reset := proven(sealed)
		reset["password"] = goodPassword
		send("/reset-password", reset, 403, "*")
		refusal = nil
		send("/reset-password", reset, 200, back)
		send("/reset-password", reset, 400, invalid)
	})
}

// A code has no place to carry: the page that takes it keeps the place.
func TestReturnToWithACode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, withPlaces)
		req := recovery.ForgotRequest{Key: recovery.LeadKey{Field: "Phone", Value: johnPhone}, RecipientField: "Phone", Code: true, ReturnTo: "https://app.example.com/"}
		m := p.forgot(t, req)
		if err := p.reset(t.Context(), recovery.CodeProof(req.Key, m.Code.Reveal()), goodPassword); err != nil {
			t.Error(err)
		}
		req.ReturnTo = "https://evil.com/"
		_, err := p.ForgotPassword(t.Context(), req)
		wantErr(t, err, recovery.ErrInvalidRequest)
	})
}

// No log and no event has a place: its query may say something about a person.
func TestReturnToIsNotLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, withPlaces)
		for _, place := range []string{"https://app.example.com/?secret-of-john", "https://evil.com/?secret-of-john"} {
			b, _ := json.Marshal(map[string]string{"email": johnMail, "returnTo": place})
			if w := post(p.Handler(), "/forgot-password", string(b)); strings.Contains(w.Body.String(), "secret-of-john") {
				t.Errorf("the answer echoes the place: %d %s", w.Code, w.Body)
			}
		}
		settle()
		b, err := json.Marshal(p.events.all)
		if err != nil || strings.Contains(p.log.String()+string(b), "secret-of-john") {
			t.Errorf("the place is in the log or the events: %v\n%s\n%s", err, p.log, b)
		}
	})
}

// A page of the host that HideTokens wraps still reads the place, and a log within
// sees no token (A03).
func TestReturnToWithHideTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, withPlaces)
		req := byMail(johnMail)
		req.ReturnTo = "/cart"
		// The origin of the link is not listed.
		_, err := p.ForgotPassword(t.Context(), req)
		wantErr(t, err, recovery.ErrInvalidRequest)
		req.ReturnTo = "https://app.example.com/cart"
		m := p.forgot(t, req)
		var logged string
		page := recovery.HideTokens(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			logged = r.URL.String()
			recovery.ShowTokens(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if got := p.OpenReturnTo(r.URL.Query().Get("return_to")); got != req.ReturnTo {
					t.Errorf("the page reads %q", got)
				}
			})).ServeHTTP(w, r)
		}))
		w := post(page, m.URL.Reveal(), "")
		if w.Code != 200 || strings.Contains(logged, token(t, m)) || !strings.Contains(logged, "token=hidden&return_to=") {
			t.Errorf("%d, logged %s", w.Code, logged)
		}
	})
}

// browserHost returns the scheme and the host that a browser reads in a URL, by
// the URL Standard of WHATWG and without its help by net/url: white space around
// it, tabs and line ends are dropped, '\' is '/', and the number of slashes behind
// a special scheme does not matter.
func browserHost(s string) (scheme, host string) {
	s = strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
	s = strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/").Replace(s)
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok {
		return "", ""
	}
	rest = strings.TrimLeft(rest, "/")
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	return strings.ToLower(scheme), strings.ToLower(rest[strings.LastIndexByte(rest, '@')+1:])
}

// FuzzReturnTo holds every place that is accepted to this: net/url and a browser
// read the same host in it, that host and the beginning of the path are those of
// an entry, also when the path is decoded and cleaned, and it is safe to print.
func FuzzReturnTo(f *testing.F) {
	for _, s := range spellings() {
		f.Add(s.place, "https://app.example.com")
		f.Add(s.place, "https://www.example.com/shop")
	}
	f.Add("http://[::1]:80/a", "http://[::1]:8080/a")
	f.Add("https://a.b/c;..;/%3b", "https://a.b/c")
	f.Fuzz(func(t *testing.T, place, entry string) {
		if recovery.CheckAllowedPlace(entry) != nil {
			return
		}
		got, err := recovery.CheckReturnTo("https://app.example.com/reset", place, entry)
		if err != nil {
			if got != "" {
				t.Fatalf("%q: %q and %v", place, got, err)
			}
			return
		}
		if got != place && got != "https://app.example.com"+place {
			t.Fatalf("%q became %q", place, got)
		}
		u, err := url.Parse(got)
		if err != nil || u.String() != got && u.RawQuery == "" && !u.ForceQuery {
			t.Fatalf("%q is %v, %v", got, u, err)
		}
		allowed, err := url.Parse(entry)
		if err != nil {
			t.Fatalf("the entry %q: %v", entry, err)
		}
		scheme, host := browserHost(got)
		if u.Scheme != allowed.Scheme || u.Host != allowed.Host || scheme != u.Scheme || host != u.Host || u.User != nil || u.Opaque != "" || u.Fragment != "" {
			t.Fatalf("%q leads to %s://%s, in a browser to %s://%s, and the entry is %q", got, u.Scheme, u.Host, scheme, host, entry)
		}
		// What a server may make of the path: decoded once or twice, without
		// parameters, and clean.
		for decoded := u.EscapedPath(); ; {
			segments := strings.Split(strings.ReplaceAll(decoded, `\`, "/"), "/")
			for i, segment := range segments {
				segments[i], _, _ = strings.Cut(segment, ";")
				if segments[i] = strings.TrimRight(segments[i], " "); segments[i] == "..." {
					segments[i] = ".."
				}
			}
			below := path.Clean("/" + strings.Join(segments, "/"))
			if allowed.Path != "" && below != allowed.Path && !strings.HasPrefix(below, allowed.Path+"/") && !strings.Contains(allowed.Path, ";") {
				t.Fatalf("%q leads to %q, which is not below %q", got, below, entry)
			}
			again, err := url.PathUnescape(decoded)
			if err != nil || again == decoded {
				break
			}
			decoded = again
		}
		if len(got) > 512 || strings.ContainsFunc(got, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"<>\\#`", r) }) {
			t.Fatalf("%q is not safe to print", got)
		}
	})
}
