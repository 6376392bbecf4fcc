package servertest_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/smtpnotifier"
)

// secured returns the options for a relay with a certificate signed by a.
func secured(a *authority, addr string, policy smtpnotifier.TLSPolicy) smtpnotifier.Options {
	opts := options(addr)
	opts.Server.TLS, opts.Server.TLSConfig = policy, a.trust()
	return opts
}

func withPassword(opts smtpnotifier.Options) smtpnotifier.Options {
	opts.Server.Username, opts.Server.Password = user, recovery.NewSecret(password)
	return opts
}

// The three policies work with a relay that follows the RFCs.
func TestTLS(t *testing.T) {
	a := newAuthority(t)
	for _, test := range []struct {
		sentence string
		policy   smtpnotifier.TLSPolicy
		implicit bool
	}{
		{"STARTTLS is required", smtpnotifier.TLSRequired, false},
		{"STARTTLS is used when offered", smtpnotifier.TLSWhenOffered, false},
		{"TLS from the first byte", smtpnotifier.TLSImplicit, true},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			r := &relay{tls: a.server(t, "127.0.0.1"), implicit: test.implicit, mechanisms: []string{"PLAIN"}}
			r.start(t)
			n := newNotifier(t, words(plain), withPassword(secured(a, r.addr, test.policy)))
			for range 3 {
				if err := n.Notify(t.Context(), message()); err != nil {
					t.Fatal(err)
				}
			}
			for _, m := range r.taken() {
				if !m.secure || m.user != user {
					t.Errorf("a mail came by %q, over TLS: %t", m.user, m.secure)
				}
			}
		})
	}
	t.Run("STARTTLS is not offered, and the policy does without", func(t *testing.T) {
		r := new(relay).start(t)
		opts := options(r.addr)
		opts.Server.TLS = smtpnotifier.TLSWhenOffered
		if err := newNotifier(t, words(plain), opts).Notify(t.Context(), message()); err != nil {
			t.Fatal(err)
		}
		only(t, r)
	})
}

// A connection that is not TLS with the right server gets neither message nor
// password, and the queue tries again.
func TestNoTLS(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	old := a.server(t, "127.0.0.1")
	old.MaxVersion = tls.VersionTLS11
	tests := []struct {
		sentence string
		policy   smtpnotifier.TLSPolicy
		relay    *relay
		password bool
		stage    smtpnotifier.Stage
	}{
		{"no STARTTLS where it is required", smtpnotifier.TLSRequired, &relay{}, false, smtpnotifier.StageTLS},
		{"no STARTTLS where a password is set", smtpnotifier.TLSWhenOffered, &relay{mechanisms: []string{"PLAIN"}, insecure: true}, true, smtpnotifier.StageTLS},
		{"no STARTTLS where it is required and a password is set", smtpnotifier.TLSRequired, &relay{mechanisms: []string{"PLAIN", "LOGIN"}, insecure: true}, true, smtpnotifier.StageTLS},
		{"a certificate of somebody else's authority", smtpnotifier.TLSRequired, &relay{tls: other.server(t, "127.0.0.1")}, true, smtpnotifier.StageTLS},
		{"a certificate of somebody else's authority, when offered", smtpnotifier.TLSWhenOffered, &relay{tls: other.server(t, "127.0.0.1")}, false, smtpnotifier.StageTLS},
		{"a certificate of somebody else's authority, from the first byte", smtpnotifier.TLSImplicit, &relay{tls: other.server(t, "127.0.0.1"), implicit: true}, true, smtpnotifier.StageConnect},
		{"a certificate for another name", smtpnotifier.TLSRequired, &relay{tls: a.server(t, "relay.example.com")}, true, smtpnotifier.StageTLS},
		{"a certificate for another name, from the first byte", smtpnotifier.TLSImplicit, &relay{tls: a.server(t, "relay.example.com"), implicit: true}, true, smtpnotifier.StageConnect},
		{"TLS 1.1", smtpnotifier.TLSRequired, &relay{tls: old}, true, smtpnotifier.StageTLS},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			test.relay.start(t)
			opts := secured(a, test.relay.addr, test.policy)
			if test.password {
				opts = withPassword(opts)
			}
			err := newNotifier(t, words(plain), opts).Notify(t.Context(), message())
			e, ok := errors.AsType[*smtpnotifier.Error](err)
			if !ok || e.Stage != test.stage || e.Permanent {
				t.Errorf("%v", err)
			}
			quotes(t, err)
			requireNothingInClear(t, test.relay.bytes())
		})
	}
	t.Run("a server that speaks no TLS where it is the first byte", func(t *testing.T) {
		addr, said := scripted(t, func(p *peer) { p.write("220 hello\r\n"); p.waitForClose() })
		err := newNotifier(t, words(plain), withPassword(secured(a, addr, smtpnotifier.TLSImplicit))).Notify(t.Context(), message())
		if _, ok := errors.AsType[tls.RecordHeaderError](err); !ok {
			t.Errorf("%v", err)
		}
		requireNothingInClear(t, said())
	})
}

// requireNothingInClear fails the test if a client sent more without TLS than
// EHLO and STARTTLS.
func requireNothingInClear(t testing.TB, said string) {
	t.Helper()
	for _, secret := range []string{"MAIL", "RCPT", "DATA", "AUTH", "Anna", "portal.example.com", password, "Y29ycmVj"} {
		if strings.Contains(strings.ToUpper(said), strings.ToUpper(secret)) {
			t.Errorf("the client said %q in clear:\n%q", secret, said)
		}
	}
}

// An attacker on the network who removes STARTTLS from the server's offer (RFC
// 3207, section 6) gets neither message nor password.
func TestStripping(t *testing.T) {
	a := newAuthority(t)
	r := &relay{tls: a.server(t, "127.0.0.1"), mechanisms: []string{"PLAIN"}, insecure: true}
	r.start(t)
	addr, said := scripted(t, func(p *peer) {
		up, err := net.Dial("tcp", r.addr)
		if err != nil {
			p.t.Error(err)
			return
		}
		defer up.Close()
		go func() {
			defer p.Close()
			b := make([]byte, 4096)
			for {
				n, err := up.Read(b)
				if err != nil {
					return
				}
				p.write(strings.Replace(string(b[:n]), "STARTTLS", "XTARTTLS", 1))
			}
		}()
		for line := p.readLine(); line != ""; line = p.readLine() {
			if _, err := io.WriteString(up, line+"\r\n"); err != nil {
				return
			}
		}
	})
	for _, opts := range []smtpnotifier.Options{
		secured(a, addr, smtpnotifier.TLSRequired),
		withPassword(secured(a, addr, smtpnotifier.TLSRequired)),
		withPassword(secured(a, addr, smtpnotifier.TLSWhenOffered)),
	} {
		err := within(t, 5*time.Second, func() error { return newNotifier(t, words(plain), opts).Notify(t.Context(), message()) })
		if e, ok := errors.AsType[*smtpnotifier.Error](err); !ok || e.Stage != smtpnotifier.StageTLS || e.Permanent {
			t.Errorf("%v", err)
		}
	}
	requireNothingInClear(t, said())
	if len(r.taken()) != 0 {
		t.Error("the relay took a mail")
	}
}

// CVE-2021-38371, and CVE-2011-0411 on the client's side: an attacker adds
// replies in clear behind the reply to STARTTLS. The client does not read them
// as if they had come over TLS, and does not ignore them either.
func TestInjection(t *testing.T) {
	a := newAuthority(t)
	config := a.server(t, "127.0.0.1")
	for _, test := range []struct {
		sentence, reply string
		works           bool
	}{
		{"nothing is added", "220 ready\r\n", true},
		{"nothing is added to a reply of several lines", "220-ready\r\n220 steady\r\n", true},
		{"all that is missing", "220 ready\r\n250-relay.example.com\r\n250 AUTH PLAIN\r\n235 welcome\r\n250 ok\r\n250 ok\r\n354 go on\r\n250 taken\r\n", false},
		{"one line", "220 ready\r\n250 relay.example.com\r\n", false},
		{"one byte", "220 ready\r\n2", false},
		{"something behind a reply of several lines", "220-ready\r\n220 steady\r\n250 relay.example.com\r\n", false},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			addr, said := scripted(t, func(p *peer) {
				p.serve(map[string]func() bool{
					"EHLO": func() bool {
						if _, secure := p.Conn.(*tls.Conn); secure {
							p.write("250-relay.example.com\r\n250 AUTH PLAIN\r\n")
						} else {
							p.write("250-relay.example.com\r\n250 STARTTLS\r\n")
						}
						return true
					},
					"STARTTLS": func() bool { p.write(test.reply); return p.startTLS(config) },
					"AUTH":     func() bool { p.write("235 welcome\r\n"); return true },
				})
			})
			n := newNotifier(t, words(plain), withPassword(secured(a, addr, smtpnotifier.TLSRequired)))
			err := within(t, 5*time.Second, func() error { return n.Notify(t.Context(), message()) })
			if test.works {
				if err != nil || !strings.Contains(said(), "Auto-Submitted: auto-generated") {
					t.Errorf("%v", err)
				}
				return
			}
			e, ok := errors.AsType[*smtpnotifier.Error](err)
			if !ok || e.Stage != smtpnotifier.StageTLS || e.Permanent {
				t.Errorf("%v", err)
			}
			quotes(t, err)
			requireNothingInClear(t, said())
		})
	}
}

// What a server offers before TLS is not used. How the password is sent depends
// only on what the server offers after.
func TestOfferBeforeTLS(t *testing.T) {
	a := newAuthority(t)
	config := a.server(t, "127.0.0.1")
	addr, said := scripted(t, func(p *peer) {
		p.serve(map[string]func() bool{
			"EHLO": func() bool {
				if _, secure := p.Conn.(*tls.Conn); secure {
					p.write("250 relay.example.com\r\n")
				} else {
					p.write("250-relay.example.com\r\n250-AUTH PLAIN LOGIN\r\n250 STARTTLS\r\n")
				}
				return true
			},
			"STARTTLS": func() bool { p.write("220 ready\r\n"); return p.startTLS(config) },
		})
	})
	n := newNotifier(t, words(plain), withPassword(secured(a, addr, smtpnotifier.TLSRequired)))
	err := within(t, 5*time.Second, func() error { return n.Notify(t.Context(), message()) })
	if e, ok := errors.AsType[*smtpnotifier.Error](err); !ok || e.Stage != smtpnotifier.StageAuth || e.Permanent {
		t.Errorf("%v", err)
	}
	requireNothingInClear(t, said())
}

// A server may write the keywords of its extensions in any case (RFC 5321,
// section 4.1.1.1). Mails to it go over TLS, and the notifier signs in.
func TestKeywordsInAnyCase(t *testing.T) {
	a := newAuthority(t)
	config := a.server(t, "127.0.0.1")
	for _, test := range []struct {
		sentence, starttls, auth string
		policy                   smtpnotifier.TLSPolicy
	}{
		{"upper case", "STARTTLS", "AUTH LOGIN", smtpnotifier.TLSRequired},
		{"lower case, required", "starttls", "auth login", smtpnotifier.TLSRequired},
		{"lower case, when offered", "starttls", "auth login", smtpnotifier.TLSWhenOffered},
		{"lower case, when offered, without a password", "starttls", "", smtpnotifier.TLSWhenOffered},
		{"mixed case, required", "StartTLS", "Auth Login", smtpnotifier.TLSRequired},
		{"mixed case, when offered, without a password", "sTARTTLs", "", smtpnotifier.TLSWhenOffered},
		{"lower case, TLS from the first byte", "", "auth login", smtpnotifier.TLSImplicit},
		{"the mechanism alone", "STARTTLS", "AUTH login", smtpnotifier.TLSRequired},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			var mails, signedIn atomic.Int64
			addr, said := scripted(t, func(p *peer) {
				if test.policy == smtpnotifier.TLSImplicit && !p.startTLS(config) {
					return
				}
				p.serve(keywords(p, config, test.starttls, test.auth, &mails, &signedIn))
			})
			opts := secured(a, addr, test.policy)
			if test.auth != "" {
				opts = withPassword(opts)
			}
			if err := within(t, 5*time.Second, func() error { return newNotifier(t, words(plain), opts).Notify(t.Context(), message()) }); err != nil {
				t.Fatal(err)
			}
			if got := mails.Load(); got != 1 {
				t.Errorf("%d mails over TLS, want 1:\n%s", got, said())
			}
			if got := signedIn.Load() == 1; got != (test.auth != "") {
				t.Errorf("the notifier has signed in: %t:\n%s", got, said())
			}
		})
	}
}

// keywords are the replies of a server that offers its extensions with these
// words, STARTTLS only before TLS and AUTH only after. It counts the mails that
// come over TLS and those who sign in.
func keywords(p *peer, config *tls.Config, starttls, auth string, mails, signedIn *atomic.Int64) map[string]func() bool {
	secure := func() bool { _, ok := p.Conn.(*tls.Conn); return ok }
	return map[string]func() bool{
		"EHLO": func() bool {
			switch {
			case !secure():
				p.write("250-relay.example.com\r\n250-" + starttls + "\r\n250 8BITMIME\r\n")
			case auth != "":
				p.write("250-relay.example.com\r\n250-8bitmime\r\n250 " + auth + "\r\n")
			default:
				p.write("250-relay.example.com\r\n250 8bitmime\r\n")
			}
			return true
		},
		"STARTTLS": func() bool { p.write("220 ready\r\n"); return p.startTLS(config) },
		"AUTH": func() bool {
			p.write("334 VXNlcm5hbWU6\r\n") // Username:
			name := p.readLine()
			p.write("334 UGFzc3dvcmQ6\r\n") // Password:
			word := p.readLine()
			if name == base64.StdEncoding.EncodeToString([]byte(user)) && word == base64.StdEncoding.EncodeToString([]byte(password)) {
				signedIn.Add(1)
			}
			p.write("235 welcome\r\n")
			return true
		},
		"MAIL": func() bool {
			if secure() {
				mails.Add(1)
			}
			p.write("250 ok\r\n")
			return true
		},
	}
}

// A server that fails while it is asked for its extensions is not taken for one
// without TLS.
func TestKeywordsUnanswered(t *testing.T) {
	a := newAuthority(t)
	for _, test := range []struct{ sentence, second string }{
		{"the connection ends", ""},
		{"the server is busy", "451 later\r\n"},
		{"the server closes the connection", "421 bye\r\n"},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			addr, said := scripted(t, func(p *peer) {
				asked := 0
				p.serve(map[string]func() bool{"EHLO": func() bool {
					if asked++; asked == 1 {
						p.write("250-relay.example.com\r\n250 starttls\r\n")
						return true
					}
					p.write(test.second)
					return test.second != ""
				}})
			})
			err := within(t, 5*time.Second, func() error {
				return newNotifier(t, words(plain), secured(a, addr, smtpnotifier.TLSWhenOffered)).Notify(t.Context(), message())
			})
			if e, ok := errors.AsType[*smtpnotifier.Error](err); !ok || e.Stage != smtpnotifier.StageTLS || e.Permanent {
				t.Errorf("%v", err)
			}
			requireNothingInClear(t, said())
		})
	}
}

// The host's TLS configuration is used, with its checks.
func TestTLSConfig(t *testing.T) {
	a := newAuthority(t)
	r := &relay{tls: a.server(t, "relay.example.com")}
	r.start(t)
	refusal := errors.New("not this one")
	for _, test := range []struct {
		sentence string
		config   *tls.Config
		want     error
	}{
		{"another name to verify", &tls.Config{RootCAs: a.pool, ServerName: "relay.example.com"}, nil},
		{"a check of its own in place of the usual one", &tls.Config{InsecureSkipVerify: true, VerifyConnection: func(tls.ConnectionState) error { return nil }}, nil},
		{"a check of its own that refuses", &tls.Config{InsecureSkipVerify: true, VerifyConnection: func(tls.ConnectionState) error { return refusal }}, errAny},
		{"no authority of its own", &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "relay.example.com"}, errAny},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			opts := options(r.addr)
			opts.Server.TLS, opts.Server.TLSConfig = smtpnotifier.TLSRequired, test.config
			err := newNotifier(t, words(plain), opts).Notify(t.Context(), message())
			if (err == nil) != (test.want == nil) {
				t.Errorf("%v", err)
			}
		})
	}
}

// Changes to the options after New have no effect.
func TestOptionsAreCopied(t *testing.T) {
	a := newAuthority(t)
	r := &relay{tls: a.server(t, "127.0.0.1"), mechanisms: []string{"PLAIN"}}
	r.start(t)
	opts := withPassword(secured(a, r.addr, smtpnotifier.TLSRequired))
	opts.Server.Mechanisms = []smtpnotifier.AuthMechanism{smtpnotifier.AuthPlain}
	n := newNotifier(t, words(plain), opts)
	opts.Server.Mechanisms[0] = smtpnotifier.AuthSCRAMSHA256
	opts.Server.TLSConfig.RootCAs = nil
	opts.Server.TLSConfig.MaxVersion = tls.VersionTLS11
	if err := n.Notify(t.Context(), message()); err != nil {
		t.Error(err)
	}
}

var errAny = errors.New("any")
