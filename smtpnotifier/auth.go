package smtpnotifier

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/wneessen/go-mail/smtp"
)

// maxIterations bounds the work that a server can ask of a SCRAM client, which
// no context interrupts: about a second.
const maxIterations = 1_000_000

// mechanism returns how to sign in, given what the server offers in its EHLO
// over TLS. What it had offered before is worth nothing and forgotten.
func (s Server) mechanism(ctx context.Context, client *smtp.Client) (smtp.Auth, error) {
	_, parameters := client.Extension("AUTH")
	offered := strings.Fields(strings.ToUpper(parameters))
	if s.Token != nil {
		if !slices.Contains(offered, "XOAUTH2") {
			return nil, errNoAuth
		}
		token, err := s.Token(ctx)
		if err != nil {
			return nil, &tokenError{err}
		}
		if !isToken(token.Reveal()) {
			return nil, &tokenError{errNotToken}
		}
		return smtp.XOAuth2Auth(s.Username, token.Reveal()), nil
	}
	for _, m := range s.Mechanisms {
		if !slices.Contains(offered, string(m)) {
			continue
		}
		user, password := s.Username, s.Password.Reveal()
		switch m {
		case AuthSCRAMSHA256Plus, AuthSCRAMSHA1Plus:
			state, err := client.GetTLSConnectionState()
			if err != nil {
				return nil, errNoAuth
			}
			if m == AuthSCRAMSHA1Plus {
				return &scram{Auth: smtp.ScramSHA1PlusAuth(user, password, state)}, nil
			}
			return &scram{Auth: smtp.ScramSHA256PlusAuth(user, password, state)}, nil
		case AuthSCRAMSHA256:
			return &scram{Auth: smtp.ScramSHA256Auth(user, password)}, nil
		case AuthSCRAMSHA1:
			return &scram{Auth: smtp.ScramSHA1Auth(user, password)}, nil
		case AuthPlain:
			return smtp.PlainAuth("", user, password, s.host(), false), nil
		case AuthLogin:
			return smtp.LoginAuth(user, password, s.host(), false), nil
		}
	}
	return nil, errNoAuth
}

// A scram is one of the library's SCRAM mechanisms, held to two things that it
// leaves to the server: how much work the client does, and that the server
// proves to know the password as well (RFC 5802, sections 5 and 9).
type scram struct {
	smtp.Auth
	answered bool // the server's challenge was answered
	proved   bool
}

var errSCRAM = errors.New("the server's part of SCRAM is not to be trusted")

// Next passes the server's messages on.
func (a *scram) Next(fromServer []byte, more bool) ([]byte, error) {
	if !more {
		if !a.proved {
			return nil, errSCRAM
		}
		return a.Auth.Next(fromServer, more)
	}
	for field := range bytes.SplitSeq(fromServer, []byte(",")) {
		if i, ok := bytes.CutPrefix(field, []byte("i=")); ok {
			if n, err := strconv.Atoi(string(i)); err != nil || n < 1 || n > maxIterations {
				return nil, errSCRAM
			}
		}
	}
	response, err := a.Auth.Next(fromServer, more)
	if err != nil {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(fromServer, []byte("r=")):
		a.answered = true
	case bytes.HasPrefix(fromServer, []byte("v=")):
		// The mechanism has compared the signature. Before the challenge it
		// compares with one that needs no password.
		a.proved = a.answered
	}
	return response, nil
}

// A tokenError is the host's own about its token.
type tokenError struct{ err error }

func (e *tokenError) Error() string { return "Server.Token: " + e.err.Error() }
func (e *tokenError) Unwrap() error { return e.err }

var errNotToken = errors.New("is empty, too long or not printable ASCII")

// isToken allows a bearer token's characters (RFC 6750, section 2.1).
func isToken(s string) bool {
	return s != "" && len(s) <= 8192 && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}
