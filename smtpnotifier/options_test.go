package smtpnotifier_test

import (
	"context"
	"crypto/tls"
	"errors"
	netmail "net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/messages"
	"github.com/seed-51359b35/recovery/smtpnotifier"
)

// options returns the options for a relay that no test connects to.
func options(addr string) smtpnotifier.Options {
	return smtpnotifier.Options{
		Server: smtpnotifier.Server{Address: addr, TLS: smtpnotifier.DangerouslyPlaintext},
		From:   netmail.Address{Name: "Acme Portal", Address: "no-reply@accounts.example.com"},
	}
}

// silent is a Renderer that no test calls.
type silent struct{}

func (silent) Mail(recovery.Message) (messages.Mail, error) { return messages.Mail{}, nil }

func token(context.Context) (recovery.Secret, error) { return recovery.Secret{}, nil }

// Each mistake is reported with the name of the option, and without its value.
func TestMistakes(t *testing.T) {
	const user, secret = "mailer@example.com", "s3cret"
	tests := []struct {
		sentence string
		edit     func(o *smtpnotifier.Options)
		want     string // options, joined by spaces
	}{
		{"nothing is wrong", func(o *smtpnotifier.Options) {}, ""},
		{"an IPv6 address", func(o *smtpnotifier.Options) { o.Server.Address = "[::1]:25" }, ""},
		{"a name of one label", func(o *smtpnotifier.Options) { o.Server.Address = "mail_relay:25" }, ""},
		{"no address", func(o *smtpnotifier.Options) { o.Server.Address = "" }, "Server.Address"},
		{"no port", func(o *smtpnotifier.Options) { o.Server.Address = "relay.example.com" }, "Server.Address"},
		{"port 0", func(o *smtpnotifier.Options) { o.Server.Address = "relay.example.com:0" }, "Server.Address"},
		{"a port by name", func(o *smtpnotifier.Options) { o.Server.Address = "relay.example.com:smtp" }, "Server.Address"},
		{"a port too high", func(o *smtpnotifier.Options) { o.Server.Address = "relay.example.com:65536" }, "Server.Address"},
		{"port 465 with STARTTLS", func(o *smtpnotifier.Options) {
			o.Server = smtpnotifier.Server{Address: "relay.example.com:465", TLS: smtpnotifier.TLSRequired}
		}, "Server.Address"},
		{"port 465 with STARTTLS when offered", func(o *smtpnotifier.Options) {
			o.Server = smtpnotifier.Server{Address: "relay.example.com:465", TLS: smtpnotifier.TLSWhenOffered}
		}, "Server.Address"},
		{"port 465 with TLS", func(o *smtpnotifier.Options) {
			o.Server = smtpnotifier.Server{Address: "relay.example.com:465", TLS: smtpnotifier.TLSImplicit}
		}, ""},
		{"no host", func(o *smtpnotifier.Options) { o.Server.Address = ":25" }, "Server.Address"},
		{"a host that is no name", func(o *smtpnotifier.Options) { o.Server.Address = "relay example:25" }, "Server.Address"},
		{"a host that ends a line", func(o *smtpnotifier.Options) { o.Server.Address = "relay\r\n:25" }, "Server.Address"},
		{"a policy that is none", func(o *smtpnotifier.Options) { o.Server.TLS = "starttls" }, "Server.TLS"},
		{"an old TLS", func(o *smtpnotifier.Options) { o.Server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS11} }, "Server.TLSConfig"},
		{"only old TLS", func(o *smtpnotifier.Options) { o.Server.TLSConfig = &tls.Config{MaxVersion: tls.VersionTLS11} }, "Server.TLSConfig"},
		{"no verification", func(o *smtpnotifier.Options) { o.Server.TLSConfig = &tls.Config{InsecureSkipVerify: true} }, "Server.TLSConfig"},
		{"TLS settings for plaintext", func(o *smtpnotifier.Options) {
			o.Server.TLS, o.Server.TLSConfig = smtpnotifier.DangerouslyPlaintext, &tls.Config{}
		}, "Server.TLSConfig"},
		{"a password for plaintext", func(o *smtpnotifier.Options) {
			o.Server.TLS, o.Server.Username, o.Server.Password = smtpnotifier.DangerouslyPlaintext, user, recovery.NewSecret(secret)
		}, "Server.TLS"},
		{"a user without a password", func(o *smtpnotifier.Options) { o.Server.Username = user }, "Server.Password"},
		{"a password without a user", func(o *smtpnotifier.Options) { o.Server.Password = recovery.NewSecret(secret) }, "Server.Username"},
		{"a token without a user", func(o *smtpnotifier.Options) { o.Server.Token = token }, "Server.Username"},
		{"a token and a password", func(o *smtpnotifier.Options) {
			o.Server.Username, o.Server.Password, o.Server.Token = user, recovery.NewSecret(secret), token
		}, "Server.Token"},
		{"a password of two fields", func(o *smtpnotifier.Options) {
			o.Server.Username, o.Server.Password = user, recovery.NewSecret(secret+"\x00"+secret)
		}, "Server.Password"},
		{"a user of two lines", func(o *smtpnotifier.Options) {
			o.Server.Username, o.Server.Password = secret+"\r\n", recovery.NewSecret(secret)
		}, "Server.Username"},
		{"a mechanism that is none", func(o *smtpnotifier.Options) { o.Server.Mechanisms = []smtpnotifier.AuthMechanism{"NTLM"} }, "Server.Mechanisms"},
		{"a mechanism twice", func(o *smtpnotifier.Options) { o.Server.Mechanisms = []smtpnotifier.AuthMechanism{"PLAIN", "PLAIN"} }, "Server.Mechanisms"},
		{"no sender", func(o *smtpnotifier.Options) { o.From = netmail.Address{} }, "From"},
		{"a sender on a host without a domain", func(o *smtpnotifier.Options) { o.From.Address = "root@localhost" }, "From"},
		{"a sender with a name in the address", func(o *smtpnotifier.Options) { o.From.Address = "Acme <a@example.com>" }, "From"},
		{"a sender who ends a line (A13)", func(o *smtpnotifier.Options) { o.From.Address = "a@example.com\r\nBcc: b@example.com" }, "From"},
		{"a sender's name that ends a line (A13)", func(o *smtpnotifier.Options) { o.From.Name = "Acme\r\nBcc: b@example.com" }, "From"},
		{"a sender's name that turns around", func(o *smtpnotifier.Options) { o.From.Name = "Acme \u202emoc" }, "From"},
		{"a sender's name without end", func(o *smtpnotifier.Options) { o.From.Name = strings.Repeat("x", 129) }, "From"},
		{"answers to a name alone", func(o *smtpnotifier.Options) { o.ReplyTo.Name = "Acme" }, "ReplyTo"},
		{"answers to two", func(o *smtpnotifier.Options) { o.ReplyTo.Address = "a@example.com, b@example.com" }, "ReplyTo"},
		{"answers to a name of two lines", func(o *smtpnotifier.Options) {
			o.ReplyTo = netmail.Address{Name: "x\ny", Address: "a@example.com"}
		}, "ReplyTo"},
		{"bounces to nobody", func(o *smtpnotifier.Options) { o.EnvelopeSender = "<>" }, "EnvelopeSender"},
		{"bounces with a parameter", func(o *smtpnotifier.Options) { o.EnvelopeSender = "a@example.com> RET=FULL" }, "EnvelopeSender"},
		{"a hello of two lines", func(o *smtpnotifier.Options) { o.HelloName = "a\r\nMAIL" }, "HelloName"},
		{"a hello of two words", func(o *smtpnotifier.Options) { o.HelloName = "a b" }, "HelloName"},
		{"a hello with an address out of brackets", func(o *smtpnotifier.Options) { o.HelloName = "::1" }, "HelloName"},
		{"a hello with an IPv6 address without its tag", func(o *smtpnotifier.Options) { o.HelloName = "[::1]" }, "HelloName"},
		{"a hello with an IPv6 address", func(o *smtpnotifier.Options) { o.HelloName = "[IPv6:::1]" }, ""},
		{"a hello with an IPv4 address", func(o *smtpnotifier.Options) { o.HelloName = "[192.0.2.1]" }, ""},
		{"too many connections", func(o *smtpnotifier.Options) { o.MaxConnections = 65 }, "MaxConnections"},
		{"fewer connections than none", func(o *smtpnotifier.Options) { o.MaxConnections = -1 }, "MaxConnections"},
		{"too many messages", func(o *smtpnotifier.Options) { o.MessagesPerConnection = 1001 }, "MessagesPerConnection"},
		{"times in no unit", func(o *smtpnotifier.Options) { o.IdleTimeout, o.ConnectTimeout, o.SendTimeout = 30, 30, 30 }, "ConnectTimeout IdleTimeout SendTimeout"},
		{"times too long", func(o *smtpnotifier.Options) {
			o.IdleTimeout, o.ConnectTimeout, o.SendTimeout = time.Hour, time.Hour, time.Hour
		}, "ConnectTimeout IdleTimeout SendTimeout"},
		{"everything at once", func(o *smtpnotifier.Options) {
			*o = smtpnotifier.Options{
				Server:         smtpnotifier.Server{TLS: "x", Username: secret, Mechanisms: []smtpnotifier.AuthMechanism{"x"}},
				EnvelopeSender: secret, HelloName: secret + " ", MaxConnections: -1,
			}
		}, "EnvelopeSender From HelloName MaxConnections Server.Address Server.Mechanisms Server.Password Server.TLS"},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			opts := options("relay.example.com:587")
			opts.Server.TLS = smtpnotifier.TLSRequired
			test.edit(&opts)
			n, err := smtpnotifier.New(silent{}, opts)
			if (n == nil) != (err != nil) {
				t.Errorf("%v, %v", n, err)
			}
			got := mistakes(err)
			if strings.Join(got, " ") != test.want {
				t.Errorf("mistakes in %q, want %q: %v", got, test.want, err)
			}
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("the error quotes: %v", err)
			}
		})
	}
	if _, err := smtpnotifier.New(nil, options("relay.example.com:25")); !slices.Equal(mistakes(err), []string{"renderer"}) {
		t.Errorf("without a renderer: %v", err)
	}
}

// mistakes returns the names of the options that err reports, sorted, each
// once.
func mistakes(err error) []string {
	var all []string
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	for _, err := range joined.Unwrap() {
		if e, ok := errors.AsType[*recovery.OptionError](err); ok {
			all = append(all, e.Option)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
