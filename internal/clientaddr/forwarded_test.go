package clientaddr_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery/internal/clientaddr"
)

func forwardedResolver(t testing.TB) *clientaddr.Resolver {
	t.Helper()
	r, err := clientaddr.New(clientaddr.Options{Trusted: prefixes("10.0.0.0/8"), Forwarded: true})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestForwarded_A50(t *testing.T) {
	r := forwardedResolver(t)
	for _, test := range []struct {
		sentence string
		lines    []string
		want     string
	}{
		{"nothing", nil, "10.0.0.1"},
		{"an empty line", []string{""}, "10.0.0.1"},
		{"one client", []string{"for=198.51.100.7"}, "198.51.100.7"},
		{"the name in any case, with other parameters", []string{"proto=https;FOR=198.51.100.7;by=10.0.0.1;host=a.example"}, "198.51.100.7"},
		{"a quoted address with a port", []string{`for="198.51.100.7:4711"`}, "198.51.100.7"},
		{"IPv6, as RFC 7239 writes it", []string{`For="[2001:db8:cafe::17]:4711"`}, "2001:db8:cafe::17"},
		{"IPv6 without the quotes", []string{`for=[2001:db8:cafe::17]:4711`}, "2001:db8:cafe::17"},
		{"escapes in a quoted string", []string{`for="198\.51.100.7"`}, "198.51.100.7"},
		{"the last untrusted hop", []string{"for=203.0.113.9, for=198.51.100.7, for=10.1.1.1"}, "198.51.100.7"},
		{"the last of several lines", []string{"for=203.0.113.9", "for=198.51.100.7"}, "198.51.100.7"},
		{"the first of nothing but proxies", []string{"for=10.3.3.3, for=10.1.1.1"}, "10.3.3.3"},
		{"empty elements", []string{"for=198.51.100.7, , for=10.1.1.1,"}, "198.51.100.7"},
		{"a space after the semicolon", []string{"for=198.51.100.7; proto=http"}, "198.51.100.7"},
		{"garbage on an earlier line that is not reached", []string{`for="`, "for=198.51.100.7"}, "198.51.100.7"},
		{"a client that is not named", []string{"for=unknown"}, none},
		{"an obfuscated client", []string{"for=_hidden"}, none},
		{"an element without for", []string{"for=203.0.113.9, proto=http"}, none},
		{"for twice", []string{"for=203.0.113.9;for=198.51.100.7"}, none},
		{"a quoted string that the client began", []string{`for="x, for=198.51.100.7`}, none},
		{"a quoted string that the proxy's quotes end", []string{`for="x, for="[2001:db8::1]"`}, none},
		{"a value without a name", []string{"198.51.100.7"}, none},
		{"no value", []string{"for="}, none},
		{"too many hops", []string{strings.Repeat("for=10.1.1.1,", 33)}, none},
		{"too long", []string{"for=198.51.100.7;x=" + strings.Repeat("a", 5000)}, none},
	} {
		req := request("10.0.0.1:4711", "192.0.2.99") // X-Forwarded-For is not read
		req.Header["Forwarded"] = test.lines
		if got := r.Addr(req).String(); got != test.want {
			t.Errorf("%s: %s, want %s", test.sentence, got, test.want)
		}
	}
	// Nobody else may say for whom it forwards.
	req := request("192.0.2.1:1")
	req.Header["Forwarded"] = []string{"for=198.51.100.7"}
	if got := r.Addr(req).String(); got != "192.0.2.1" {
		t.Errorf("an untrusted peer: %s", got)
	}
}

// What a client sends before a proxy appends its peer never becomes the address.
func FuzzForwarded(f *testing.F) {
	r := forwardedResolver(f)
	for _, s := range []string{"", "for=203.0.113.9", `for="`, `for="a\`, "for=unknown;;", "a=b,", `for="[::1]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, sent string) {
		for _, appended := range []string{"for=198.51.100.7", `for="198.51.100.7:1"`} {
			req := request("10.0.0.1:4711")
			req.Header["Forwarded"] = []string{sent + ", " + appended}
			if got := r.Addr(req); got.IsValid() && got != netip.MustParseAddr("198.51.100.7") {
				t.Fatalf("%q makes the client %v", sent, got)
			}
		}
	})
}

// A peer on a Unix domain socket has no address. It is believed if the host says
// so, and only then.
func TestUnixSockets(t *testing.T) {
	for trust, want := range map[bool]string{false: none, true: "198.51.100.7"} {
		r, err := clientaddr.New(clientaddr.Options{UnixSockets: trust})
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "s")
		listener, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan string, 1)
		server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
			got <- r.Addr(req).String()
		})}}
		server.Start()
		client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}}}
		req, _ := http.NewRequest(http.MethodGet, "http://socket/", nil)
		req.Header.Set("X-Forwarded-For", "198.51.100.7")
		answer, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if got := <-got; got != want {
			t.Errorf("trusted %v: %s, want %s", trust, got, want)
		}
		client.CloseIdleConnections()
		server.Close()
		// A peer of another kind without an address is not believed.
		pipe := request("pipe", "198.51.100.7")
		if a := r.Addr(pipe); a.IsValid() {
			t.Errorf("a pipe: %v", a)
		}
	}
}

func TestIgnored(t *testing.T) {
	usual, other := resolver(t, "10.0.0.0/8"), forwardedResolver(t)
	for _, test := range []struct {
		r       *clientaddr.Resolver
		remote  string
		header  string
		want    string
		trusted bool
	}{
		{usual, "192.0.2.1:1", "", "", false},
		{usual, "192.0.2.1:1", "X-Forwarded-For", "X-Forwarded-For", false},
		{usual, "192.0.2.1:1", "Forwarded", "Forwarded", false},
		{usual, "192.0.2.1:1", "CF-Connecting-IP", "Cf-Connecting-Ip", false},
		{usual, "10.0.0.1:1", "", "", true},
		{usual, "10.0.0.1:1", "X-Forwarded-For", "", true},
		{usual, "10.0.0.1:1", "X-Real-IP", "X-Real-Ip", true},
		{other, "10.0.0.1:1", "Forwarded", "", true},
		{other, "10.0.0.1:1", "X-Forwarded-For", "X-Forwarded-For", true},
	} {
		req := request(test.remote)
		if test.header != "" {
			req.Header.Set(test.header, "198.51.100.7")
		}
		if got, trusted := test.r.Ignored(req); got != test.want || trusted != test.trusted {
			t.Errorf("%s with %s: %q, %v", test.remote, test.header, got, trusted)
		}
	}
}
