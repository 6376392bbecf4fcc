package webhook_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/webhook"
	"golang.org/x/net/dns/dnsmessage"
)

// A zone is a name server for one name. It answers each question for the IPv4
// address with the next address of a list, and in the end always with the last.
type zone struct {
	mu      sync.Mutex
	answers []string
	asked   int
}

// serveNames makes the zone the resolver of the process until the test ends. So
// these tests cannot run in parallel.
func serveNames(t *testing.T, answers ...string) *zone {
	z := &zone{answers: answers}
	before := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go z.serve(server)
		return client, nil
	}}
	t.Cleanup(func() { net.DefaultResolver = before })
	return z
}

// serve answers DNS over TCP, because package net uses the TCP format on a
// pipe.
func (z *zone) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	for {
		var length [2]byte
		if _, err := io.ReadFull(conn, length[:]); err != nil {
			return
		}
		question := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(conn, question); err != nil {
			return
		}
		answer := z.answer(question)
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
			return
		}
	}
}

func (z *zone) answer(question []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(question) != nil || len(m.Questions) != 1 {
		return nil
	}
	m.Response, m.Authoritative, m.Additionals = true, true, nil
	if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
		z.mu.Lock()
		a := netip.MustParseAddr(z.answers[min(z.asked, len(z.answers)-1)])
		z.asked++
		z.mu.Unlock()
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 0},
			Body:   &dnsmessage.AResource{A: a.As4()},
		}}
	}
	b, _ := m.Pack()
	return b
}

// named returns the Endpoint of the receiver, with a name for which the
// receiver's certificate is valid.
func (rc *receiver) named(t *testing.T) webhook.Endpoint {
	t.Helper()
	u, err := url.Parse(rc.URL)
	if err != nil {
		t.Fatal(err)
	}
	e := rc.endpoint("crm", secretA)
	e.URL = "https://example.com:" + u.Port() + "/hooks?key=" + urlSecret
	e.DangerouslyAllowPrivateAddresses = false
	return e
}

// A93: if a name resolves to an address in the host's own network, the Sender
// does not connect, whatever the name resolved to before.
func TestPrivateAddressesAreRefused(t *testing.T) {
	for _, address := range []string{"127.0.0.1", "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254", "168.63.129.16", "100.64.0.1", "0.0.0.0"} {
		t.Run(address, func(t *testing.T) {
			rc := newReceiver(t, nil)
			serveNames(t, address)
			q := &jobs{}
			s := newSender(t, webhook.Options{Queue: q, Endpoints: []webhook.Endpoint{rc.named(t)}})
			s.Sink(t.Context(), theReset())
			err := s.Perform(t.Context(), q.only(t))
			if err == nil || err.Error() != "webhook: endpoint crm: its address is not public" || errors.Is(err, recovery.ErrPermanent) {
				t.Error(err)
			}
			if n := len(rc.hooks()); n > 0 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// A93, ZITADEL CVE-2026-55671: DNS rebinding. The first lookup, like one when
// the configuration is checked, returns a public address.
func TestRebindingIsRefused(t *testing.T) {
	rc := newReceiver(t, nil)
	z := serveNames(t, "93.184.215.14", "127.0.0.1")
	looked, err := net.DefaultResolver.LookupNetIP(t.Context(), "ip4", "example.com")
	if err != nil || looked[0].String() != "93.184.215.14" {
		t.Fatal(looked, err)
	}
	q := &jobs{}
	s := newSender(t, webhook.Options{Queue: q, Endpoints: []webhook.Endpoint{rc.named(t)}})
	s.Sink(t.Context(), theReset())
	if err := s.Perform(t.Context(), q.only(t)); err == nil || !strings.HasSuffix(err.Error(), "not public") {
		t.Error(err)
	}
	if z.asked < 2 || len(rc.hooks()) > 0 {
		t.Errorf("asked %d times, %d requests", z.asked, len(rc.hooks()))
	}
}

// The same endpoint gets the delivery if the host allows private addresses. So
// above only the address was refused.
func TestPrivateAddressesCanBeAllowed(t *testing.T) {
	rc := newReceiver(t, nil)
	serveNames(t, "127.0.0.1")
	e := rc.named(t)
	e.DangerouslyAllowPrivateAddresses = true
	q := &jobs{}
	s := newSender(t, webhook.Options{Queue: q, Endpoints: []webhook.Endpoint{e}})
	s.Sink(t.Context(), theReset())
	if err := s.Perform(t.Context(), q.only(t)); err != nil || len(rc.hooks()) != 1 {
		t.Errorf("%v, %d requests", err, len(rc.hooks()))
	}
}

// A93: redirects are not followed, so a receiver cannot choose the next
// address.
func TestRedirectsAreNotFollowed(t *testing.T) {
	inside := newReceiver(t, nil)
	for _, status := range []int{301, 302, 303, 307, 308} {
		rc := newReceiver(t, func(_ int, w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, inside.URL, status)
		})
		q := &jobs{}
		s := newSender(t, webhook.Options{Queue: q, Endpoints: []webhook.Endpoint{rc.endpoint("crm", secretA)}})
		s.Sink(t.Context(), theReset())
		if err := s.Perform(t.Context(), q.only(t)); err == nil {
			t.Errorf("%d is success", status)
		}
		if len(inside.hooks()) > 0 {
			t.Fatalf("%d was followed", status)
		}
	}
}

// A93: proxies of the environment are not used. A proxy would see the requests,
// and the address that is checked would be the proxy's.
func TestProxiesOfTheEnvironmentAreNotUsed(t *testing.T) {
	proxy := newReceiver(t, nil)
	for _, name := range []string{"HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy"} {
		t.Setenv(name, proxy.URL)
	}
	rc := newReceiver(t, nil)
	serveNames(t, "127.0.0.1")
	e := rc.named(t)
	e.DangerouslyAllowPrivateAddresses = true
	q := &jobs{}
	s := newSender(t, webhook.Options{Queue: q, Endpoints: []webhook.Endpoint{e}})
	s.Sink(t.Context(), theReset())
	if err := s.Perform(t.Context(), q.only(t)); err != nil || len(proxy.hooks()) > 0 {
		t.Errorf("%v, %d requests to the proxy", err, len(proxy.hooks()))
	}
}

func TestPlainHTTPNeedsToBeAllowed(t *testing.T) {
	rc := newReceiver(t, nil)
	plain := rc.endpoint("crm", secretA)
	plain.URL = "http" + strings.TrimPrefix(plain.URL, "https")
	plain.DangerouslyAllowPrivateAddresses = false
	if _, err := webhook.New(webhook.Options{Keys: [][]byte{key1}, Endpoints: []webhook.Endpoint{plain}}); err == nil {
		t.Error("http is accepted")
	}
	plain.DangerouslyAllowPrivateAddresses = true
	q := &jobs{}
	s := newSender(t, webhook.Options{Queue: q, Endpoints: []webhook.Endpoint{plain}})
	s.Sink(t.Context(), theReset())
	// The server requires TLS, and says so in its answer to plain HTTP.
	if err := s.Perform(t.Context(), q.only(t)); err == nil || err.Error() != "webhook: endpoint crm: refused (status 400)" {
		t.Error(err)
	}
}

func TestCertificatesAreVerified(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(t *testing.T, rc *receiver, e *webhook.Endpoint)
		want   string
	}{
		{"one by an authority that is not among the endpoint's", func(_ *testing.T, _ *receiver, e *webhook.Endpoint) {
			e.RootCAs = x509.NewCertPool()
		}, "its certificate is by an unknown authority"},
		{"one for another name", func(_ *testing.T, rc *receiver, e *webhook.Endpoint) {
			e.URL = strings.Replace(rc.URL, "127.0.0.1", "localhost", 1)
		}, "its certificate is for another name"},
		{"no TLS at all", func(t *testing.T, rc *receiver, e *webhook.Endpoint) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			go func() {
				if conn, err := l.Accept(); err == nil {
					_, _ = conn.Write([]byte("SSH-2.0-OpenSSH_9.9\r\n"))
					_, _ = io.Copy(io.Discard, conn)
					_ = conn.Close()
				}
			}()
			e.URL = "https://" + l.Addr().String()
		}, "does not speak TLS"},
		{"a server that wants a certificate of ours", func(t *testing.T, rc *receiver, e *webhook.Endpoint) {
			rc.TLS.ClientAuth, rc.TLS.MaxVersion = tls.RequireAnyClientCert, tls.VersionTLS12
		}, "ended TLS with an alert"},
		{"nobody there", func(t *testing.T, rc *receiver, e *webhook.Endpoint) { rc.Close() }, "refused the connection"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			serveNames(t, "127.0.0.1")
			rc := newReceiver(t, nil)
			e := rc.endpoint("crm", secretA)
			tt.change(t, rc, &e)
			q := &jobs{}
			s := newSender(t, webhook.Options{Queue: q, Endpoints: []webhook.Endpoint{e}})
			s.Sink(t.Context(), theReset())
			err := s.Perform(t.Context(), q.only(t))
			if err == nil || err.Error() != "webhook: endpoint crm: "+tt.want {
				t.Errorf("error %v, want %s", err, tt.want)
			}
			if errors.Is(err, recovery.ErrPermanent) {
				t.Error("it is not tried again")
			}
		})
	}
}
