package smtpnotifier

import (
	"context"
	"crypto/tls"
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

// A TLSPolicy says how the connection to the server is protected. Every policy
// that uses TLS verifies the server's certificate.
type TLSPolicy string

// The policies.
const (
	// TLSRequired begins with STARTTLS (RFC 3207) and sends nothing but EHLO
	// before it. A server that offers no STARTTLS gets neither message nor
	// password. The same holds if an attacker on the network removes the offer.
	// TLSRequired is the zero value. Its usual ports are 587 and 25.
	TLSRequired TLSPolicy = ""
	// TLSImplicit speaks TLS from the first byte, as RFC 8314 recommends. Its
	// usual port is 465.
	TLSImplicit TLSPolicy = "implicit"
	// TLSWhenOffered uses STARTTLS if the server offers it. A password never
	// goes without TLS, but messages do: an attacker between this process and
	// the server can remove the offer and read the links. Use TLSWhenOffered
	// only for a relay that no attacker can get in front of. Many relays on
	// localhost offer STARTTLS with a certificate that cannot be verified. They
	// need RootCAs in TLSConfig, or DangerouslyPlaintext.
	TLSWhenOffered TLSPolicy = "when_offered"
	// DangerouslyPlaintext never uses TLS, and so it never sends a password. It
	// is for a relay on the same machine.
	DangerouslyPlaintext TLSPolicy = "plaintext"
)

// An AuthMechanism is a way to sign in, by its SASL name.
type AuthMechanism string

// The mechanisms, strongest first. With SCRAM the server never sees the
// password. With PLUS nobody can relay the exchange to another connection.
// CRAM-MD5 is missing: it makes the server store the password in clear, to
// protect it on a connection that TLS protects already. NTLM is missing because
// it is obsolete.
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

// A Server is where mail goes: the relay or submission server of the host or of
// its provider. A Server prints without user name and password.
type Server struct {
	_ [0]func()

	// Address is the server's name and port, as in "smtp.example.com:587". The
	// server's certificate must be for this name. Required.
	Address string
	// TLS says how the connection is protected. Default [TLSRequired].
	TLS TLSPolicy
	// TLSConfig holds further TLS settings, for example RootCAs or a client
	// certificate. It is cloned. ServerName is by default the name in Address.
	// MinVersion is TLS 1.2 by default and cannot be less. InsecureSkipVerify
	// is refused unless VerifyConnection is set, which then says what is
	// verified. Default nil.
	TLSConfig *tls.Config
	// Username and Password are used to sign in, at most 512 bytes each.
	// Default: the notifier does not sign in.
	Username string
	Password recovery.Secret
	// Token returns an OAuth 2.0 access token for Username, which signs in with
	// XOAUTH2 in place of a password. It is called once for each connection. It
	// must return when ctx ends. Default nil.
	Token func(ctx context.Context) (recovery.Secret, error)
	// Mechanisms are the mechanisms that may be used with Password. The first
	// one that the server offers is used. Default: all, strongest first. A
	// shorter list helps with a server that offers a mechanism which does not
	// work.
	Mechanisms []AuthMechanism
	// Dial opens the connection, for example through a proxy. The network is
	// "tcp". Default: a [net.Dialer].
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// A Sender is who sends a mail, for [Options].SenderOf. Its zero value is the sender of
// Options.
type Sender struct {
	// From and ReplyTo are as in [Options]. Without an address in From, both are those
	// of Options.
	From, ReplyTo mail.Address
	// EnvelopeSender is as in [Options]. Default: Options.EnvelopeSender if that is
	// set, or else the address of From.
	EnvelopeSender string
}

// Options configure a [Notifier]. The zero value of a field is its secure
// default. Server.Address and From are required. [New] copies what it needs.
type Options struct {
	_ [0]func()

	// Server is where mail goes. [ParseURL] makes one from a string.
	Server Server

	// From is the sender whom people see. Its address is required and must be
	// as strict as a lead's: unquoted ASCII, one @, a domain of two labels or
	// more. Its name has at most 128 bytes of printable characters. People
	// decide by both parts whether to trust the mail: the name should be the
	// product's, and the domain one that people know.
	From mail.Address
	// ReplyTo is where answers go. Default: answers go to From.
	ReplyTo mail.Address
	// EnvelopeSender is where mail systems return what they cannot deliver
	// (MAIL FROM). A person or a program should read what arrives there.
	// Default: the address of From.
	EnvelopeSender string
	// SenderOf returns the sender of a message, for hosts with a sender for each brand
	// ([recovery.Message].Brand). It is called for every mail, by several goroutines,
	// and must return at once. It looks at the brand and the lead, and keeps nothing of
	// the message, which has secrets. A sender that is not valid is a temporary error:
	// no mail goes out under another name. Default: From for every message.
	SenderOf func(m recovery.Message) Sender
	// HelloName is how the notifier introduces itself (EHLO): a domain name or
	// an address literal, as in "[192.0.2.1]". Default: the domain of From,
	// which every relay accepts as well formed. The name of the machine would
	// tell the recipients something about the host's network.
	HelloName string

	// MaxConnections is how many connections there are at a time, idle ones
	// included, 1 to 64. If all are busy, Notify waits. Default 16, as many as
	// a queue of this module has workers. For a relay that allows fewer, give
	// the [recovery.Options].DeliveryQueue as few workers; [recovery.New] warns
	// if it has more.
	MaxConnections int
	// MessagesPerConnection is how many messages one connection carries, 1 to
	// 1,000. With 1, no connection is used again. Default 50.
	MessagesPerConnection int
	// IdleTimeout is how long an idle connection is kept for the next message,
	// 1 s to 5 min. Default 15 s, which is less than what servers wait for.
	IdleTimeout time.Duration

	// ConnectTimeout is how long a connection may take until it is ready for
	// messages: name lookup, TCP, TLS, greeting and signing in together, 1 s to
	// 5 min. Default 15 s, because some servers let strangers wait for the
	// greeting.
	ConnectTimeout time.Duration
	// SendTimeout is how long one message may take on a ready connection until
	// the server has received it, 1 s to 10 min. Default 1 min. The end of
	// Notify's context ends this too. A [recovery.MemoryQueue] ends the context
	// after 30 s. The answer to the whole message then has 5 minutes of its own,
	// see [Notifier.Notify].
	SendTimeout time.Duration
}

// withDefaults returns a copy in which zero fields have their defaults. Slices
// that the caller could change are copied too.
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
	setDefault(&o.MaxConnections, 16)
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
	mistakes := recovery.OptionErrors{Package: "smtpnotifier"}
	if renderer == nil {
		mistakes.Add("renderer", "is required: package messages has one")
	}
	o.Server.checkConnection(&mistakes)
	o.Server.checkCredentials(&mistakes)
	o.Server.checkMechanisms(&mistakes)
	o.checkAddresses(&mistakes)
	mistakes.CheckInt("MaxConnections", o.MaxConnections, 1, 64)
	mistakes.CheckInt("MessagesPerConnection", o.MessagesPerConnection, 1, 1000)
	mistakes.CheckDuration("IdleTimeout", o.IdleTimeout, time.Second, 5*time.Minute)
	mistakes.CheckDuration("ConnectTimeout", o.ConnectTimeout, time.Second, 5*time.Minute)
	mistakes.CheckDuration("SendTimeout", o.SendTimeout, time.Second, 10*time.Minute)
	return mistakes.Err()
}

func (o Options) checkAddresses(mistakes *recovery.OptionErrors) {
	const (
		badAddress = "must have an address of unquoted ASCII, with a domain of two labels or more"
		badName    = "must have a name of at most 128 bytes of printable characters, or none"
	)
	if !isOwnAddress(o.From.Address) {
		mistakes.Add("From", badAddress)
	}
	if !isDisplayName(o.From.Name) {
		mistakes.Add("From", badName)
	}
	if o.ReplyTo.Address == "" && o.ReplyTo.Name != "" {
		mistakes.Add("ReplyTo", "has a name and no address")
	}
	if o.ReplyTo.Address != "" && !isOwnAddress(o.ReplyTo.Address) {
		mistakes.Add("ReplyTo", badAddress)
	}
	if !isDisplayName(o.ReplyTo.Name) {
		mistakes.Add("ReplyTo", badName)
	}
	// The defaults come from From. If From is wrong, that is one mistake, and
	// not one more for each default.
	if o.EnvelopeSender != o.From.Address && !isOwnAddress(o.EnvelopeSender) {
		mistakes.Add("EnvelopeSender", "must be an address of unquoted ASCII, without a name or angle brackets")
	}
	if o.HelloName != domainOf(o.From.Address) && !isHelloName(o.HelloName) {
		mistakes.Add("HelloName", "must be a domain name, or an IP address in brackets")
	}
}

func (s Server) checkConnection(mistakes *recovery.OptionErrors) {
	if reason := checkHostPort(s.Address); reason != "" {
		mistakes.Add("Server.Address", "%s", reason)
	} else if _, port, _ := net.SplitHostPort(s.Address); port == "465" && (s.TLS == TLSRequired || s.TLS == TLSWhenOffered) {
		mistakes.Add("Server.Address", "%s", implicitPort)
	}
	switch s.TLS {
	case TLSRequired, TLSImplicit, TLSWhenOffered, DangerouslyPlaintext:
	default:
		mistakes.Add("Server.TLS", "%q is not one of the policies", s.TLS)
	}
	c := s.TLSConfig
	if c == nil {
		return
	}
	if c.MinVersion != 0 && c.MinVersion < tls.VersionTLS12 {
		mistakes.Add("Server.TLSConfig", "MinVersion must be TLS 1.2 or later")
	}
	if c.MaxVersion != 0 && c.MaxVersion < tls.VersionTLS12 {
		mistakes.Add("Server.TLSConfig", "MaxVersion must be TLS 1.2 or later")
	}
	if c.InsecureSkipVerify && c.VerifyConnection == nil {
		mistakes.Add("Server.TLSConfig", "InsecureSkipVerify requires VerifyConnection; for a certificate of the host's own authority, set RootCAs instead")
	}
	if s.TLS == DangerouslyPlaintext {
		mistakes.Add("Server.TLSConfig", "has no effect without TLS")
	}
}

func (s Server) checkCredentials(mistakes *recovery.OptionErrors) {
	password := !s.Password.IsZero()
	switch {
	case s.Token != nil && password:
		mistakes.Add("Server.Token", "excludes Server.Password")
	case s.Username == "" && (password || s.Token != nil):
		mistakes.Add("Server.Username", "is required with a password or token")
	case s.Username != "" && !password && s.Token == nil:
		mistakes.Add("Server.Password", "is required with a user name, or Server.Token")
	}
	if s.TLS == DangerouslyPlaintext && (s.Username != "" || password || s.Token != nil) {
		mistakes.Add("Server.TLS", "must not be DangerouslyPlaintext: a password never goes without TLS")
	}
	const badCredential = "must have at most 512 bytes of UTF-8 without control characters"
	if !isCredential(s.Username) {
		mistakes.Add("Server.Username", badCredential)
	}
	if !isCredential(s.Password.Reveal()) {
		mistakes.Add("Server.Password", badCredential)
	}
}

func (s Server) checkMechanisms(mistakes *recovery.OptionErrors) {
	for i, m := range s.Mechanisms {
		if !slices.Contains(mechanisms(), m) {
			mistakes.Add("Server.Mechanisms", "%.40q is not one of the mechanisms", m)
		}
		if slices.Contains(s.Mechanisms[:i], m) {
			mistakes.Add("Server.Mechanisms", "%.40q is listed twice", m)
		}
	}
}

// signsIn reports whether the notifier signs in to the server.
func (s Server) signsIn() bool { return s.Username != "" }

// host returns the name in Address, which is valid.
func (s Server) host() string {
	host, _, _ := net.SplitHostPort(s.Address)
	return host
}

// tlsConfig returns TLSConfig, cloned, with the defaults that Server documents.
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

// checkHostPort returns what is wrong with an address to dial, or "".
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
	// A zone is refused because it can hold any text.
	if a, err := netip.ParseAddr(host); (err != nil || a.Zone() != "") && !isDomain(host) {
		return "the host must be a domain name or an IP address"
	}
	return ""
}

// isAddress reports whether s can be written into a command and a header as it
// is. It accepts what [recovery.Service] accepts as an e-mail address, in upper
// or lower case, with nothing around it. It refuses quoted local parts,
// comments, names, routes, address literals and everything that net/mail would
// have to rewrite (CVE-2025-59937).
func isAddress(s string) bool {
	spelling, err := canonical.Email(s)
	return err == nil && spelling == canonical.FoldASCII(s)
}

// isOwnAddress reports whether every relay takes s for an address of the host's:
// without what a [mailbox] must be quoted for, or needs SMTPUTF8 for.
func isOwnAddress(s string) bool {
	m := mailbox(s)
	return isAddress(s) && !m.needsUTF8() && m.quoted() == s
}

// A mailbox is a person's address that isAddress accepts.
type mailbox string

// quoted returns the address as it stands in commands and headers. A local part
// with a dot at its end or two in a row must be a quoted string there (RFC 5321,
// section 4.1.2, RFC 5322, section 3.4.1), as carriers in Japan want it. Nothing
// in it has to be escaped.
func (m mailbox) quoted() string {
	at := strings.LastIndexByte(string(m), '@')
	local := string(m[:max(at, 0)])
	if strings.HasSuffix(local, ".") || strings.Contains(local, "..") {
		return `"` + local + `"` + string(m[at:])
	}
	return string(m)
}

// needsUTF8 reports whether only a relay with SMTPUTF8 (RFC 6531) can be told the
// address.
func (m mailbox) needsUTF8() bool {
	return strings.ContainsFunc(string(m), func(r rune) bool { return r >= utf8.RuneSelf })
}

func domainOf(address string) string {
	return address[strings.LastIndexByte(address, '@')+1:]
}

// isDomain reports whether s is a host name of one label or more. Underscores
// are allowed because names of containers have them.
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

// isCredential reports whether every mechanism can carry s. Control characters
// are refused because NUL separates the fields of PLAIN, and \x01 those of
// XOAUTH2.
func isCredential(s string) bool {
	return len(s) <= 512 && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}
