package clientaddr_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery/internal/clientaddr"
)

func prefixes(s ...string) []netip.Prefix {
	var p []netip.Prefix
	for _, s := range s {
		p = append(p, netip.MustParsePrefix(s))
	}
	return p
}

func resolver(t testing.TB, trusted ...string) *clientaddr.Resolver {
	t.Helper()
	r, err := clientaddr.New(clientaddr.Options{Trusted: prefixes(trusted...)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func request(remote string, forwardedFor ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/forgot-password", nil)
	r.RemoteAddr = remote
	for _, v := range forwardedFor {
		r.Header.Add("X-Forwarded-For", v)
	}
	return r
}

// none is how the zero Addr prints.
const none = "invalid IP"

func TestAddr_A50(t *testing.T) {
	proxies := []string{"10.0.0.0/8", "2001:db8:ffff::/48", "fe80::/10"}
	const proxy = "10.0.0.1:4711"
	tests := []struct {
		sentence     string
		trusted      []string
		remote       string
		forwardedFor []string
		want         string
	}{
		{"the peer, without proxies", nil, "192.0.2.1:1234", nil, "192.0.2.1"},
		{"the peer, whatever it forwards, without proxies", nil, "192.0.2.1:1234", []string{"198.51.100.7"}, "192.0.2.1"},
		{"the peer, whatever it forwards, if it is no proxy", proxies, "192.0.2.1:1234", []string{"198.51.100.7, 10.0.0.2"}, "192.0.2.1"},
		{"the proxy, if it forwards for nobody", proxies, proxy, nil, "10.0.0.1"},
		{"the proxy, if it forwards an empty line", proxies, proxy, []string{""}, "10.0.0.1"},
		{"the client behind a proxy", proxies, proxy, []string{"198.51.100.7"}, "198.51.100.7"},
		{"the client behind three proxies", proxies, proxy, []string{"198.51.100.7, 10.1.1.1, 10.2.2.2"}, "198.51.100.7"},
		{"the last untrusted hop, not the first", proxies, proxy, []string{"203.0.113.9, 198.51.100.7"}, "198.51.100.7"},
		{"not a trusted hop that the client made up", proxies, proxy, []string{"10.9.9.9, 198.51.100.7"}, "198.51.100.7"},
		{"not a whole chain that the client made up", proxies, proxy, []string{"203.0.113.9, 10.9.9.9, 198.51.100.7, 10.1.1.1"}, "198.51.100.7"},
		{"not a loopback address that the client made up", proxies, proxy, []string{"127.0.0.1, 198.51.100.7"}, "198.51.100.7"},
		{"no garbage that the client put in front", proxies, proxy, []string{"'; DROP TABLE, , unknown, 198.51.100.7"}, "198.51.100.7"},
		{"a hop on the last of several lines", proxies, proxy, []string{"203.0.113.9", "198.51.100.7"}, "198.51.100.7"},
		{"a hop on the first of several lines, if the rest are proxies", proxies, proxy, []string{"198.51.100.7", "10.1.1.1", "10.2.2.2"}, "198.51.100.7"},
		{"the first of nothing but proxies", proxies, proxy, []string{"10.3.3.3, 10.1.1.1"}, "10.3.3.3"},
		{"empty elements, which are none", proxies, proxy, []string{"198.51.100.7, ,", " , 10.1.1.1,"}, "198.51.100.7"},
		{"white space around hops", proxies, proxy, []string{" \t198.51.100.7 \t,\t10.1.1.1 "}, "198.51.100.7"},
		{"a hop with a port", proxies, proxy, []string{"198.51.100.7:5"}, "198.51.100.7"},
		{"a proxy with a port", proxies, proxy, []string{"198.51.100.7:5, 10.1.1.1:80"}, "198.51.100.7"},
		{"an IPv6 hop", proxies, proxy, []string{"2001:db8::1"}, "2001:db8::1"},
		{"an IPv6 hop in brackets", proxies, proxy, []string{"[2001:db8::1]"}, "2001:db8::1"},
		{"an IPv6 hop with a port", proxies, proxy, []string{"[2001:db8::1]:5"}, "2001:db8::1"},
		{"an IPv6 proxy", proxies, "[2001:db8:ffff::1]:443", []string{"198.51.100.7"}, "198.51.100.7"},
		{"a proxy with a zone", proxies, "[fe80::1%eth0]:443", []string{"198.51.100.7"}, "198.51.100.7"},
		{"a proxy as an IPv4-mapped address (A51)", proxies, "[::ffff:10.0.0.1]:443", []string{"198.51.100.7"}, "198.51.100.7"},
		{"a trusted hop as an IPv4-mapped address (A51)", proxies, proxy, []string{"198.51.100.7, ::ffff:10.1.1.1"}, "198.51.100.7"},
		{"an IPv4-mapped client (A51)", proxies, proxy, []string{"::ffff:198.51.100.7"}, "198.51.100.7"},
		{"an IPv4-mapped client in hexadecimal (A51)", proxies, proxy, []string{"::ffff:c633:6407"}, "198.51.100.7"},
		{"an IPv4-mapped client with a port (A51)", proxies, proxy, []string{"[::ffff:198.51.100.7]:5"}, "198.51.100.7"},
		{"an IPv4-mapped prefix that the host wrote (A51)", []string{"::ffff:10.0.0.0/104"}, proxy, []string{"198.51.100.7"}, "198.51.100.7"},
		{"a prefix with host bits that the host wrote", []string{"10.0.0.77/8"}, proxy, []string{"198.51.100.7"}, "198.51.100.7"},
		{"the long form of an IPv6 address (A51)", proxies, proxy, []string{"2001:0DB8:0000:0000:0000:0000:0000:0001"}, "2001:db8::1"},
		{"an IPv6 client with a zone (A51)", nil, "[fe80::1%eth0]:5", nil, "fe80::1"},
		{"a peer without a port", nil, "192.0.2.1", nil, "192.0.2.1"},

		{"nobody, for garbage at the right end", proxies, proxy, []string{"198.51.100.7, unknown"}, none},
		{"nobody, for garbage between proxies", proxies, proxy, []string{"198.51.100.7, unknown, 10.1.1.1"}, none},
		{"nobody, for an obfuscated hop", proxies, proxy, []string{"_hidden"}, none},
		{"nobody, for a leading zero (A51)", proxies, proxy, []string{"198.51.100.07"}, none},
		{"nobody, for a short IPv4 address", proxies, proxy, []string{"127.1"}, none},
		{"nobody, for a decimal IPv4 address", proxies, proxy, []string{"3325256711"}, none},
		{"nobody, for an IPv4 address in brackets", proxies, proxy, []string{"[198.51.100.7]"}, none},
		{"nobody, for a bracket that is not closed", proxies, proxy, []string{"[2001:db8::1"}, none},
		{"nobody, for empty brackets", proxies, proxy, []string{"[]"}, none},
		{"nobody, for a port that is none", proxies, proxy, []string{"198.51.100.7:x"}, none},
		{"nobody, for quotes", proxies, proxy, []string{`"198.51.100.7"`}, none},
		{"nobody, for the syntax of another header", proxies, proxy, []string{"for=198.51.100.7"}, none},
		{"nobody, for a prefix", proxies, proxy, []string{"198.51.100.0/24"}, none},
		{"nobody, for a semicolon", proxies, proxy, []string{"198.51.100.7; 10.1.1.1"}, none},
		{"nobody, for a peer without an address", proxies, "@", []string{"198.51.100.7"}, none},
		{"nobody, for an endless peer", proxies, "[fe80::1%" + strings.Repeat("x", 1<<20) + "]:1", []string{"198.51.100.7"}, none},
		{"nobody, for an empty peer", proxies, "", []string{"198.51.100.7"}, none},
		{"nobody, for a named peer", proxies, "localhost:80", []string{"198.51.100.7"}, none},
		{"nobody, for an endless hop", proxies, proxy, []string{strings.Repeat("1", 1<<20)}, none},
		{"the client, with a megabyte in front", proxies, proxy, []string{strings.Repeat("1", 1<<20) + ",198.51.100.7"}, "198.51.100.7"},
		{"the client behind 31 proxies", proxies, proxy, []string{"198.51.100.7" + strings.Repeat(", 10.1.1.1", 31)}, "198.51.100.7"},
		{"nobody, behind 32 proxies", proxies, proxy, []string{"198.51.100.7" + strings.Repeat(", 10.1.1.1", 32)}, none},
		{"nobody, behind a million commas", proxies, proxy, []string{"198.51.100.7" + strings.Repeat(",", 1e6)}, none},
		{"nobody, behind a thousand empty lines", proxies, proxy, append([]string{"198.51.100.7"}, make([]string, 1000)...), none},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			got := resolver(t, test.trusted...).Addr(request(test.remote, test.forwardedFor...))
			if got.String() != test.want {
				t.Errorf("Addr = %v, want %v", got, test.want)
			}
		})
	}
}

// A50: other headers that frameworks trust.
func TestOtherHeadersAreNotRead_A50(t *testing.T) {
	r := resolver(t, "10.0.0.0/8")
	for _, name := range []string{
		"Forwarded", "X-Real-IP", "X-Client-IP", "Client-IP", "True-Client-IP", "CF-Connecting-IP", "CF-Connecting-IPv6",
		"Fastly-Client-IP", "Fly-Client-IP", "X-Cluster-Client-IP", "X-Original-Forwarded-For", "X-Forwarded", "Forwarded-For",
		"X-Remote-IP", "X-Remote-Addr", "X-Originating-IP", "X-Azure-ClientIP", "X-Appengine-User-IP", "X-Envoy-External-Address",
		"X-Forwarded-Host", "X_Forwarded_For", "Via",
	} {
		for _, value := range []string{"203.0.113.9", "for=203.0.113.9"} {
			req := request("10.0.0.1:1", "198.51.100.7")
			req.Header.Set(name, value)
			if got := r.Addr(req).String(); got != "198.51.100.7" {
				t.Errorf("%s: %s moves the address to %s", name, value, got)
			}
		}
	}
}

// A50: a client that sends another X-Forwarded-For with every request stays in
// its bucket, because the proxy appends the address that it saw.
func TestRandomForwardedForKeepsTheBucket_A50(t *testing.T) {
	r := resolver(t, "10.0.0.0/8")
	random := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"10.0.0.9", "203.0.113.9", "unknown", "", "[::1]:80", ",", "::ffff:10.1.1.1", "\x80", strings.Repeat("9", 500)}
	for range 2000 {
		var made []string
		for range random.IntN(60) {
			made = append(made, pieces[random.IntN(len(pieces))])
		}
		lines := []string{strings.Join(made, ",") + ", 198.51.100.7", "10.2.2.2"}
		if random.IntN(2) == 0 {
			lines = []string{strings.Join(made, " , "), "198.51.100.7,10.2.2.2"}
		}
		if got := r.Bucket(r.Addr(request("10.0.0.1:1", lines...))); got != "198.51.100.7/32" {
			t.Fatalf("%q counts as %s", lines, got)
		}
	}
}

// A51: one network has one bucket, in all spellings of its addresses.
func TestBucket_A51(t *testing.T) {
	tests := []struct {
		sentence string
		v6bits   int
		in, want string
	}{
		{"an IPv4 address", 0, "192.0.2.1", "192.0.2.1/32"},
		{"an IPv4-mapped address", 0, "::ffff:192.0.2.1", "192.0.2.1/32"},
		{"an IPv4-mapped address in hexadecimal", 0, "::ffff:c000:201", "192.0.2.1/32"},
		{"an IPv6 address", 0, "2001:db8::1", "2001:db8::/64"},
		{"another in its network", 0, "2001:DB8:0:0:ffff:ffff:ffff:ffff", "2001:db8::/64"},
		{"the next network", 0, "2001:db8:0:1::1", "2001:db8:0:1::/64"},
		{"the next network at 56 bits", 56, "2001:db8:0:1::1", "2001:db8::/56"},
		{"a far network at 48 bits", 48, "2001:db8:0:ffff::1", "2001:db8::/48"},
		{"a zone", 0, "fe80::1%eth0", "fe80::/64"},
		{"another zone", 0, "fe80::1%eth1", "fe80::/64"},
		{"an IPv4-mapped address with a zone", 0, "::ffff:192.0.2.1%eth0", "192.0.2.1/32"},
		{"loopback", 0, "::1", "::/64"},
		{"NAT64 (RFC 6052)", 0, "64:ff9b::192.0.2.1", "192.0.2.1/32"},
		{"NAT64, the next client", 0, "64:ff9b::c000:202", "192.0.2.2/32"},
		{"just outside of NAT64", 0, "64:ff9b::1:0:0", "64:ff9b::/64"},
		{"NAT64 with a local prefix (RFC 8215)", 0, "64:ff9b:1::192.0.2.1", "64:ff9b:1::c000:201/128"},
		{"NAT64 with a local prefix of 48 bits", 0, "64:ff9b:1:c000:2:100::", "64:ff9b:1:c000:2:100::/128"},
		{"just outside of the local prefix", 0, "64:ff9b:2::192.0.2.1", "64:ff9b:2::/64"},
		{"6to4 (RFC 3056)", 0, "2002:c000:201::1", "192.0.2.1/32"},
		{"6to4, another network of the same site", 0, "2002:c000:201:ffff::1", "192.0.2.1/32"},
		{"6to4, the next site", 0, "2002:c000:202::1", "192.0.2.2/32"},
		{"Teredo (RFC 4380)", 0, "2001:0:4136:e378:8000:63bf:3fff:fdd2", "192.0.2.45/32"},
		{"just outside of Teredo", 0, "2001:1:4136:e378:8000:63bf:3fff:fdd2", "2001:1:4136:e378::/64"},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			r, err := clientaddr.New(clientaddr.Options{IPv6Prefix: test.v6bits})
			if err != nil {
				t.Fatal(err)
			}
			if got := r.Bucket(netip.MustParseAddr(test.in)); got != test.want {
				t.Errorf("Bucket(%s) = %q, want %q", test.in, got, test.want)
			}
		})
	}
	t.Run("the zero Addr, which all who have none share", func(t *testing.T) {
		if got := resolver(t).Bucket(netip.Addr{}); got != "unknown" {
			t.Errorf("Bucket = %q", got)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	tests := []struct {
		sentence string
		trusted  []netip.Prefix
		v6bits   int
		want     string
	}{
		{"65 bits", nil, 65, "IPv6 prefix length 65 is not between 48 and 64"},
		{"47 bits", nil, 47, "IPv6 prefix length 47 is not between 48 and 64"},
		{"negative bits", nil, -1, "IPv6 prefix length -1 is not between 48 and 64"},
		{"an invalid prefix", []netip.Prefix{{}}, 0, "trusted proxy 0: invalid prefix"},
		{"all of IPv4", prefixes("10.0.0.0/8", "0.0.0.0/0"), 0, "trusted proxy 1: 0.0.0.0/0 trusts every client"},
		{"all of IPv6", prefixes("::/0"), 64, "trusted proxy 0: ::/0 trusts every client"},
		{"all of IPv4, mapped", prefixes("::ffff:0.0.0.0/96"), 0, "trusted proxy 0: 0.0.0.0/0 trusts every client"},
		{"more than all of IPv4, mapped", prefixes("::ffff:0.0.0.0/90"), 0, "trusted proxy 0: ::ffff:0.0.0.0/90 is wider than all of IPv4"},
		{"every mistake at once", append(prefixes("0.0.0.0/0"), netip.Prefix{}), 1,
			"IPv6 prefix length 1 is not between 48 and 64\ntrusted proxy 0: 0.0.0.0/0 trusts every client\ntrusted proxy 1: invalid prefix"},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			r, err := clientaddr.New(clientaddr.Options{Trusted: test.trusted, IPv6Prefix: test.v6bits})
			if r != nil || err == nil || err.Error() != test.want {
				t.Errorf("New = %v, %v; want the error %q", r, err, test.want)
			}
		})
	}
}

func TestNewKeepsNothingOfItsArgument(t *testing.T) {
	trusted := prefixes("10.0.0.0/8")
	r, err := clientaddr.New(clientaddr.Options{Trusted: trusted})
	if err != nil {
		t.Fatal(err)
	}
	trusted[0] = netip.MustParsePrefix("192.0.2.0/24")
	if got := r.Addr(request("192.0.2.1:1", "198.51.100.7")).String(); got != "192.0.2.1" {
		t.Errorf("Addr = %s: a prefix was added after New", got)
	}
}

// FuzzAddr checks three laws of Addr: the result is canonical; a header from an
// untrusted peer changes nothing; and the part of a header to the left of an
// untrusted hop changes nothing (A50, A51).
func FuzzAddr(f *testing.F) {
	for _, s := range [][2]string{
		{"10.0.0.1:1", "203.0.113.9, 198.51.100.7"}, {"[::ffff:10.0.0.1]:1", "::ffff:10.1.1.1, [::1%x]:5"}, {"192.0.2.1:1", "x"},
		{"@", ","}, {"10.0.0.1", "unknown"}, {"[fe80::1%eth0]:1", "\n10.0.0.1,,"},
	} {
		f.Add(s[0], s[1], "10.0.0.1")
	}
	f.Fuzz(func(t *testing.T, remote, first, second string) {
		r := resolver(t, "10.0.0.0/8", "fe80::/10")
		got := r.Addr(request(remote, first, second))
		if got.Is4In6() || got.Zone() != "" {
			t.Fatalf("Addr = %v", got)
		}
		bucket := r.Bucket(got)
		if bucket != "unknown" {
			p, err := netip.ParsePrefix(bucket)
			inner := err == nil && p.Addr().Is4() && !got.Is4() // a translated address
			if err != nil || p != p.Masked() || !inner && !p.Contains(got) || inner && p.Bits() != 32 {
				t.Fatalf("Bucket(%v) = %q", got, bucket)
			}
		}
		peer := r.Addr(request(remote))
		trusted := netip.MustParsePrefix("10.0.0.0/8").Contains(peer) || netip.MustParsePrefix("fe80::/10").Contains(peer)
		if !trusted && got != peer {
			t.Fatalf("peer %v forwards itself to %v", peer, got)
		}
		if spoofed := r.Addr(request("10.0.0.1:1", first, second+", 198.51.100.7", "10.1.1.1")); spoofed.String() != "198.51.100.7" {
			t.Fatalf("a client forwards itself to %v", spoofed)
		}
		// Several lines mean the same as one line with commas.
		if joined := r.Addr(request(remote, first+","+second)); joined != got {
			t.Fatalf("on two lines %v, on one %v", got, joined)
		}
	})
}

func BenchmarkAddr(b *testing.B) {
	for _, bench := range []struct {
		name    string
		request *http.Request
	}{
		{"direct", request("192.0.2.1:1234")},
		{"proxied", request("10.0.0.1:1234", "203.0.113.9, 198.51.100.7, 10.1.1.1")},
		{"proxied6", request("10.0.0.1:1234", "2001:db8::1")},
		{"hostile", request("10.0.0.1:1234", strings.Repeat("1,", 500_000)+strings.Repeat("10.0.0.1,", 32))},
	} {
		r := resolver(b, "10.0.0.0/8")
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.Addr(bench.request)
			}
		})
		b.Run(fmt.Sprint(bench.name, "+bucket"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.Bucket(r.Addr(bench.request))
			}
		})
	}
}
