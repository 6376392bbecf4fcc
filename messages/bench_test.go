package messages_test

import (
	"os"
	"testing"
	"testing/fstest"

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

// BenchmarkBrand is the first mail of a brand: one that has a product, a colour and a
// text of its own, one that has a template too, and one that has its own frame of all
// mails.
func BenchmarkBrand(b *testing.B) {
	words := messages.Brand{Product: "Shop", Color: "#7a1f5c", Texts: map[string]map[string]string{"en": {"reset-link.heading": "Hello"}}}
	body, frame := words, words
	body.Templates = fstest.MapFS{"reset-link.html": file(builtin(b, "reset-link.html"))}
	frame.Templates = fstest.MapFS{"layout.html": file(builtin(b, "layout.html")), "layout.txt": file(builtin(b, "layout.txt"))}
	for _, test := range []struct {
		name  string
		brand messages.Brand
	}{{"words", words}, {"template", body}, {"layout", frame}} {
		s := newRenderer(b, withBrands(map[string]messages.Brand{"b": test.brand}))
		m := newMessage(recovery.MessageResetLink, "en")
		m.Brand = "b"
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.ForgetBrand("b")
				if _, err := s.Mail(m); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("check "+test.name, func(b *testing.B) {
			for b.Loop() {
				if err := s.CheckBrand("b"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func builtin(tb testing.TB, name string) string {
	tb.Helper()
	text, err := os.ReadFile("templates/" + name)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}
