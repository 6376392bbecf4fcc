package smtpnotifier

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/wneessen/go-mail/smtp"

	"github.com/seed-51359b35/recovery/internal/ascii"
)

// maxIterations bounds the work that a server can ask of a SCRAM client to
// about a second. No context interrupts this work.
const maxIterations = 1_000_000

// mechanism returns how to sign in, by the mechanisms that the server offers in
// its reply to EHLO over TLS. What the server offered before TLS is not used,
// because an attacker can have written it.
func (s Server) mechanism(ctx context.Context, client *smtp.Client, mechanisms string) (smtp.Auth, error) {
	offered := strings.Fields(strings.ToUpper(mechanisms))
	if s.Token != nil {
		if !slices.Contains(offered, "XOAUTH2") {
			return nil, errNoAuth
		}
		token, err := s.Token(ctx)
		if err != nil {
			return nil, &tokenError{err}
		}
		if !ascii.IsName(token.Reveal(), 1, maxToken) {
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

// A scram is one of the library's SCRAM mechanisms with two checks that the
// library leaves out: the client does not do too much work, and the server
// proves that it knows the password too (RFC 5802, sections 5 and 9).
type scram struct {
	smtp.Auth
	answered bool // the client has answered the server's challenge
	proved   bool // the server has proved that it knows the password
}

var errSCRAM = errors.New("the server did not follow SCRAM or asked for too much work")

// Next passes the server's messages to the mechanism and checks them.
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
		// The mechanism has verified the signature. Before the challenge, a
		// signature can be made without the password, so it proves nothing.
		a.proved = a.answered
	}
	return response, nil
}

// A tokenError is an error of the host's function Server.Token.
type tokenError struct{ err error }

func (e *tokenError) Error() string { return "Server.Token: " + e.err.Error() }
func (e *tokenError) Unwrap() error { return e.err }

var errNotToken = errors.New("is empty, too long or not printable ASCII")

// maxToken is the longest access token in bytes. Bearer tokens are printable
// ASCII (RFC 6750, section 2.1).
const maxToken = 8192
