package safedial_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery/internal/safedial"
	"github.com/seed-51359b35/recovery/internal/testenv"
)

// A93: an address that is not public is refused in all spellings.
func TestPublic(t *testing.T) {
	for _, tt := range []struct {
		name, addr string
		want       bool
	}{
		{"a public IPv4 address", "93.184.215.14", true},
		{"the last before private", "9.255.255.255", true},
		{"the first after private", "11.0.0.0", true},
		{"before carrier-grade NAT", "100.63.255.255", true},
		{"after carrier-grade NAT", "100.128.0.0", true},
		{"before 172.16/12", "172.15.255.255", true},
		{"after 172.16/12", "172.32.0.0", true},
		{"the last before multicast", "223.255.255.255", true},
		{"this network", "0.0.0.0", false},
		{"this network, a host", "0.1.2.3", false},
		{"10/8", "10.0.0.1", false},
		{"carrier-grade NAT", "100.64.0.1", false},
		{"carrier-grade NAT, its end", "100.127.255.255", false},
		{"loopback", "127.0.0.1", false},
		{"loopback, its end", "127.255.255.254", false},
		{"link-local", "169.254.0.1", false},
		{"the clouds' metadata", "169.254.169.254", false},
		{"172.16/12", "172.16.0.1", false},
		{"172.16/12, its end", "172.31.255.255", false},
		{"IETF assignments", "192.0.0.8", false},
		{"documentation 1", "192.0.2.1", false},
		{"documentation 2", "198.51.100.7", false},
		{"documentation 3", "203.0.113.9", false},
		{"6to4 relay", "192.88.99.1", false},
		{"192.168/16", "192.168.1.1", false},
		{"benchmarks", "198.19.255.255", false},
		{"multicast", "224.0.0.1", false},
		{"multicast, its end", "239.255.255.255", false},
		{"reserved", "240.0.0.1", false},
		{"broadcast", "255.255.255.255", false},

		{"a public IPv6 address", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", true},
		{"unspecified", "::", false},
		{"IPv6 loopback", "::1", false},
		{"IPv4-compatible", "::93.184.215.14", false},
		{"IPv4-mapped and public", "::ffff:93.184.215.14", true},
		{"IPv4-mapped loopback", "::ffff:127.0.0.1", false},
		{"IPv4-mapped metadata, in hexadecimal", "::ffff:a9fe:a9fe", false},
		{"IPv4-translated", "::ffff:0:127.0.0.1", false},
		{"NAT64 of a public address", "64:ff9b::93.184.215.14", true},
		{"NAT64 of loopback", "64:ff9b::127.0.0.1", false},
		{"NAT64 of metadata", "64:ff9b::a9fe:a9fe", false},
		{"NAT64 for local use", "64:ff9b:1::93.184.215.14", false},
		{"NAT64 for local use, of a private address with a prefix of 48 bits", "64:ff9b:1:a00:0:1:5db8:d70e", false},
		{"before Azure's WireServer", "168.63.129.15", true},
		{"after Azure's WireServer", "168.63.129.17", true},
		{"6to4 of a public address", "2002:5db8:d70e::1", false},
		{"6to4 of a private address", "2002:a00:1::1", false},
		{"Teredo", "2001:0:53aa:64c:0:7efe:5f57:40e9", false},
		{"IPv6 benchmarks", "2001:2::1", false},
		{"ORCHID", "2001:20::1", false},
		{"after the IETF's assignments", "2001:200::1", true},
		{"IPv6 documentation", "2001:db8::1", false},
		{"IPv6 documentation, the new", "3fff::1", false},
		{"unique local", "fd00:ec2::254", false},
		{"unique local, fc00::/8", "fc00::1", false},
		{"IPv6 link-local", "fe80::1", false},
		{"with a zone", "2606:2800:21f::1%eth0", false},
		{"site-local", "fec0::1", false},
		{"IPv6 multicast", "ff02::1", false},
		{"discard only", "100::1", false},
		{"segment routing", "5f00::1", false},
		{"not allocated", "4000::1", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := safedial.Public(netip.MustParseAddr(tt.addr)); got != tt.want {
				t.Errorf("Public(%s) = %t, want %t", tt.addr, got, tt.want)
			}
		})
	}
	if safedial.Public(netip.Addr{}) {
		t.Error("the zero address is public")
	}
}

// A93: where clouds answer their own machines with credentials and settings,
// by the documentation of each. None of these addresses is public, in any
// spelling.
func TestMetadata(t *testing.T) {
	for _, tt := range []struct{ cloud, addr string }{
		{"AWS, Azure, Google, Oracle, DigitalOcean, Hetzner, OpenStack and others", "169.254.169.254"},
		{"AWS, credentials of ECS tasks", "169.254.170.2"},
		{"AWS, credentials of EKS pods", "169.254.170.23"},
		{"AWS, IPv6", "fd00:ec2::254"},
		{"AWS, credentials of EKS pods, IPv6", "fd00:ec2::23"},
		{"Azure, WireServer", "168.63.129.16"},
		{"Google, IPv6", "fd20:ce::254"},
		{"Oracle Cloud, IPv6", "fd00:c1::a9fe:a9fe"},
		{"Oracle Cloud Classic", "192.0.0.192"},
		{"Alibaba Cloud", "100.100.100.200"},
		{"Tencent Cloud", "169.254.0.23"},
		{"Scaleway", "169.254.42.42"},
		{"Scaleway, IPv6", "fd00:42::42"},
		{"Akamai (Linode), IPv6", "fd00:a9fe:a9fe::1"},
		{"OpenStack, IPv6", "fe80::a9fe:a9fe"},
	} {
		t.Run(tt.cloud, func(t *testing.T) {
			a := netip.MustParseAddr(tt.addr)
			spellings := []netip.Addr{a}
			if a.Is4() {
				b := a.As4()
				spellings = append(spellings, netip.AddrFrom16(a.As16()),
					netip.AddrFrom16([16]byte{0x00, 0x64, 0xff, 0x9b, 12: b[0], b[1], b[2], b[3]}),
					netip.AddrFrom16([16]byte{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01, 12: b[0], b[1], b[2], b[3]}),
					netip.AddrFrom16([16]byte{0x20, 0x02, b[0], b[1], b[2], b[3]}),
					netip.AddrFrom16([16]byte{0x20, 0x01, 12: ^b[0], ^b[1], ^b[2], ^b[3]}))
			}
			for _, s := range spellings {
				if safedial.Public(s) {
					t.Errorf("%s is public", s)
				}
			}
		})
	}
}

// FuzzPublic checks two laws of Public: an address that the standard library
// calls special is not public, and an address that the Internet translates is
// as public as its translation.
func FuzzPublic(f *testing.F) {
	for _, s := range []string{"8.8.8.8", "10.1.2.3", "169.254.169.254", "2606:2800:21f::1", "64:ff9b::a00:1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "2002:a00:1::", "fd00::1"} {
		f.Add(netip.MustParseAddr(s).AsSlice())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, ok := netip.AddrFromSlice(b)
		if !ok {
			return
		}
		got := safedial.Public(a)
		u := a.Unmap()
		if got && (u.IsLoopback() || u.IsPrivate() || u.IsUnspecified() || u.IsMulticast() || u.IsLinkLocalUnicast() || !u.IsGlobalUnicast()) {
			t.Errorf("Public(%s), which is special", a)
		}
		if a.Is4() {
			b4 := a.As4()
			mapped := netip.AddrFrom16(a.As16())
			translated := netip.AddrFrom16([16]byte{0x00, 0x64, 0xff, 0x9b, 12: b4[0], b4[1], b4[2], b4[3]})
			if m, n := safedial.Public(mapped), safedial.Public(translated); m != got || n != got {
				t.Errorf("Public(%s) = %t, mapped %t, translated %t", a, got, m, n)
			}
			if safedial.Public(netip.AddrFrom16([16]byte{0x20, 0x02, b4[0], b4[1], b4[2], b4[3]})) {
				t.Errorf("6to4 of %s is public", a)
			}
		} else if got && safedial.Public(a.WithZone("eth0")) {
			t.Errorf("%s is public with a zone", a)
		}
	})
}

func TestControl(t *testing.T) {
	for _, tt := range []struct {
		name, network, address string
		allowPrivate, want     bool
	}{
		{"a public address", "tcp4", "93.184.215.14:443", false, true},
		{"a public IPv6 address", "tcp6", "[2606:2800:21f::1]:443", false, true},
		{"a private address", "tcp4", "10.0.0.1:443", false, false},
		{"a mapped private address", "tcp6", "[::ffff:10.0.0.1]:443", false, false},
		{"a link-local address", "tcp6", "[fe80::1%eth0]:443", false, false},
		{"a private address that is allowed", "tcp4", "10.0.0.1:443", true, true},
		{"a name, which no dialer passes", "tcp4", "example.com:443", false, false},
		{"no port", "tcp4", "93.184.215.14", false, false},
		{"UDP", "udp4", "93.184.215.14:443", false, false},
		{"a socket in the file system", "unix", "/run/docker.sock", true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := safedial.Control(tt.allowPrivate)(tt.network, tt.address, nil)
			if (err == nil) != tt.want || err != nil && !errors.Is(err, safedial.ErrNotPublic) {
				t.Errorf("Control(%q, %q) = %v", tt.network, tt.address, err)
			}
		})
	}
}

func TestCheckURL(t *testing.T) {
	for _, tt := range []struct {
		name, url    string
		allowPrivate bool
		want         string // of the error; empty means accepted
	}{
		{"https", "https://sms.example.com/send", false, ""},
		{"with port and query", "https://sms.example.com:8443/send?key=v", false, ""},
		{"a public address", "https://93.184.215.14/send", false, ""},
		{"empty", "", false, "absolute"},
		{"relative", "/send", false, "absolute"},
		{"no scheme", "sms.example.com/send", false, "absolute"},
		{"opaque", "https:sms.example.com", false, "absolute"},
		{"no host", "https:///send", false, "absolute"},
		{"no host but a port", "https://:443/send", false, "absolute"},
		{"http", "http://sms.example.com/send", false, "https"},
		{"http where private is allowed", "http://10.0.0.1/send", true, ""},
		{"another scheme, also there", "ftp://sms.example.com/send", true, "https"},
		{"a file", "file:///etc/passwd", true, "absolute"},
		{"user information", "https://user:hunter2@sms.example.com/", false, "user information"},
		{"a host that looks like user information", "https://sms.example.com@evil.example/", false, "user information"},
		{"a fragment", "https://sms.example.com/#a", false, "fragment"},
		{"an empty fragment", "https://sms.example.com/#", false, "fragment"},
		{"a space", "https://sms.example.com/a b", false, "ASCII"},
		{"a line break", "https://sms.example.com/\r\nHost: evil", false, "ASCII"},
		{"a homograph", "https://sms.\u0435xample.com/", false, "ASCII"},
		{"too long", "https://sms.example.com/" + strings.Repeat("a", 2048), false, "2,048"},
		{"bad escape", "https://sms.example.com/%zz", false, "parse"},
		{"loopback", "https://127.0.0.1/", false, "not public"},
		{"localhost", "https://LocalHost.:8443/", false, "not public"},
		{"below localhost", "https://a.localhost/", false, "not public"},
		{"IPv6 loopback", "https://[::1]/", false, "not public"},
		{"metadata, mapped", "https://[::ffff:169.254.169.254]/", false, "not public"},
		{"Azure's WireServer", "https://168.63.129.16/", false, "not public"},
		{"localhost where private is allowed", "https://localhost/", true, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u, err := safedial.CheckURL(tt.url, tt.allowPrivate)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("CheckURL: %v", err)
			case tt.want == "" && u.String() != tt.url:
				t.Errorf("CheckURL returned %s", u)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("CheckURL: %v, want %q", err, tt.want)
			case err != nil && strings.Contains(err.Error(), "hunter2"):
				t.Errorf("the error quotes the URL: %v", err)
			}
		})
	}
}

// A URL that CheckURL accepts means the same to every parser.
func FuzzCheckURL(f *testing.F) {
	for _, s := range []string{"https://a.example/", "http://10.0.0.1", "https://a@b/", "https://[::1]:1/", "https://a\\b", "//a", "https://a.example/?q#f"} {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, raw string, allowPrivate bool) {
		u, err := safedial.CheckURL(raw, allowPrivate)
		if err != nil {
			return
		}
		again, err := safedial.CheckURL(u.String(), allowPrivate)
		if err != nil || again.Host != u.Host || again.Scheme != u.Scheme {
			t.Errorf("%q was taken as %q, which is %v, %v", raw, u, again, err)
		}
		if u.Hostname() == "" || u.User != nil || u.Scheme != "https" && !allowPrivate {
			t.Errorf("%q was taken", raw)
		}
	})
}

// server counts the connections that reach it.
func server(t *testing.T, h http.HandlerFunc) (*httptest.Server, *x509.CertPool, *atomic.Int64) {
	t.Helper()
	var n atomic.Int64
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		h(w, r)
	}))
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return s, pool, &n
}

// A93: a connection to loopback is refused before a byte is sent, in all
// spellings of the address.
func TestClientDoesNotConnectToPrivateAddresses(t *testing.T) {
	s, pool, n := server(t, func(http.ResponseWriter, *http.Request) {})
	port := s.URL[strings.LastIndex(s.URL, ":")+1:]
	client := safedial.Client(safedial.Options{RootCAs: pool})
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]", "[64:ff9b::127.0.0.1]"} {
		t.Run(host, func(t *testing.T) {
			resp, err := client.Get("https://" + host + ":" + port + "/")
			if err == nil {
				_ = resp.Body.Close()
				t.Fatal("connected")
			}
			if !errors.Is(err, safedial.ErrNotPublic) {
				t.Errorf("failed with %v", err)
			}
		})
	}
	if n.Load() != 0 {
		t.Errorf("the server got %d requests", n.Load())
	}
}

// A93: DNS rebinding. The name is fine when the URL is checked, and resolves to
// a private address when it is dialled.
func TestClientChecksTheResolvedAddress(t *testing.T) {
	s, pool, n := server(t, func(http.ResponseWriter, *http.Request) {})
	port := s.URL[strings.LastIndex(s.URL, ":")+1:]
	raw := "https://example.com:" + port + "/"
	if _, err := safedial.CheckURL(raw, false); err != nil {
		t.Fatal(err)
	}
	transport := safedial.Transport(safedial.Options{RootCAs: pool})
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dial(ctx, network, "localhost:"+port) // the resolver's answer has changed
	}
	if resp, err := (&http.Client{Transport: transport}).Get(raw); !errors.Is(err, safedial.ErrNotPublic) {
		if err == nil {
			_ = resp.Body.Close()
		}
		t.Errorf("failed with %v", err)
	}
	if n.Load() != 0 {
		t.Error("the server got a request")
	}
}

func TestClientReachesPrivateAddressesWhereAllowed(t *testing.T) {
	s, pool, _ := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "" {
			t.Error("it asked for compression")
		}
		_, _ = io.WriteString(w, "hello")
	})
	resp, err := safedial.Client(safedial.Options{AllowPrivate: true, RootCAs: pool}).Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); string(b) != "hello" {
		t.Errorf("read %q", b)
	}
}

func TestClientVerifiesCertificates(t *testing.T) {
	s, _, n := server(t, func(http.ResponseWriter, *http.Request) {})
	s.Config.ErrorLog = nil
	resp, err := safedial.Client(safedial.Options{AllowPrivate: true, RootCAs: x509.NewCertPool()}).Get(s.URL)
	if err == nil {
		_ = resp.Body.Close()
		t.Fatal("an unknown authority was accepted")
	}
	if n.Load() != 0 {
		t.Error("the server got a request")
	}
}

func TestClientRefusesOldTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11} //nolint:gosec // the point of the test
	s.StartTLS()
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	if resp, err := safedial.Client(safedial.Options{AllowPrivate: true, RootCAs: pool}).Get(s.URL); err == nil {
		_ = resp.Body.Close()
		t.Error("TLS 1.1 was accepted")
	}
}

// A93: the server that answers does not choose the next address.
func TestClientFollowsNoRedirect(t *testing.T) {
	inside, _, reached := server(t, func(http.ResponseWriter, *http.Request) {})
	s, pool, _ := server(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, inside.URL, http.StatusTemporaryRedirect)
	})
	resp, err := safedial.Client(safedial.Options{AllowPrivate: true, RootCAs: pool}).Post(s.URL, "text/plain", strings.NewReader("secret"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusTemporaryRedirect || reached.Load() != 0 {
		t.Errorf("status %d, %d requests went on", resp.StatusCode, reached.Load())
	}
}

// With a proxy, the proxy would be dialled and checked and not the destination.
func TestClientUsesNoProxy(t *testing.T) {
	transport := safedial.Transport(safedial.Options{})
	if transport.Proxy != nil {
		t.Error("the transport asks for a proxy")
	}
	proxy, _, n := server(t, func(http.ResponseWriter, *http.Request) {})
	u, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"} {
		t.Setenv(name, "http://"+u.Host)
	}
	resp, err := safedial.Client(safedial.Options{Timeout: time.Second}).Get("https://10.255.255.1/")
	if err == nil {
		_ = resp.Body.Close()
	}
	if !errors.Is(err, safedial.ErrNotPublic) || n.Load() != 0 {
		t.Errorf("failed with %v, the proxy got %d requests", err, n.Load())
	}
}

// A39: the error of a failed request holds neither the URL nor a text from the
// server.
func TestCause(t *testing.T) {
	const secret = "hunter2"
	// speaks answers a connection with these bytes.
	speaks := func(t *testing.T, answer string) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		go func() {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 4096))
			_, _ = io.WriteString(c, answer)
			_ = c.Close()
		}()
		return "http://" + l.Addr().String()
	}
	tlsServer := httptest.NewUnstartedServer(http.NotFoundHandler())
	tlsServer.Config.ErrorLog = log.New(io.Discard, "", 0)
	tlsServer.StartTLS()
	t.Cleanup(tlsServer.Close)
	for _, tt := range []struct {
		name    string
		url     string
		private bool
		want    string
	}{
		{"a status line that quotes", speaks(t, "HTTP/1.1 "+secret+"\r\n\r\n"), true, "could not be read"},
		{"a header that quotes", speaks(t, "HTTP/1.1 200 OK\r\n"+secret+"\r\n\r\n"), true, "could not be read"},
		{"no HTTP", speaks(t, secret), true, "could not be read"},
		{"nothing", speaks(t, ""), true, "EOF"},
		{"a private address", "https://localhost:1", false, "not public"},
		{"nobody there", "http://127.0.0.1:1", true, "refused"},
		{"a certificate of nobody", tlsServer.URL, true, "certificate"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp, err := safedial.Client(safedial.Options{AllowPrivate: tt.private, RootCAs: x509.NewCertPool()}).Get(tt.url + "/?key=" + secret)
			if err == nil {
				_ = resp.Body.Close()
				t.Fatal("no error")
			}
			cause := safedial.Cause(err)
			if !strings.Contains(cause.Error(), tt.want) {
				t.Errorf("Cause of %v is %v, want %q", err, cause, tt.want)
			}
			for e := cause; e != nil; e = errors.Unwrap(e) {
				if strings.Contains(e.Error(), secret) {
					t.Errorf("the cause quotes: %v", e)
				}
			}
		})
	}
	if got := safedial.Cause(&url.Error{Op: "Post", URL: "https://example.com/?" + secret, Err: safedial.ErrNotPublic}); strings.Contains(got.Error(), secret) {
		t.Errorf("the cause quotes: %v", got)
	}
}

func TestClientGivesUp(t *testing.T) {
	release := make(chan struct{})
	s, pool, _ := server(t, func(w http.ResponseWriter, r *http.Request) { <-release })
	defer close(release)
	done := make(chan error, 1)
	go func() {
		resp, err := safedial.Client(safedial.Options{AllowPrivate: true, RootCAs: pool, Timeout: 50 * time.Millisecond}).Get(s.URL)
		if err == nil {
			_ = resp.Body.Close()
		}
		done <- err
	}()
	select {
	case err := <-done:
		if err == nil {
			t.Error("no error")
		}
	case <-time.After(testenv.Patience(10 * time.Second)):
		t.Fatal("still waiting for the answer")
	}
}
