package clientaddr_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery/internal/clientaddr"
)

// behindServers returns a resolver with one trusted proxy and some servers.
func behindServers(t testing.TB) *clientaddr.Resolver {
	t.Helper()
	r, err := clientaddr.New(clientaddr.Options{
		Trusted: prefixes("10.0.0.1/32"), Servers: prefixes("10.8.0.0/16", "::ffff:127.0.0.0/104", "2001:db8:8::/48"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestPassedOn_A50: a server that the host lists chooses whose request it is, and
// nobody else does.
func TestPassedOn_A50(t *testing.T) {
	const server = "10.8.1.1:4711"
	tests := []struct {
		sentence     string
		remote       string
		origin       []string
		forwardedFor []string
		proven       bool
		want         string // empty: nobody is believed
	}{
		{"a listed server", server, []string{"198.51.100.7"}, nil, false, "198.51.100.7"},
		{"a listed server behind a trusted proxy", "10.0.0.1:1", []string{"198.51.100.7"}, []string{"10.8.1.1"}, false, "198.51.100.7"},
		{"a listed server behind two trusted proxies", "10.0.0.1:1", []string{"198.51.100.7"}, []string{"10.8.1.1,10.0.0.1"}, false, "198.51.100.7"},
		{"a server as an IPv4-mapped prefix and peer", "[::ffff:127.0.0.1]:1", []string{"198.51.100.7"}, nil, false, "198.51.100.7"},
		{"a server with an IPv6 address", "[2001:db8:8::1]:1", []string{"2001:DB8::1"}, nil, false, "2001:db8::1"},
		{"an address with a port", server, []string{"198.51.100.7:5"}, nil, false, "198.51.100.7"},
		{"an address with white space", server, []string{" 198.51.100.7\t"}, nil, false, "198.51.100.7"},
		{"an IPv4-mapped address", server, []string{"::ffff:198.51.100.7"}, nil, false, "198.51.100.7"},
		{"a sender with the secret", "192.0.2.1:1", []string{"198.51.100.7"}, nil, true, "198.51.100.7"},
		{"a sender with the secret behind a strange proxy", "192.0.2.1:1", []string{"198.51.100.7"}, []string{"203.0.113.9"}, true, "198.51.100.7"},

		{"a stranger", "192.0.2.1:1", []string{"198.51.100.7"}, nil, false, ""},
		{"a stranger behind the trusted proxy", "10.0.0.1:1", []string{"198.51.100.7"}, []string{"192.0.2.1"}, false, ""},
		{"a stranger who makes the server's address up", "192.0.2.1:1", []string{"198.51.100.7"}, []string{"10.8.1.1"}, false, ""},
		{"a stranger who makes it up behind the trusted proxy", "10.0.0.1:1", []string{"198.51.100.7"}, []string{"10.8.1.1, 192.0.2.1"}, false, ""},
		{"a stranger behind a proxy that is only listed as a server", server, []string{"198.51.100.7"}, []string{"192.0.2.1"}, false, ""},
		{"a stranger behind such a proxy and a trusted one", "10.0.0.1:1", []string{"198.51.100.7"}, []string{"192.0.2.1, 10.8.1.1"}, false, ""},
		{"the same on two lines", "10.0.0.1:1", []string{"198.51.100.7"}, []string{"192.0.2.1", "10.8.1.1"}, false, ""},
		{"the same through two trusted ones", "10.0.0.1:1", []string{"198.51.100.7"}, []string{"192.0.2.1, 10.8.1.1, 10.0.0.1"}, false, ""},
		{"the trusted proxy itself", "10.0.0.1:1", []string{"198.51.100.7"}, nil, false, ""},
		{"a peer without an address", "@", []string{"198.51.100.7"}, nil, false, ""},
		{"a server that passes nobody on", server, nil, nil, false, ""},
		{"a server that passes nothing on", server, []string{""}, nil, false, ""},
		{"the secret, without a person", "192.0.2.1:1", nil, nil, true, ""},

		{"nobody, for two", server, []string{"198.51.100.7", "198.51.100.8"}, nil, false, none},
		{"nobody, for a list", server, []string{"198.51.100.7, 198.51.100.8"}, nil, false, none},
		{"nobody, for garbage", server, []string{"undefined"}, nil, false, none},
		{"nobody, for a space", server, []string{" "}, nil, false, none},
		{"nobody, for a prefix", server, []string{"198.51.100.0/24"}, nil, false, none},
		{"nobody, for a megabyte", server, []string{strings.Repeat("1", 1<<20)}, nil, false, none},
		{"nobody, for garbage with the secret", "192.0.2.1:1", []string{"undefined"}, nil, true, none},
	}
	r := behindServers(t)
	for _, tt := range tests {
		req := request(tt.remote, tt.forwardedFor...)
		req.Header["X-Origin-Ip"] = tt.origin
		person, ok := r.PassedOn(req, r.Addr(req), tt.proven)
		if ok != (tt.want != "") || ok && person.String() != tt.want {
			t.Errorf("%s: %v, %v, want %q", tt.sentence, person, ok, tt.want)
		}
	}
}

// TestForwardingServer_A50: the same by Forwarded.
func TestForwardingServer_A50(t *testing.T) {
	r, err := clientaddr.New(clientaddr.Options{Trusted: prefixes("10.0.0.1/32"), Servers: prefixes("10.8.0.0/16"), Forwarded: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		forwarded []string
		believed  bool
	}{
		{[]string{"for=10.8.1.1"}, true},
		{[]string{"for=10.8.1.1, for=10.0.0.1"}, true},
		{[]string{"for=192.0.2.1, for=10.8.1.1"}, false},
		{[]string{"for=192.0.2.1", "for=10.8.1.1"}, false},
		{[]string{"for=192.0.2.1, for=10.8.1.1", "for=10.0.0.1"}, false},
	} {
		req := request("10.0.0.1:1")
		req.Header["Forwarded"], req.Header["X-Origin-Ip"] = tt.forwarded, []string{"198.51.100.7"}
		if _, ok := r.PassedOn(req, r.Addr(req), false); ok != tt.believed {
			t.Errorf("%q: believed %v", tt.forwarded, ok)
		}
	}
}

// A server for everybody lets everybody choose.
func TestServersAreChecked(t *testing.T) {
	for _, p := range []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0"), netip.MustParsePrefix("::ffff:0.0.0.0/96"), {}} {
		if _, err := clientaddr.New(clientaddr.Options{Servers: []netip.Prefix{p}}); err == nil || !strings.Contains(err.Error(), "server caller 0") {
			t.Errorf("%v: %v", p, err)
		}
	}
}

// FuzzPassedOn: whatever is passed on, a stranger is not believed, and the
// address has the one form that Addr returns.
func FuzzPassedOn(f *testing.F) {
	for _, s := range []string{"198.51.100.7", "::ffff:1.2.3.4", "[::1%eth0]:5", "undefined", ""} {
		f.Add(s, "10.8.1.1")
	}
	r := behindServers(f)
	f.Fuzz(func(t *testing.T, origin, forwardedFor string) {
		req := request("192.0.2.1:1", forwardedFor)
		req.Header["X-Origin-Ip"] = []string{origin}
		if person, ok := r.PassedOn(req, r.Addr(req), false); ok {
			t.Fatalf("a stranger is believed to be %v", person)
		}
		req.RemoteAddr = "10.8.1.1:4711"
		req.Header.Del("X-Forwarded-For")
		person, ok := r.PassedOn(req, r.Addr(req), false)
		if ok != (origin != "") || person.Is4In6() || person.Zone() != "" {
			t.Fatalf("%q is %v, %v", origin, person, ok)
		}
	})
}
