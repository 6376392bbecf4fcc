package smtpnotifier

import (
	"errors"
	"log/slog"
	"net/url"
	"strings"

	"github.com/seed-51359b35/recovery"
)

// maxURL is the longest URL in bytes. It has room for a user name and a
// password with all bytes percent-encoded, a host name and the rest.
const maxURL = 4096

var (
	errURL    = errors.New("smtpnotifier: the URL cannot be read; special characters in user and password have to be percent-encoded")
	errScheme = errors.New("smtpnotifier: the URL must begin with smtp:// or smtps://")
	errUser   = errors.New("smtpnotifier: the URL must have both user and password or neither, at most 512 bytes each without control characters")
	errHost   = errors.New("smtpnotifier: the URL must have a host, a port from 1 to 65535 and no path")
	errQuery  = errors.New("smtpnotifier: the URL may have ?tls=required after smtp:// and no other parameter")
	errPort   = errors.New("smtpnotifier: the URL: " + implicitPort)
)

// implicitPort is the mistake of STARTTLS on a port where TLS begins with the
// first byte: both sides wait for the other until a timeout.
const implicitPort = "port 465 is for TLS from the first byte: write smtps:// (TLSImplicit), or take port 587 for STARTTLS"

// ParseURL returns the [Server] that a URL describes. The URL has one of these
// forms:
//
//	smtp://[USER:PASSWORD@]HOST:PORT               TLSWhenOffered
//	smtp://[USER:PASSWORD@]HOST:PORT?tls=required  TLSRequired
//	smtps://[USER:PASSWORD@]HOST:PORT              TLSImplicit
//
// The first form never sends a password without TLS, but it may send messages
// without TLS, see [TLSWhenOffered]. Across a network that other people use,
// take the second or third form. Special characters in user and password are
// percent-encoded. Anything else in a URL is an error. No error quotes the URL,
// which may hold a password.
func ParseURL(raw string) (Server, error) {
	if len(raw) > maxURL {
		return Server{}, errURL
	}
	u, err := url.Parse(raw)
	if err != nil {
		return Server{}, errURL // err quotes the URL
	}
	s := Server{Address: u.Host}
	switch u.Scheme {
	case "smtp":
		s.TLS = TLSWhenOffered
	case "smtps":
		s.TLS = TLSImplicit
	default:
		return Server{}, errScheme
	}
	if u.Opaque != "" || strings.ContainsAny(raw, "#") {
		return Server{}, errURL
	}
	if u.Path != "" && u.Path != "/" || checkHostPort(u.Host) != "" {
		return Server{}, errHost
	}
	if s.TLS != TLSImplicit && u.Port() == "465" {
		return Server{}, errPort
	}
	if u.User != nil {
		password, _ := u.User.Password()
		if s.Username = u.User.Username(); s.Username == "" || password == "" || !isCredential(s.Username) || !isCredential(password) {
			return Server{}, errUser
		}
		s.Password = recovery.NewSecret(password)
	}
	switch {
	case u.RawQuery == "tls=required" && s.TLS == TLSWhenOffered:
		s.TLS = TLSRequired
	case u.RawQuery != "" || u.ForceQuery:
		return Server{}, errQuery
	}
	return s, nil
}

// String returns the URL of the server with [redacted] in place of user and
// password. It shows [DangerouslyPlaintext], for which there is no URL, as
// ?tls=none.
func (s Server) String() string {
	scheme, query := "smtp", ""
	switch s.TLS {
	case TLSImplicit:
		scheme = "smtps"
	case TLSRequired:
		query = "?tls=required"
	case DangerouslyPlaintext:
		query = "?tls=none"
	}
	user := ""
	if s.signsIn() {
		user = "[redacted]@"
	}
	return scheme + "://" + user + s.Address + query
}

// GoString returns String, because %#v would print the fields.
func (s Server) GoString() string { return s.String() }

// LogValue returns String.
func (s Server) LogValue() slog.Value { return slog.StringValue(s.String()) }
