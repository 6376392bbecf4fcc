package messages_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/messages"
)

// A message that has asked for its brand before the brand changed must not have the
// earlier look kept after ForgetBrand: all later messages would go out with it.
func TestForgetBrandWhileItIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		products := make(chan string)
		s := newRenderer(t, func(o *messages.Options) {
			o.Brands = func(string) (messages.Brand, bool) { return messages.Brand{Product: <-products}, true }
		})
		render := func() string {
			m := newMessage(recovery.MessageResetLink, "en")
			m.Brand = "a"
			return mustMail(t, s, m).Subject
		}
		early := make(chan string)
		go func() { early <- render() }()
		synctest.Wait()
		s.ForgetBrand("a")
		products <- "First"
		if got := <-early; !strings.Contains(got, "First") {
			t.Errorf("the message that had asked before: %q, want First", got)
		}
		if s.Looks() != 0 {
			t.Errorf("%d brands are kept, want none: what was asked for before is forgotten", s.Looks())
		}
		go func() { early <- render() }()
		synctest.Wait()
		select {
		case got := <-early:
			t.Errorf("the next message: %q, and the host was not asked again", got)
		default:
			products <- "Second"
			if got := <-early; !strings.Contains(got, "Second") {
				t.Errorf("the next message: %q, want Second", got)
			}
		}
		if s.Looks() != 1 {
			t.Errorf("%d brands are kept, want 1", s.Looks())
		}
	})
}
