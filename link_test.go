package recovery_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
)

// linkParam returns a query parameter of the link in a message.
func linkParam(t testing.TB, m recovery.Message, name string) string {
	t.Helper()
	u, err := url.Parse(m.URL.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get(name)
}

func TestLinkValidate_A02(t *testing.T) {
	tests := []struct {
		sentence string
		url      string
		ok       bool
	}{
		{"https", "https://portal.example.com/reset", true},
		{"https without a path", "https://portal.example.com", true},
		{"https with a port", "https://portal.example.com:8443/reset", true},
		{"https with a query", "https://portal.example.com/reset?lang=en&x=%20", true},
		{"a scheme in capitals", "HTTPS://portal.example.com/reset", true},
		{"an IPv6 address", "https://[2001:db8::1]/reset", true},
		{"http for localhost", "http://localhost:8080/reset", true},
		{"http for a name below localhost", "http://app.localhost:3000/reset", true},
		{"http for a name that only ends like one", "http://app.notlocalhost/reset", false},
		{"http for 127.0.0.1", "http://127.0.0.1/reset", true},
		{"http for another loopback address", "http://127.8.9.1:80/reset", true},
		{"http for ::1", "http://[::1]:8080/reset", true},
		{"2,048 bytes", "https://portal.example.com/" + strings.Repeat("a", 2048-27), true},

		{"nothing", "", false},
		{"http", "http://portal.example.com/reset", false},
		{"http for a name that begins like localhost", "http://localhost.evil.com/", false},
		{"http for a name that ends like localhost", "http://evil-localhost/", false},
		{"http for an address that begins like loopback", "http://127.0.0.1.evil.com/", false},
		{"http for the unspecified address", "http://0.0.0.0/", false},
		{"http for a private address", "http://192.168.0.1/", false},
		{"no scheme", "//evil.com", false},
		{"no host", "/reset", false},
		{"a path that browsers take for a host", `/\evil.com`, false},
		{"a backslash for a slash", `https:\\evil.com`, false},
		{"user information", "https://good.com@evil.com/", false},
		{"user information with a password", "https://good.com:443@evil.com/", false},
		{"empty user information", "https://@evil.com/", false},
		{"no slashes", "https:evil.com", false},
		{"one slash", "https:/evil.com", false},
		{"three slashes", "https:///evil.com", false},
		{"an escaped dot in the host", "https://good.com%2eevil.com", false},
		{"an escaped slash in the host", "https://good.com%2f.evil.com", false},
		{"a port and no host", "https://:443/", false},
		{"a port that is no number", "https://good.com:44x/", false},
		{"a fragment", "https://good.com#@evil.com", false},
		{"an empty fragment", "https://good.com/reset#", false},
		{"javascript", "javascript:alert(1)", false},
		{"javascript with slashes", "javascript://good.com/%0aalert(1)", false},
		{"data", "data:text/html,x", false},
		{"ftp", "ftp://good.com/", false},
		{"a Cyrillic o in the host", "https://g\u043eod.com/", false},
		{"a full-width dot in the host", "https://good\uff0ecom/", false},
		{"a letter outside ASCII in the path", "https://good.com/zur\u00fcck", false},
		{"a space in front", " https://good.com/", false},
		{"a tab in front", "\thttps://good.com/", false},
		{"a line break in the scheme", "ht\ntps://good.com/", false},
		{"a line break at the end", "https://good.com/\n", false},
		{"a NUL", "https://good.com/\x00", false},
		{"a space inside", "https://good.com/a b", false},
		{"a double quote", `https://good.com/"onclick="x`, false},
		{"angle brackets", "https://good.com/<script>", false},
		{"a percent sign that escapes nothing", "https://good.com/%zz", false},
		{"2,049 bytes", "https://portal.example.com/" + strings.Repeat("a", 2049-27), false},
		{"64 KiB", "https://portal.example.com/" + strings.Repeat("a", 64<<10), false},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			if err := (recovery.Link{URL: test.url}).Validate(); (err == nil) != test.ok {
				t.Errorf("%.80q: %v", test.url, err)
			}
		})
	}
	const page = "https://portal.example.com/reset"
	shapes := []struct {
		sentence string
		link     recovery.Link
		ok       bool
	}{
		{"a name for the token", recovery.Link{URL: page, TokenParam: "vtoken"}, true},
		{"lead and secret apart", recovery.Link{URL: page, LeadIDParam: "LeadId", SecretParam: "TemporaryPassword"}, true},
		{"a lead without a secret", recovery.Link{URL: page, LeadIDParam: "LeadId"}, false},
		{"a secret without a lead", recovery.Link{URL: page, SecretParam: "s"}, false},
		{"both ways", recovery.Link{URL: page, TokenParam: "t", LeadIDParam: "l", SecretParam: "s"}, false},
		{"one name for lead and secret", recovery.Link{URL: page, LeadIDParam: "x", SecretParam: "x"}, false},
		{"fixed parameters", recovery.Link{URL: page, Fixed: []recovery.LinkParam{{"vtype", "reset"}, {"apikey", "\x00 ü&="}}}, true},
		{"a fixed parameter that is the token's default name", recovery.Link{URL: page, Fixed: []recovery.LinkParam{{"token", "x"}}}, false},
		{"a fixed parameter twice", recovery.Link{URL: page, Fixed: []recovery.LinkParam{{"a", "1"}, {"a", "2"}}}, false},
		{"a fixed parameter without a name", recovery.Link{URL: page, Fixed: []recovery.LinkParam{{"", "x"}}}, false},
		{"a name with a space", recovery.Link{URL: page, TokenParam: "my token"}, false},
		{"a name with a line break", recovery.Link{URL: page, TokenParam: "a\r\nb"}, false},
		{"a name outside ASCII", recovery.Link{URL: page, TokenParam: "tök"}, false},
		{"fixed parameters that make 2,048 bytes", recovery.Link{URL: page, Fixed: []recovery.LinkParam{{"a", strings.Repeat("x", 2048-len(page)-3)}}}, true},
		{"fixed parameters that make 2,049", recovery.Link{URL: page, Fixed: []recovery.LinkParam{{"a", strings.Repeat("x", 2049-len(page)-3)}}}, false},
		{"fixed parameters that make more when they are escaped", recovery.Link{URL: page, Fixed: []recovery.LinkParam{{"a", strings.Repeat("\x00", 700)}}}, false},
	}
	for _, test := range shapes {
		t.Run(test.sentence, func(t *testing.T) {
			if err := test.link.Validate(); (err == nil) != test.ok {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestLinkIsRendered(t *testing.T) {
	const page = "https://portal.example.com/reset"
	tests := []struct {
		sentence string
		link     recovery.Link
		want     string // with TOKEN, or LEAD and SECRET
	}{
		{"nothing but the page", recovery.Link{URL: page}, page + "?token=TOKEN"},
		{"no path", recovery.Link{URL: "https://portal.example.com"}, "https://portal.example.com?token=TOKEN"},
		{"a query", recovery.Link{URL: page + "?lang=en"}, page + "?lang=en&token=TOKEN"},
		{"an empty query", recovery.Link{URL: page + "?"}, page + "?token=TOKEN"},
		{"another name", recovery.Link{URL: page, TokenParam: "vtoken"}, page + "?vtoken=TOKEN"},
		{"lead and secret apart", recovery.Link{URL: page, LeadIDParam: "LeadId", SecretParam: "TemporaryPassword"}, page + "?LeadId=LEAD&TemporaryPassword=SECRET"},
		{"fixed parameters, which go first", recovery.Link{URL: page + "?x=1", TokenParam: "vtoken", Fixed: []recovery.LinkParam{{"vtype", "reset"}, {"apikey", "k"}}}, page + "?x=1&vtype=reset&apikey=k&vtoken=TOKEN"},
		{"values that must be escaped", recovery.Link{URL: page, Fixed: []recovery.LinkParam{{"a&b=c", "d&e=f g#h+\"<ü>\r\n"}}}, page + "?a%26b%3Dc=d%26e%3Df+g%23h%2B%22%3C%C3%BC%3E%0D%0A&token=TOKEN"},
		{"the host's own escaping", recovery.Link{URL: "https://portal.example.com/a%2Fb;c/?q=%41+%42&r"}, "https://portal.example.com/a%2Fb;c/?q=%41+%42&r&token=TOKEN"},
		// A02: whatever pretends to be the token goes.
		{"a token that is there already", recovery.Link{URL: page + "?token=evil&lang=en"}, page + "?lang=en&token=TOKEN"},
		{"one that is there twice", recovery.Link{URL: page + "?token=evil&token=worse"}, page + "?token=TOKEN"},
		{"one without a value", recovery.Link{URL: page + "?token&lang=en"}, page + "?lang=en&token=TOKEN"},
		{"one in disguise", recovery.Link{URL: page + "?%74oken=evil&to%6ben=worse"}, page + "?token=TOKEN"},
		{"a name that only begins so", recovery.Link{URL: page + "?tokens=1&Token=2"}, page + "?tokens=1&Token=2&token=TOKEN"},
		{"a fixed parameter that is there already", recovery.Link{URL: page + "?vtype=evil", Fixed: []recovery.LinkParam{{"vtype", "reset"}}}, page + "?vtype=reset&token=TOKEN"},
		{"a lead that is there already", recovery.Link{URL: page + "?LeadId=evil&s=1", LeadIDParam: "LeadId", SecretParam: "s"}, page + "?LeadId=LEAD&s=SECRET"},
		{"a second question mark", recovery.Link{URL: page + "?a=b?token=evil"}, page + "?a=b?token=evil&token=TOKEN"},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, ofRequest := range []bool{false, true} {
					p := newPortal(t, func(_ *portal, o *recovery.Options) {
						if !ofRequest {
							o.Link = test.link
						}
					})
					req := byMail(johnMail)
					if ofRequest {
						req.Link = &test.link
					}
					got := p.forgot(t, req).URL.Reveal()
					want := regexp.QuoteMeta(test.want)
					want = strings.NewReplacer("TOKEN", "([A-Za-z0-9_-]+)", "LEAD", johnID, "SECRET", "([0-9a-f]{64})").Replace(want)
					if !regexp.MustCompile("^" + want + "$").MatchString(got) {
						t.Errorf("got %s, want %s", got, test.want)
					}
				}
			})
		})
	}
}

// A request names one of the host's links or is refused; it cannot name
// nonsense that New would have refused.
func TestLinkOfARequestIsValidatedToo_A02(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		for _, u := range []string{"", "http://portal.example.com/", "//evil.com", "https://good.com@evil.com/"} {
			req := byMail(johnMail)
			req.Link = &recovery.Link{URL: u}
			_, err := p.ForgotPassword(t.Context(), req)
			wantErr(t, err, recovery.ErrInvalidRequest)
			_, err = p.IssueToken(t.Context(), recovery.IssueRequest{Key: req.Key, Link: req.Link, Requester: recovery.Requester{Caller: "crm"}})
			wantErr(t, err, recovery.ErrInvalidRequest)
		}
		// Changing a link after the call changes nothing: it travels in the job.
		req := byMail(johnMail)
		req.Link = &recovery.Link{URL: "https://portal.example.com/a", Fixed: []recovery.LinkParam{{"x", "1"}}}
		if _, err := p.ForgotPassword(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		req.Link.URL, req.Link.Fixed[0].Value = "https://evil.com/", "2"
		settle()
		if got := p.outbox.Messages()[0].URL.Reveal(); !strings.HasPrefix(got, "https://portal.example.com/a?x=1&token=") {
			t.Errorf("got %s", got)
		}
	})
}

// The largest request that is accepted fits into a job, for every identifier
// and link: what New accepts must not fail with every request.
func TestLargestRequestFitsIntoAJob(t *testing.T) {
	worst := func(prefix, unit string) string {
		return prefix + strings.Repeat(unit, (2048-len(prefix))/len(unit))
	}
	largest := 0
	for _, u := range []string{
		worst("https://portal.example.com/", "a"), worst("https://portal.example.com/?", "&"),
		worst("https://portal.example.com/?", "a=&"), worst("https://portal.example.com/?", "'"),
	} {
		for _, name := range []string{strings.Repeat("&", 256), strings.Repeat(`"`, 256), strings.Repeat("\u00e9", 128)} {
			synctest.Test(t, func(t *testing.T) {
				q := &heldQueue{}
				p := newPortal(t, func(p *portal, o *recovery.Options) {
					o.Link, o.Queue, o.ReturnTo = recovery.Link{URL: u}, q, []string{"https://portal.example.com"}
					l := lead("large", recovery.StatusActive)
					l.ID = strings.Repeat("<", 256)
					l.Fields["Username"] = recovery.FieldValue{Value: name}
					p.leads.Add(l, "")
				})
				for _, languages := range []string{strings.Repeat("<", 128), strings.Repeat("\xff", 128), strings.Repeat("\x01", 128)} {
					_, err := p.ForgotPassword(t.Context(), recovery.ForgotRequest{
						Key:       recovery.LeadKey{Field: "Username", Value: name},
						ReturnTo:  "/" + strings.Repeat("&", 512-27),
						Template:  strings.Repeat(`"`, 128),
						Requester: recovery.Requester{Caller: strings.Repeat(`"`, 64), AcceptLanguage: languages},
					})
					if err != nil {
						t.Fatal(err)
					}
					jobs := q.take()
					largest = max(largest, len(jobs[0].Payload))
					_ = q.Enqueue(t.Context(), jobs[0])
					p.performAll(t, q)
				}
				all := p.outbox.Messages()
				if len(all) != 3 {
					t.Fatalf("%d mails, want 3", len(all))
				}
				if err := p.reset(t.Context(), recovery.TokenProof(token(t, all[0])), goodPassword); err != nil {
					t.Error(err)
				}
			})
		}
	}
	t.Logf("the largest payload has %d bytes", largest)
	if largest >= 16<<10 {
		t.Errorf("the largest payload has %d bytes, want under 16 KiB", largest)
	}
}

// poisons are the headers that servers have built links from.
func poisons() map[string]func(r *http.Request) {
	const evil = "evil.example"
	all := map[string]func(r *http.Request){
		"nothing":                       func(*http.Request) {},
		"Host":                          func(r *http.Request) { r.Host = evil },
		"Host with a port":              func(r *http.Request) { r.Host = "portal.example.com:1@" + evil },
		"Host with '@' (Django's)":      func(r *http.Request) { r.Host = "www.example:dr.frankenstein@evil.tld" },
		"no Host":                       func(r *http.Request) { r.Host = "" },
		"an absolute-form request line": func(r *http.Request) { r.URL.Scheme, r.URL.Host = "http", evil },
		"a query":                       func(r *http.Request) { r.URL.RawQuery = "url=https://" + evil + "&token=x&resetpasswordurl=//" + evil },
		"all at once":                   nil,
	}
	headers := map[string]string{
		"X-Forwarded-Host": evil, "X-Forwarded-Proto": "http", "X-Forwarded-Port": "1234", "X-Forwarded-Prefix": "//" + evil,
		"X-Forwarded-Server": evil, "X-Forwarded-Scheme": "javascript", "X-Forwarded-For": evil,
		"Forwarded": "for=1.2.3.4;host=" + evil + ";proto=http", "X-Original-Url": "//" + evil + "/reset", "X-Rewrite-Url": "https://" + evil,
		"X-Host": evil, "X-Original-Host": evil, "X-Http-Host-Override": evil, "X-Forwarded": "host=" + evil,
		"Referer": "https://" + evil + "/forgot", "Origin": "https://" + evil, "Via": "1.1 " + evil, "Base-Url": "https://" + evil,
	}
	for name, value := range headers {
		all[name] = header(name, value)
		all[name+" twice"] = header(name, "portal.example.com", value)
	}
	all["all at once"] = func(r *http.Request) {
		for name, value := range headers {
			header(name, value)(r)
		}
		r.Host = evil
	}
	return all
}

// A01: the mailed link is the configured one, whatever the request says.
func TestLinkIsNeverBuiltFromTheRequest_A01(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, func(_ *portal, o *recovery.Options) {
			o.Link = recovery.Link{URL: "https://portal.example.com/reset?lang=en", Fixed: []recovery.LinkParam{{"vtype", "reset"}}}
			o.ClientAddress.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} // even a proxy says nothing about the link
		})
		h := p.Handler()
		answers := map[string][]string{}
		n := 0
		for name, poison := range poisons() {
			w := post(h, "/forgot-password", `{"email":"johnwick@example.com"}`, from("10.0.0.1"), poison)
			settle()
			all := p.outbox.Messages()
			if w.Code != http.StatusAccepted || len(all) != n+1 {
				t.Fatalf("%s: %d, %d mails", name, w.Code, len(all)-n)
			}
			m := all[n]
			n++
			tok := linkParam(t, m, "token")
			if got := strings.Replace(m.URL.Reveal(), tok, "TOKEN", 1); got != "https://portal.example.com/reset?lang=en&vtype=reset&token=TOKEN" {
				t.Errorf("%s: the link is %s", name, got)
			}
			if m.To != johnMail {
				t.Errorf("%s: to %s", name, m.To)
			}
			for _, s := range w.Header() {
				for _, v := range s {
					if strings.Contains(v, "evil") {
						t.Errorf("%s: the answer echoes %q", name, v)
					}
				}
			}
			answers[w.Body.String()] = append(answers[w.Body.String()], name)
		}
		if len(answers) != 1 {
			t.Errorf("bodies differ: %v", answers)
		}
	})
}

// A01, over a real connection: net/http puts the host of an absolute-form
// request line before that of the Host field.
func TestLinkIsNeverBuiltFromTheRequestLine_A01(t *testing.T) {
	mails := make(chan recovery.Message, 1)
	p := newPortal(t, func(p *portal, _ *recovery.Options) {
		p.outbox.Intercept(func(_ context.Context, m recovery.Message) error {
			mails <- m
			return nil
		})
	})
	server := httptest.NewServer(p.Handler())
	defer server.Close()
	const body = `{"email":"johnwick@example.com"}`
	for _, head := range []string{
		"POST http://evil.example/forgot-password HTTP/1.1\r\nHost: portal.example.com\r\n",
		"POST https://portal.example.com:1@evil.example/forgot-password HTTP/1.1\r\nHost: evil.example\r\n",
		"POST /forgot-password HTTP/1.1\r\nHost: www.example:1234\r\nX-Forwarded-Host: evil.example\r\n",
		"POST /forgot-password HTTP/1.0\r\n",
	} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "%sContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", head, len(body), body)
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		_ = conn.Close()
		if res.StatusCode == http.StatusBadRequest {
			continue // net/http's own refusal
		}
		if res.StatusCode != http.StatusAccepted {
			t.Fatalf("%q: %s", head, res.Status)
		}
		var m recovery.Message
		testenv.Eventually(t, 20*time.Second, "the mail that was asked for", func() bool {
			select {
			case m = <-mails:
				return true
			default:
				return false
			}
		})
		if got := strings.Replace(m.URL.Reveal(), linkParam(t, m, "token"), "TOKEN", 1); got != "https://portal.example.com/reset?token=TOKEN" {
			t.Errorf("%q: the link is %s", head, got)
		}
	}
}

// A06: what is mailed survives every transport: letters, digits, '-' and '_'.
func TestTokenAlphabet_A06(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		alphabet := regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
		hex := regexp.MustCompile(`^[0-9a-f]{64}$`)
		apart := &recovery.Link{URL: "https://portal.example.com/", LeadIDParam: "l", SecretParam: "s"}
		seen := map[string]bool{}
		for range 50 {
			if tok := token(t, p.forgot(t, byMail(johnMail))); !alphabet.MatchString(tok) || len(tok) > 400 || seen[tok] {
				t.Fatalf("token %q", tok)
			} else {
				seen[tok] = true
			}
			req := byMail(johnMail)
			req.Link = apart
			if s := linkParam(t, p.forgot(t, req), "s"); !hex.MatchString(s) || seen[s] {
				t.Fatalf("secret %q", s)
			} else {
				seen[s] = true
			}
		}
		revoke := func() {
			t.Helper()
			if err := p.RevokeTokens(t.Context(), johnID); err != nil {
				t.Fatal(err)
			}
		}
		revoke() // all those links: the next ones must not replace what is tested
		tok := token(t, p.forgot(t, byMail(johnMail)))
		wantErr(t, p.check(t.Context(), recovery.TokenProof(tok)), nil)
		other := []string{
			tok + "=", tok + "==", tok + "\n", tok + "\r\n", tok + " ", " " + tok, "\t" + tok, tok + "\x00", tok[:len(tok)-1], tok + "A", tok[:10] + "\n" + tok[10:],
			tok[:10] + "=\r\n" + tok[10:], tok[:10] + " " + tok[10:], strings.ReplaceAll(tok, "_", "/") + "+", "=" + tok,
			strings.ToUpper(tok), strings.ToLower(tok), "%20" + tok, url.QueryEscape(tok + "="), tok + tok, strings.Repeat("A", 1<<10), strings.Repeat("A", 16<<10), "", ".", "undefined", "null",
		}
		// The last character carries bits that a lenient decoder drops.
		last := strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", tok[len(tok)-1])
		if len(tok)%4 != 0 {
			other = append(other, tok[:len(tok)-1]+string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[last^1]))
		}
		h := p.Handler()
		answers := map[string]bool{}
		for _, s := range other {
			if s == tok {
				continue
			}
			wantErr(t, p.check(t.Context(), recovery.TokenProof(s)), recovery.ErrInvalidProof)
			if len(s) > 15<<10 {
				continue
			}
			b, err := json.Marshal(map[string]string{"token": s, "password": goodPassword})
			if err != nil {
				t.Fatal(err)
			}
			w := post(h, "/reset-password", string(b), from("192.0.2.1"))
			w.Header().Del("RateLimit")
			answers[answer(w)] = true
		}
		if len(answers) != 1 {
			t.Errorf("%d different answers: %v", len(answers), answers)
		}
		// The same for the two in the open.
		wantErr(t, p.check(t.Context(), recovery.TokenProof(tok)), nil)
		revoke()
		req := byMail(johnMail)
		req.Link = apart
		secret := linkParam(t, p.forgot(t, req), "s")
		for _, s := range []string{secret + "=", secret + "\n", secret + " ", " " + secret, strings.ToUpper(secret), secret[:63], secret + "0", secret[:32] + "\n" + secret[32:]} {
			wantErr(t, p.check(t.Context(), recovery.LinkSecretProof(johnID, s)), recovery.ErrInvalidProof)
		}
		for _, id := range []string{johnID + " ", " " + johnID, strings.ToUpper(johnID), "{" + johnID + "}", "", johnID + "\n", "lead-disabled"} {
			wantErr(t, p.check(t.Context(), recovery.LinkSecretProof(id, secret)), recovery.ErrInvalidProof)
		}
		wantErr(t, p.check(t.Context(), recovery.LinkSecretProof(johnID, secret)), nil)
	})
}

// FuzzLinkRender holds every link that Validate accepts to this: the mailed
// URL leads to the configured scheme, host and path, the token is in it once,
// and fixed parameters have the host's values.
func FuzzLinkRender(f *testing.F) {
	f.Add("https://portal.example.com/reset?lang=en", "token", "vtype", "reset")
	f.Add("https://portal.example.com?token=1&%74oken=2", "", "a", "b")
	f.Add("http://[::1]:80/?a=b?token=c", "t", "x&y", "=&#\r\n")
	f.Add("https://h/%2e%2e/;x?&&=&=1", "=", "&", "%")
	f.Add(`https://good.com\@evil.com`, "t", "", "")
	f.Add("https://h/reset/{token}/?a=1", "", "b", "2")
	f.Add("https://h/{token}/{token}/%7Btoken%7D/{LeadId}", "", "", "")
	f.Fuzz(func(t *testing.T, base, name, fixedName, fixedValue string) {
		link := recovery.Link{URL: base, TokenParam: name}
		if fixedName != "" {
			link.Fixed = []recovery.LinkParam{{Name: fixedName, Value: fixedValue}}
		}
		if link.Validate() != nil {
			return
		}
		const secret = "SECRET-_9"
		placed := strings.Count(base, "{")
		if placed == 0 && name == "" {
			name = "token"
		}
		if placed == 2 {
			return // it carries lead and secret apart
		}
		rendered, err := recovery.RenderLink(link, name, secret)
		if err != nil {
			t.Fatal(err)
		}
		if placed == 1 && strings.Count(rendered, secret) != strings.Count(base, secret)+1 || strings.ContainsAny(rendered, "{}") {
			t.Fatalf("%q became %q", base, rendered)
		}
		u, err := url.Parse(rendered)
		if err != nil {
			t.Fatalf("%q does not parse: %v", rendered, err)
		}
		want, err := url.Parse(strings.Replace(base, "{token}", secret, 1))
		if err != nil {
			t.Fatal(err)
		}
		if u.Scheme != want.Scheme || u.Host != want.Host || u.EscapedPath() != want.EscapedPath() || u.User != nil || u.Fragment != "" {
			t.Fatalf("%q leads elsewhere than %q", rendered, base)
		}
		if strings.ContainsFunc(rendered, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"<>\`, r) }) {
			t.Fatalf("%q is not safe to print", rendered)
		}
		// What the page reads, and what a reader does that splits on '&' alone.
		values, _ := url.ParseQuery(u.RawQuery)
		if got := values[name]; placed == 0 && !slices.Equal(got, []string{secret}) {
			t.Fatalf("%q has the tokens %q", rendered, got)
		}
		if got := values[fixedName]; fixedName != "" && !slices.Equal(got, []string{fixedValue}) {
			if utf8.ValidString(fixedValue) {
				t.Fatalf("%q has the fixed values %q, want %q", rendered, got, fixedValue)
			}
		}
		if link.Validate() != nil || len(rendered) > len(base)+3*(len(name)+len(fixedName)+len(fixedValue))+32 {
			t.Fatalf("%q is too long", rendered)
		}
	})
}
