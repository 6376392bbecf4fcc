package messages_test

import (
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/messages"
)

func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := messages.New(messages.Options{Product: "Acme", Host: "example.com"}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMail(b *testing.B) {
	s := newRenderer(b)
	m := newMessage(recovery.MessageResetLink, "ar")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Mail(m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSMS(b *testing.B) {
	s := newRenderer(b)
	m := newMessage(recovery.MessageResetCode, "de")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.SMS(m); err != nil {
			b.Fatal(err)
		}
	}
}
