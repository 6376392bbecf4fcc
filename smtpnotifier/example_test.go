package smtpnotifier_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/mail"
	"net/netip"
	"net/textproto"
	"strings"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/messages"
	"github.com/seed-51359b35/recovery/smtpnotifier"
)

// inbox is a server that accepts one mail and prints its sender, recipient and
// subject.
func inbox(l net.Listener) {
	conn, err := l.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	relay := textproto.NewConn(conn)
	answer := func(line string) { _ = relay.PrintfLine("%s", line) }
	answer("220 relay.example.com")
	for {
		line, err := relay.ReadLine()
		if err != nil {
			return
		}
		switch command, _, _ := strings.Cut(line, " "); command {
		case "DATA":
			answer("354 go on")
			m, err := mail.ReadMessage(relay.DotReader())
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, m.Body)
			fmt.Println("from:", m.Header.Get("From"))
			fmt.Println("subject:", m.Header.Get("Subject"))
		case "MAIL", "RCPT":
			fmt.Println(line)
		}
		answer("250 ok")
	}
}

func Example() {
	// This relay is on the same machine. For another relay, use
	// smtpnotifier.ParseURL("smtps://user:password@smtp.example.com:465").
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	go inbox(l)

	set, err := messages.New(messages.Options{Product: "Acme", Host: "portal.example.com"})
	if err != nil {
		log.Fatal(err)
	}
	mailer, err := smtpnotifier.New(set, smtpnotifier.Options{
		Server: smtpnotifier.Server{Address: l.Addr().String(), TLS: smtpnotifier.DangerouslyPlaintext},
		From:   mail.Address{Name: "Acme", Address: "no-reply@accounts.example.com"},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer mailer.Shutdown(context.Background())

	// A recovery.Service calls Notify like this.
	err = mailer.Notify(context.Background(), recovery.Message{
		ID: "01JD", Kind: recovery.MessageResetLink, Channel: recovery.ChannelEmail,
		To: "anna@example.com", Name: "Anna", Locale: "en",
		URL:     recovery.NewSecret("https://portal.example.com/reset?token=c2VjcmV0"),
		Expires: time.Now().Add(time.Hour), RequestedAt: time.Now(), Client: netip.MustParseAddr("192.0.2.7"),
	})
	fmt.Println("error:", err)
	// Output:
	// MAIL FROM:<no-reply@accounts.example.com>
	// RCPT TO:<anna@example.com>
	// from: "Acme" <no-reply@accounts.example.com>
	// subject: Reset your Acme password
	// error: <nil>
}

// New reports all mistakes in the configuration when the program starts.
func ExampleNew_mistakes() {
	_, err := smtpnotifier.New(messagesSet(), smtpnotifier.Options{
		Server: smtpnotifier.Server{Address: "smtp.example.com"},
		From:   mail.Address{Name: "Acme", Address: "root@localhost"},
	})
	fmt.Println(err)
	// Output:
	// smtpnotifier: option Server.Address: must be HOST:PORT
	// smtpnotifier: option From: must have an address of unquoted ASCII, with a domain of two labels or more
}

func messagesSet() smtpnotifier.Renderer {
	set, err := messages.New(messages.Options{Product: "Acme", Host: "portal.example.com"})
	if err != nil {
		log.Fatal(err)
	}
	return set
}

func ExampleParseURL() {
	server, err := smtpnotifier.ParseURL("smtps://mailer:correct%20horse@smtp.example.com:465")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(server)
	_, err = smtpnotifier.ParseURL("smtp://mailer:correct horse@smtp.example.com:587?tls=maybe")
	fmt.Println(err)
	// Output:
	// smtps://[redacted]@smtp.example.com:465
	// smtpnotifier: the URL cannot be read; special characters in user and password have to be percent-encoded
}

// An operator reads the stage of a failure, and whether the queue tries again.
func ExampleError() {
	mailer, err := smtpnotifier.New(messagesSet(), smtpnotifier.Options{
		Server: smtpnotifier.Server{Address: "127.0.0.1:1", TLS: smtpnotifier.TLSRequired},
		From:   mail.Address{Address: "no-reply@accounts.example.com"},
	})
	if err != nil {
		log.Fatal(err)
	}
	err = mailer.Notify(context.Background(), recovery.Message{
		Kind: recovery.MessagePasswordChanged, Channel: recovery.ChannelEmail, To: "anna@example.com",
		RequestedAt: time.Now(), Client: netip.MustParseAddr("192.0.2.7"),
	})
	if e, ok := errors.AsType[*smtpnotifier.Error](err); ok {
		fmt.Println("stage:", e.Stage)
		fmt.Println("the queue tries again:", !errors.Is(err, recovery.ErrPermanent))
		fmt.Println("names the person:", strings.Contains(err.Error(), "anna"))
	}
	// Output:
	// stage: connect
	// the queue tries again: true
	// names the person: false
}
