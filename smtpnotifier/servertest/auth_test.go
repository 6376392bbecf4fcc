package servertest_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/smtpnotifier"
)

// A scramServer is a server for user and password as in RFC 5802. It was
// written from the RFC and not from the client.
type scramServer struct {
	s          *relaySession
	h          func() hash.Hash
	plus       bool
	iterations int
	unproved   bool // leaves out the server's proof
	early      bool // sends the proof before the challenge

	step             int
	bare, first, gs2 string
}

func (v *scramServer) mac(key []byte, text string) []byte {
	m := hmac.New(v.h, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

func (v *scramServer) Next(response []byte) ([]byte, bool, error) {
	v.step++
	switch v.step {
	case 1:
		return nil, false, nil // it is the client's turn
	case 2:
		text := string(response)
		parts := strings.SplitN(text, ",", 3)
		if len(parts) != 3 {
			return nil, false, smtp.ErrAuthFailed
		}
		v.gs2, v.bare = parts[0]+","+parts[1]+",", parts[2]
		if v.plus != strings.HasPrefix(v.gs2, "p=tls-exporter,") {
			return nil, false, smtp.ErrAuthFailed
		}
		name, nonce, _ := strings.Cut(strings.TrimPrefix(v.bare, "n="), ",r=")
		if name != user {
			return nil, false, smtp.ErrAuthFailed
		}
		if v.early {
			// This is what a client computes that knows neither salt nor
			// challenge.
			return []byte("v=" + base64.StdEncoding.EncodeToString(v.mac(v.mac(nil, "Server Key"), ""))), false, nil
		}
		v.first = fmt.Sprintf("r=%sserver,s=%s,i=%d", nonce, base64.StdEncoding.EncodeToString([]byte("salt of salts")), v.iterations)
		return []byte(v.first), false, nil
	case 3:
		if v.early {
			return nil, true, nil
		}
		without, proof, ok := strings.Cut(string(response), ",p=")
		if !ok {
			return nil, false, smtp.ErrAuthFailed
		}
		binding := []byte(v.gs2)
		if v.plus {
			state, _ := v.s.conn.TLSConnectionState()
			data, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32)
			if err != nil {
				return nil, false, err
			}
			binding = append(binding, data...)
		}
		if !strings.HasPrefix(without, "c="+base64.StdEncoding.EncodeToString(binding)+",r=") {
			return nil, false, smtp.ErrAuthFailed
		}
		salted, err := pbkdf2.Key(v.h, password, []byte("salt of salts"), v.iterations, v.h().Size())
		if err != nil {
			return nil, false, err
		}
		text := v.bare + "," + v.first + "," + without
		clientKey := v.mac(salted, "Client Key")
		stored := v.h()
		stored.Write(clientKey)
		want := v.mac(stored.Sum(nil), text)
		for i := range want {
			want[i] ^= clientKey[i]
		}
		got, err := base64.StdEncoding.DecodeString(proof)
		if err != nil || !bytes.Equal(got, want) {
			return nil, false, smtp.ErrAuthFailed
		}
		if v.unproved {
			v.s.user = user
			return nil, true, nil
		}
		return []byte("v=" + base64.StdEncoding.EncodeToString(v.mac(v.mac(salted, "Server Key"), text))), false, nil
	}
	v.s.user = user
	return nil, true, nil
}

// scram returns a relay that offers the four SCRAM mechanisms.
func scram(edit func(*scramServer)) func(string, *relaySession) (sasl.Server, error) {
	return func(mechanism string, s *relaySession) (sasl.Server, error) {
		name, plus := strings.CutSuffix(mechanism, "-PLUS")
		v := &scramServer{s: s, plus: plus, iterations: 4096}
		switch name {
		case "SCRAM-SHA-1":
			v.h = sha1.New
		case "SCRAM-SHA-256":
			v.h = sha256.New
		default:
			return nil, nil
		}
		if edit != nil {
			edit(v)
		}
		return v, nil
	}
}

// The strongest mechanism that both sides have is used, and it works.
func TestMechanisms(t *testing.T) {
	a := newAuthority(t)
	tests := []struct {
		sentence string
		offered  string
		allowed  []smtpnotifier.AuthMechanism
		want     string // empty: none
	}{
		{"PLAIN alone", "PLAIN", nil, "PLAIN"},
		{"LOGIN alone", "LOGIN", nil, "LOGIN"},
		{"PLAIN before LOGIN", "LOGIN PLAIN", nil, "PLAIN"},
		{"SCRAM before PLAIN", "PLAIN LOGIN SCRAM-SHA-1", nil, "SCRAM-SHA-1"},
		{"channel binding before a longer hash", "PLAIN SCRAM-SHA-1 SCRAM-SHA-1-PLUS", nil, "SCRAM-SHA-1-PLUS"},
		{"SHA-256 before SHA-1", "SCRAM-SHA-1 SCRAM-SHA-1-PLUS SCRAM-SHA-256", nil, "SCRAM-SHA-256"},
		{"the strongest of all", "PLAIN LOGIN NTLM CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-256-PLUS XOAUTH2", nil, "SCRAM-SHA-256-PLUS"},
		{"only what the host allows", "PLAIN LOGIN SCRAM-SHA-256", []smtpnotifier.AuthMechanism{smtpnotifier.AuthLogin, smtpnotifier.AuthPlain}, "LOGIN"},
		{"none that the host allows", "PLAIN LOGIN", []smtpnotifier.AuthMechanism{smtpnotifier.AuthSCRAMSHA256}, ""},
		{"none that is any good", "NTLM CRAM-MD5 XOAUTH2 ANONYMOUS", nil, ""},
		{"none at all", "", nil, ""},
		{"a name that only begins like one", "PLAINTEXT LOGINS", nil, ""},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			used := ""
			r := &relay{tls: a.server(t, "127.0.0.1"), mechanisms: strings.Fields(test.offered)}
			r.auth = func(mechanism string, s *relaySession) (sasl.Server, error) {
				used = mechanism
				return scram(nil)(mechanism, s)
			}
			r.start(t)
			opts := withPassword(secured(a, r.addr, smtpnotifier.TLSRequired))
			opts.Server.Mechanisms = test.allowed
			err := newNotifier(t, words(plain), opts).Notify(t.Context(), message())
			if test.want == "" {
				if e, ok := errors.AsType[*smtpnotifier.Error](err); !ok || e.Stage != smtpnotifier.StageAuth || e.Permanent || used != "" {
					t.Errorf("%v after %q", err, used)
				}
				return
			}
			if err != nil || used != test.want || only(t, r).user != user {
				t.Errorf("%v with %q, want %q", err, used, test.want)
			}
		})
	}
}

// An operator can correct a password that is wrong or was rotated, so every
// such reply is temporary.
func TestWrongPassword(t *testing.T) {
	a := newAuthority(t)
	for _, mechanism := range []string{"PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"} {
		t.Run(mechanism, func(t *testing.T) {
			r := &relay{tls: a.server(t, "127.0.0.1"), mechanisms: []string{mechanism}, auth: scram(nil)}
			r.start(t)
			opts := withPassword(secured(a, r.addr, smtpnotifier.TLSRequired))
			opts.Server.Password = recovery.NewSecret("secret " + password)
			err := within(t, 5*time.Second, func() error { return newNotifier(t, words(plain), opts).Notify(t.Context(), message()) })
			e, ok := errors.AsType[*smtpnotifier.Error](err)
			if !ok || e.Stage != smtpnotifier.StageAuth || e.Permanent || e.Code != 535 {
				t.Errorf("%v", err)
			}
			quotes(t, err)
			if len(r.taken()) != 0 {
				t.Error("the relay took the mail")
			}
		})
	}
}

// The client refuses a server that asks for hours of work with SCRAM, or that
// does not prove that it knows the password too.
func TestHostileSCRAM(t *testing.T) {
	a := newAuthority(t)
	for _, test := range []struct {
		sentence string
		edit     func(*scramServer)
	}{
		{"two thousand million iterations", func(v *scramServer) { v.iterations = 2_000_000_000 }},
		{"a million and one", func(v *scramServer) { v.iterations = 1_000_001 }},
		{"no iterations", func(v *scramServer) { v.iterations = 0 }},
		{"no proof", func(v *scramServer) { v.unproved = true }},
		{"a proof before the challenge", func(v *scramServer) { v.early = true }},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			r := &relay{tls: a.server(t, "127.0.0.1"), mechanisms: []string{"SCRAM-SHA-256"}, auth: scram(test.edit)}
			r.start(t)
			n := newNotifier(t, words(plain), withPassword(secured(a, r.addr, smtpnotifier.TLSRequired)))
			err := within(t, 5*time.Second, func() error { return n.Notify(t.Context(), message()) })
			if e, ok := errors.AsType[*smtpnotifier.Error](err); !ok || e.Stage != smtpnotifier.StageAuth || e.Permanent {
				t.Errorf("%v", err)
			}
			if len(r.taken()) != 0 {
				t.Error("the relay took the mail")
			}
		})
	}
}

// xoauth2 is the server's part of XOAUTH2, as the large providers document it.
type xoauth2 struct {
	s     *relaySession
	token string
	step  int
}

func (x *xoauth2) Next(response []byte) ([]byte, bool, error) {
	x.step++
	if x.step == 1 && string(response) == "user="+user+"\x01auth=Bearer "+x.token+"\x01\x01" {
		x.s.user = user
		return nil, true, nil
	}
	if x.step == 1 {
		return []byte(`{"status":"400","scope":"secret"}`), false, nil
	}
	return nil, false, smtp.ErrAuthFailed
}

func TestXOAUTH2(t *testing.T) {
	a := newAuthority(t)
	refusal := errors.New("the authorization server is down")
	for _, test := range []struct {
		sentence string
		offered  []string
		token    string
		err      error
		code     int
		works    bool
	}{
		{"a token", []string{"PLAIN", "XOAUTH2"}, "ya29.token", nil, 0, true},
		{"a token that has expired", []string{"XOAUTH2"}, "ya29.old", nil, 535, false},
		{"no token", []string{"XOAUTH2"}, "", refusal, 0, false},
		{"an empty token", []string{"XOAUTH2"}, "", nil, 0, false},
		{"a token that is several fields", []string{"XOAUTH2"}, "ya29.token\x01auth=x", nil, 0, false},
		{"a server that wants passwords", []string{"PLAIN"}, "ya29.token", nil, 0, false},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			r := &relay{tls: a.server(t, "127.0.0.1"), mechanisms: test.offered}
			r.auth = func(mechanism string, s *relaySession) (sasl.Server, error) {
				return &xoauth2{s: s, token: "ya29.token"}, nil
			}
			r.start(t)
			opts := secured(a, r.addr, smtpnotifier.TLSRequired)
			opts.Server.Username = user
			opts.Server.Token = func(context.Context) (recovery.Secret, error) {
				return recovery.NewSecret(test.token), test.err
			}
			err := within(t, 5*time.Second, func() error { return newNotifier(t, words(plain), opts).Notify(t.Context(), message()) })
			if test.works {
				if err != nil || only(t, r).user != user {
					t.Errorf("%v", err)
				}
				return
			}
			e, ok := errors.AsType[*smtpnotifier.Error](err)
			if !ok || e.Stage != smtpnotifier.StageAuth || e.Permanent || e.Code != test.code || !errors.Is(err, cmpErr(test.err, err)) {
				t.Errorf("%v", err)
			}
			if test.token != "" && strings.Contains(err.Error(), test.token) {
				t.Errorf("the error quotes the token: %v", err)
			}
			quotes(t, err)
			if slices.Contains(test.offered, "PLAIN") && strings.Contains(r.bytes(), "AUTH PLAIN") {
				t.Error("the token went as a password")
			}
		})
	}
}

// cmpErr returns want, or got if want is nil.
func cmpErr(want, got error) error {
	if want == nil {
		return got
	}
	return want
}
