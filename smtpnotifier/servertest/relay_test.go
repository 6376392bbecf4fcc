package servertest_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// user and password are what a relay with authentication accepts.
const (
	user     = "mailer@example.com"
	password = "correct horse; battery=staple,"
)

// A received is a mail that a relay accepted.
type received struct {
	from, user string
	to         []string
	utf8       bool
	secure     bool
	data       []byte
}

// A relay is a server that follows the RFCs, on a port of its own. Tests set
// its fields before start, and answers changes two of them later.
type relay struct {
	tls        *tls.Config // offers STARTTLS
	implicit   bool        // speaks TLS from the first byte
	utf8       bool        // offers SMTPUTF8
	mechanisms []string    // offers AUTH
	auth       func(mechanism string, s *relaySession) (sasl.Server, error)
	insecure   bool // accepts passwords without TLS
	// These functions return the reply at a stage. Nil accepts everything.
	mail, rcpt func(address string) error
	body       func(data []byte) error

	addr   string
	dial   func(ctx context.Context, network, address string) (net.Conn, error) // for startPiped
	server *smtp.Server

	mu          sync.Mutex
	mails       []received
	connections int
	open        int
	heard       bytes.Buffer // every byte that clients sent, as it was on the network
}

// start runs the relay on a free port of the loopback interface until the test
// ends.
func (r *relay) start(t testing.TB) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.serve(t, l)
	return r
}

func (r *relay) serve(t testing.TB, l net.Listener) {
	r.addr = l.Addr().String()
	served := net.Listener(heardListener{l, r})
	if r.implicit {
		served = tls.NewListener(served, r.tls)
	}
	r.server = smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &relaySession{relay: r, conn: c}, nil
	}))
	r.server.Domain = "relay.example.com"
	r.server.ErrorLog = log.New(io.Discard, "", 0)
	r.server.AllowInsecureAuth = r.insecure
	r.server.EnableSMTPUTF8 = r.utf8
	if !r.implicit {
		r.server.TLSConfig = r.tls
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = r.server.Serve(served)
	}()
	t.Cleanup(func() {
		_ = l.Close() // Serve may not have registered the listener yet
		_ = r.server.Close()
		<-done
	})
}

// answers sets what a relay that has started replies to recipients and to mails.
// Nil accepts everything.
func (r *relay) answers(rcpt func(string) error, body func([]byte) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rcpt, r.body = rcpt, body
}

// taken returns the mails that the relay accepted.
func (r *relay) taken() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.mails)
}

// bytes returns all bytes that clients sent.
func (r *relay) bytes() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.heard.String()
}

// counts returns how many connections there were in all, and how many are open.
func (r *relay) counts() (all, open int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.connections, r.open
}

type heardListener struct {
	net.Listener
	r *relay
}

func (l heardListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.r.mu.Lock()
	defer l.r.mu.Unlock()
	l.r.connections++
	l.r.open++
	return &heardConn{Conn: c, r: l.r}, nil
}

type heardConn struct {
	net.Conn
	r    *relay
	once sync.Once
}

func (c *heardConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	c.r.heard.Write(p[:n])
	return n, err
}

func (c *heardConn) Close() error {
	c.once.Do(func() {
		c.r.mu.Lock()
		defer c.r.mu.Unlock()
		c.r.open--
	})
	return c.Conn.Close()
}

// A relaySession is the session of one client.
type relaySession struct {
	relay *relay
	conn  *smtp.Conn
	user  string
	mail  received
}

func (s *relaySession) AuthMechanisms() []string { return s.relay.mechanisms }

func (s *relaySession) Auth(mechanism string) (sasl.Server, error) {
	if s.relay.auth != nil {
		if server, err := s.relay.auth(mechanism, s); server != nil || err != nil {
			return server, err
		}
	}
	check := func(u, p string) error {
		if u != user || p != password {
			return smtp.ErrAuthFailed
		}
		s.user = u
		return nil
	}
	switch mechanism {
	case "PLAIN":
		return sasl.NewPlainServer(func(identity, u, p string) error { return check(u, p) }), nil
	case "LOGIN":
		return &loginServer{check: check}, nil
	}
	return nil, smtp.ErrAuthUnknownMechanism
}

func (s *relaySession) Mail(from string, opts *smtp.MailOptions) error {
	if s.relay.mail != nil {
		if err := s.relay.mail(from); err != nil {
			return err
		}
	}
	_, secure := s.conn.TLSConnectionState()
	s.mail = received{from: from, user: s.user, utf8: opts.UTF8, secure: secure}
	return nil
}

func (s *relaySession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.relay.mu.Lock()
	rcpt := s.relay.rcpt
	s.relay.mu.Unlock()
	if rcpt != nil {
		if err := rcpt(to); err != nil {
			return err
		}
	}
	s.mail.to = append(s.mail.to, to)
	return nil
}

func (s *relaySession) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.relay.mu.Lock()
	body := s.relay.body
	s.relay.mu.Unlock()
	if body != nil {
		if err := body(data); err != nil {
			return err
		}
	}
	s.mail.data = data
	s.relay.mu.Lock()
	defer s.relay.mu.Unlock()
	s.relay.mails = append(s.relay.mails, s.mail)
	return nil
}

func (s *relaySession) Reset()        { s.mail = received{} }
func (s *relaySession) Logout() error { return nil }

// A loginServer is the server's part of LOGIN, which go-sasl lacks.
type loginServer struct {
	check func(user, password string) error
	step  int
	user  string
}

func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	l.step++
	switch l.step {
	case 1:
		return []byte("Username:"), false, nil
	case 2:
		l.user = string(response)
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(l.user, string(response))
}

// An authority signs the certificates of relays.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test authority"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{key: key, pool: x509.NewCertPool()}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.pool.AddCert(a.cert)
	return a
}

// server returns the configuration of a relay with a certificate for a name or
// address.
func (a *authority) server(t testing.TB, name string) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// trust returns the configuration of a client that trusts the authority.
func (a *authority) trust() *tls.Config { return &tls.Config{RootCAs: a.pool} }
