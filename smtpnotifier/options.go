package smtpnotifier

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/canonical"
)

// A TLSPolicy says how the connection to the server is protected. Wherever
// there is TLS, the server's certificate is verified.
type TLSPolicy string

// The policies.
const (
	// TLSRequired begins with STARTTLS (RFC 3207) and sends nothing but EHLO
	// before it: a server that offers none, or somebody on the way who takes
	// the offer out, gets neither message nor password. It is the zero value;
	// its usual ports are 587 and 25.
	TLSRequired TLSPolicy = ""
	// TLSImplicit speaks TLS from the first byte, which RFC 8314 recommends. Its
	// usual port is 465.
	TLSImplicit TLSPolicy = "implicit"
	// TLSWhenOffered uses STARTTLS where the server offers it. A password never
	// goes without TLS, but messages do: whoever is between this process and the
	// server can take the offer out and read the links. It is for a relay that
	// nobody is on the way to. One that offers STARTTLS with a certificate that
	// nobody can verify, as many do on localhost, needs RootCAs in TLSConfig, or
	// DangerouslyPlaintext.
	TLSWhenOffered TLSPolicy = "when_offered"
	// DangerouslyPlaintext never uses TLS, and so never a password. It is for a
	// relay on the same machine.
	DangerouslyPlaintext TLSPolicy = "plaintext"
)

// A Mechanism is a way to sign in, by its SASL name.
type AuthMechanism string

// The mechanisms, strongest first. With SCRAM the server never sees the
// password, and with PLUS nobody can pass the exchange on to another
// connection. CRAM-MD5 is missing, because it has the server keep the password
// in clear to protect it on a way that TLS protects already; NTLM, because it is
// obsolete.
const (
	AuthSCRAMSHA256Plus AuthMechanism = "SCRAM-SHA-256-PLUS"
	AuthSCRAMSHA256     AuthMechanism = "SCRAM-SHA-256"
	AuthSCRAMSHA1Plus   AuthMechanism = "SCRAM-SHA-1-PLUS"
	AuthSCRAMSHA1       AuthMechanism = "SCRAM-SHA-1"
	AuthPlain           AuthMechanism = "PLAIN"
	AuthLogin           AuthMechanism = "LOGIN"
)

// mechanisms returns all of them, strongest first.
func mechanisms() []AuthMechanism {
	return []AuthMechanism{AuthSCRAMSHA256Plus, AuthSCRAMSHA256, AuthSCRAMSHA1Plus, AuthSCRAMSHA1, AuthPlain, AuthLogin}
}

// A Server is where mail goes: the relay, or submission server, of the host or
// of its provider. It prints without user and password.
type Server struct {
	_ [0]func()

	// Address is its name and port, as in "smtp.example.com:587": the name is
	// the one that its certificate has to carry. Required.
	Address string
	// TLS is how the connection is protected. Default [TLSRequired].
	TLS TLSPolicy
	// TLSConfig adds to that, for example RootCAs or a client certificate. It
	// is cloned. ServerName is by default the name in Address; MinVersion is
	// TLS 1.2 by default and cannot be less; InsecureSkipVerify is refused
	// unless VerifyConnection says what is verified instead. Default nil.
	TLSConfig *tls.Config
	// Username and Password sign in, at most 512 bytes each. Default: nobody
	// signs in.
	Username string
	Password recovery.Secret
	// Token returns an OAuth 2.0 access token for Username, to sign in with
	// XOAUTH2 in place of a password. It is asked once for each connection and
	// returns when ctx ends. Default nil.
	Token func(ctx context.Context) (recovery.Secret, error)
	// Mechanisms are those that may be used with Password. The first one that
	// the server offers is. Default: all, strongest first. A shorter list helps
	// with servers that offer what they cannot do.
	Mechanisms []AuthMechanism
	// Dial opens the connection, for example through a proxy. Its network is
	// "tcp". Default: a [net.Dialer].
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Options configure a [Notifier]. The zero value of a field is its secure
// default; Server.Address and From have none. [New] copies what it needs.
type Options struct {
	_ [0]func()

	// Server is where mail goes. [ParseURL] makes one from a string.
	Server Server

	// From is the sender whom people see. Its address is required, and as
	// strict as a lead's: unquoted ASCII, one @, a domain of two labels or more.
	// Its name has at most 128 bytes of printable characters. Both parts are
	// read by people who decide whether to trust the mail: the name should be
	// the product's, the domain one that they know.
	From mail.Address
	// ReplyTo is where answers go. Default: to From.
	ReplyTo mail.Address
	// EnvelopeSender is where mail systems return what they cannot deliver (MAIL
	// FROM). Default: From's address. Somebody, or something, should read it.
	EnvelopeSender string
	// HelloName is how the notifier introduces itself (EHLO): a domain name or
	// an address literal, as in "[192.0.2.1]". Default: the domain of From,
	// which every relay takes for well formed and which, other than the
	// machine's own name, tells the recipients nothing.
	HelloName string

	// MaxConnections is how many connections there are at a time, 1 to 64, idle
	// ones included. Whoever finds all of them busy waits. Default 4.
	MaxConnections int
	// MessagesPerConnection is how many messages a connection carries, 1 to
	// 1,000. With 1 no connection is ever used again. Default 50.
	MessagesPerConnection int
	// IdleTimeout is how long an idle connection is kept for the next message,
	// 1 s to 5 min. Default 15 s, which is less than what servers wait for.
	IdleTimeout time.Duration

	// ConnectTimeout is how long a connection may take until it is ready for
	// messages: lookup, TCP, TLS, greeting and signing in together,
	// 1 s to 5 min. Default 15 s: some servers let strangers wait for their
	// greeting.
	ConnectTimeout time.Duration
	// SendTimeout is how long one message may take on a ready connection, all
	// of the server's replies together. 1 s to 10 min. Default 1 min. Whatever
	// these two say, Notify returns when its context ends, which is 30 s with a
	// [recovery.MemoryQueue].
	SendTimeout time.Duration
}

// withDefaults fills in what is zero, and copies what the caller could change.
func (o Options) withDefaults() Options {
	if o.EnvelopeSender == "" {
		o.EnvelopeSender = o.From.Address
	}
	if o.HelloName == "" {
		o.HelloName = domainOf(o.From.Address)
	}
	if len(o.Server.Mechanisms) == 0 {
		o.Server.Mechanisms = mechanisms()
	}
	o.Server.Mechanisms = slices.Clone(o.Server.Mechanisms)
	if o.Server.Dial == nil {
		o.Server.Dial = new(net.Dialer).DialContext
	}
	setDefault(&o.MaxConnections, 4)
	setDefault(&o.MessagesPerConnection, 50)
	setDefault(&o.IdleTimeout, 15*time.Second)
	setDefault(&o.ConnectTimeout, 15*time.Second)
	setDefault(&o.SendTimeout, time.Minute)
	return o
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// validate reports every mistake at once. The receiver has its defaults.
func (o Options) validate(renderer Renderer) error {
	var errs []error
	bad := func(option, format string, args ...any) {
		errs = append(errs, &recovery.OptionError{Option: option, Reason: fmt.Sprintf(format, args...)})
	}
	if renderer == nil {
		bad("renderer", "is required: package messages has one")
	}
	o.Server.validate(bad)
	if !isAddress(o.From.Address) {
		bad("From", "needs an address of unquoted ASCII, with a domain of two labels or more")
	}
	if !isDisplayName(o.From.Name) {
		bad("From", "the name must have at most 128 bytes of printable characters")
	}
	if o.ReplyTo.Address == "" && o.ReplyTo.Name != "" {
		bad("ReplyTo", "has a name and no address")
	}
	if o.ReplyTo.Address != "" && !isAddress(o.ReplyTo.Address) {
		bad("ReplyTo", "needs an address of unquoted ASCII, with a domain of two labels or more")
	}
	if !isDisplayName(o.ReplyTo.Name) {
		bad("ReplyTo", "the name must have at most 128 bytes of printable characters")
	}
	// Defaults that come from From are wrong with it, which is one mistake.
	if o.EnvelopeSender != o.From.Address && !isAddress(o.EnvelopeSender) {
		bad("EnvelopeSender", "must be an address of unquoted ASCII, without a name or angle brackets")
	}
	if o.HelloName != domainOf(o.From.Address) && !isHelloName(o.HelloName) {
		bad("HelloName", "must be a domain name, or an IP address in brackets")
	}
	for _, n := range []struct {
		name         string
		v, low, high int
	}{{"MaxConnections", o.MaxConnections, 1, 64}, {"MessagesPerConnection", o.MessagesPerConnection, 1, 1000}} {
		if n.v < n.low || n.v > n.high {
			bad(n.name, "is %d, must be %d to %d", n.v, n.low, n.high)
		}
	}
	for _, d := range []struct {
		name    string
		v, high time.Duration
	}{
		{"IdleTimeout", o.IdleTimeout, 5 * time.Minute},
		{"ConnectTimeout", o.ConnectTimeout, 5 * time.Minute},
		{"SendTimeout", o.SendTimeout, 10 * time.Minute},
	} {
		if d.v < time.Second || d.v > d.high {
			bad(d.name, "is %v, must be 1s to %v", d.v, d.high)
		}
	}
	return errors.Join(errs...)
}

func (s Server) validate(bad func(option, format string, args ...any)) {
	if reason := checkHostPort(s.Address); reason != "" {
		bad("Server.Address", "%s", reason)
	}
	switch s.TLS {
	case TLSRequired, TLSImplicit, TLSWhenOffered, DangerouslyPlaintext:
	default:
		bad("Server.TLS", "%q is none of the policies", s.TLS)
	}
	if c := s.TLSConfig; c != nil {
		if c.MinVersion != 0 && c.MinVersion < tls.VersionTLS12 {
			bad("Server.TLSConfig", "MinVersion must be TLS 1.2 or later")
		}
		if c.MaxVersion != 0 && c.MaxVersion < tls.VersionTLS12 {
			bad("Server.TLSConfig", "MaxVersion must be TLS 1.2 or later")
		}
		if c.InsecureSkipVerify && c.VerifyConnection == nil {
			bad("Server.TLSConfig", "InsecureSkipVerify needs a VerifyConnection; for a certificate of one's own RootCAs is enough")
		}
		if s.TLS == DangerouslyPlaintext {
			bad("Server.TLSConfig", "is of no use without TLS")
		}
	}
	password := !s.Password.IsZero()
	switch {
	case s.Token != nil && password:
		bad("Server.Token", "excludes Server.Password")
	case s.Username == "" && (password || s.Token != nil):
		bad("Server.Username", "is required with a password or token")
	case s.Username != "" && !password && s.Token == nil:
		bad("Server.Password", "is required with a user name, or Server.Token")
	}
	if s.TLS == DangerouslyPlaintext && (s.Username != "" || password || s.Token != nil) {
		bad("Server.TLS", "a password never goes without TLS")
	}
	if !isCredential(s.Username) {
		bad("Server.Username", "must have at most 512 bytes of UTF-8 without control characters")
	}
	if !isCredential(s.Password.Reveal()) {
		bad("Server.Password", "must have at most 512 bytes of UTF-8 without control characters")
	}
	for i, m := range s.Mechanisms {
		if !slices.Contains(mechanisms(), m) {
			bad("Server.Mechanisms", "%.40q is none of the mechanisms", m)
		}
		if slices.Contains(s.Mechanisms[:i], m) {
			bad("Server.Mechanisms", "%s is named twice", m)
		}
	}
}

// signsIn reports whether the server wants to know who sends.
func (s Server) signsIn() bool { return s.Username != "" }

// host is the name in a valid Address.
func (s Server) host() string {
	host, _, _ := net.SplitHostPort(s.Address)
	return host
}

// tlsConfig returns the configuration for a connection.
func (s Server) tlsConfig() *tls.Config {
	c := s.TLSConfig.Clone()
	if c == nil {
		c = &tls.Config{}
	}
	if c.ServerName == "" {
		c.ServerName = s.host()
	}
	if c.MinVersion == 0 {
		c.MinVersion = tls.VersionTLS12
	}
	return c
}

// checkHostPort says what is wrong with an address to dial.
func checkHostPort(s string) string {
	if s == "" {
		return "is required: the relay, as in smtp.example.com:587"
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return "must be HOST:PORT"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "the port must be a number from 1 to 65535"
	}
	// A zone could be any text.
	if a, err := netip.ParseAddr(host); (err != nil || a.Zone() != "") && !isDomain(host) {
		return "the host must be a domain name or an IP address"
	}
	return ""
}

// isAddress reports whether s is an address that can be written into a command
// and a header as it is: what [recovery.Service] takes for an e-mail address,
// in any case, and nothing around it. Quoted local parts, comments, names,
// routes and address literals are not among it, nor anything that net/mail
// would have to rewrite (CVE-2025-59937).
func isAddress(s string) bool {
	spelling, err := canonical.Email(s)
	return err == nil && spelling == canonical.FoldASCII(s)
}

func domainOf(address string) string {
	return address[strings.LastIndexByte(address, '@')+1:]
}

// isDomain reports whether s is a host name of one label or more. Underscores
// occur in the names of containers.
func isDomain(s string) bool {
	if len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		if strings.ContainsFunc(label, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
		}) {
			return false
		}
	}
	return true
}

// isHelloName reports whether s is a domain or an address literal (RFC 5321,
// section 4.1.3).
func isHelloName(s string) bool {
	literal, ok := strings.CutPrefix(s, "[")
	if !ok {
		return isDomain(s)
	}
	literal, ok = strings.CutSuffix(literal, "]")
	v6, is6 := strings.CutPrefix(literal, "IPv6:")
	a, err := netip.ParseAddr(v6)
	return ok && err == nil && a.Is6() == is6 && a.Zone() == ""
}

func isDisplayName(s string) bool {
	return len(s) <= 128 && utf8.ValidString(s) && s == strings.TrimSpace(s) &&
		!strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// isCredential allows what every mechanism can carry: NUL separates PLAIN's
// fields and \x01 those of XOAUTH2.
func isCredential(s string) bool {
	return len(s) <= 512 && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}
