package recoverytest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
)

var notifierClauses = []clause[*notifications]{
	{"delivers", "Notifier.Notify", "Notify gives the message to the next hop, and returns nil once the next hop has taken responsibility: each message once, to its one address.", func(e *notifications) {
		for i, kind := range e.h.Kinds {
			m := e.message(kind, i)
			e.notify(m)
			all := e.deliveries()
			if len(all) != i+1 {
				e.fatalf("Notify of %[2]d messages, the last a %[3]s: %[1]d were delivered when it had returned, want %[2]d", len(all), i+1, kind)
			}
			e.wantOnly(all[i], m.To)
			if all[i].Text == "" {
				e.errorf("Notify of a message (%s): it was delivered without text, want one", kind)
			}
		}
	}},
	{"carries-secret", "Message.URL", "URL is the link, Code is the digits and NotMe is a second link: the text that the person gets contains each of them unchanged.", func(e *notifications) {
		for i, kind := range e.h.Kinds {
			m := e.message(kind, i)
			all := e.delivered(m)
			if len(all) != 1 {
				e.fatalf("Notify of a message (%s): %d were delivered when it had returned, want 1", kind, len(all))
			}
			e.wantText(all[0], m)
		}
	}},
	{"carries-zeros", "Message.Code", "Code is the digits, also those that are zeros.", func(e *notifications) {
		if !slices.Contains(e.h.Kinds, recovery.MessageResetCode) {
			e.skip("no messages with codes")
		}
		for i, code := range []string{"00000000", "00000001", "01234567", "10000000", "12345670"} {
			m := e.message(recovery.MessageResetCode, i)
			m.Code = recovery.NewSecret(code)
			for _, d := range e.delivered(m) {
				e.wantText(d, m)
			}
		}
	}},
	{"only-required", "Message", "Name, Account, Locale, Languages, NotMe, Template, IdentityProviders and Client are optional: a message without them is delivered.", func(e *notifications) {
		for i, kind := range e.h.Kinds {
			full := e.message(kind, i)
			m := recovery.Message{
				ID: full.ID, Kind: kind, Channel: full.Channel, To: full.To, LeadID: full.LeadID,
				URL: full.URL, Code: full.Code, Expires: full.Expires, RequestedAt: full.RequestedAt,
			}
			for _, a := range full.Accounts { // without their names
				m.Accounts = append(m.Accounts, recovery.MessageAccount{LeadID: a.LeadID, URL: a.URL})
			}
			all := e.delivered(m)
			if len(all) != 1 {
				e.fatalf("Notify of a message (%s) without optional fields: %d were delivered when it had returned, want 1", kind, len(all))
			}
			e.wantOnly(all[0], m.To)
			e.wantText(all[0], m)
		}
	}},
	{"another-message", "Notifier.Notify", "Each message is delivered to its own address: another ID is another message, also to the same address, for the same lead and of the same kind.", func(e *notifications) {
		first := e.credentialMessage(1)
		n := 0
		// The third time it is another address of the same lead: a notice goes to
		// each of them.
		for _, address := range []int{1, 1, 2} {
			for _, kind := range e.h.Kinds {
				m := e.message(kind, address)
				if m.LeadID != "" {
					m.LeadID = first.LeadID
				}
				// The IDs differ in their last characters only.
				m.ID = first.ID[:24] + fmt.Sprintf("%02d", n)
				n++
				all := e.delivered(m)
				if len(all) != 1 {
					e.errorf("Notify of a further message (%s) with an ID of its own, to an address of a lead that had messages before: it returned nil, and %d were delivered, want 1", kind, len(all))
				}
				for _, d := range all {
					e.wantOnly(d, m.To)
					e.wantText(d, m)
				}
			}
		}
	}},
	{"retries", "Notifier.Notify", "After an error the queue tries again: a message that was not delivered is delivered then, and not taken for one that was sent.", func(e *notifications) {
		for i, kind := range e.h.Kinds {
			for _, ctx := range e.ended() {
				m := e.message(kind, i)
				before := len(e.deliveries())
				if err := e.try(ctx, m); err == nil || len(e.deliveries()) > before {
					continue
				}
				e.wantDelivered(m, "whose ctx had ended at first")
			}
		}
		for _, fault := range []struct {
			name  string
			begin func(*testing.T, recovery.Notifier)
		}{{"for the time being", e.h.Break}, {"permanently", e.h.Refuse}, {"to answer", e.h.Stall}} {
			if fault.begin == nil || e.h.Mend == nil {
				continue
			}
			for i, kind := range e.h.Kinds {
				m := e.message(kind, i)
				fault.begin(e.t, e.notifier)
				err := e.bounded("Notify while the next hop fails", e.h.Patience, func(ctx context.Context) error { return e.try(ctx, m) })
				e.h.Mend(e.t, e.notifier)
				if err != nil {
					e.wantDelivered(m, "that the next hop had refused "+fault.name)
				}
			}
		}
	}},
	{"repeats", "Notifier.Notify", "Delivery is at least once: the same message, with the same ID and the same token, can come again.", func(e *notifications) {
		m := e.credentialMessage(1)
		for range 3 {
			e.notify(m)
		}
		all := e.deliveries()
		if len(all) < 1 || len(all) > 3 {
			e.errorf("Notify of one message three times: it was delivered %d times, want 1 to 3", len(all))
		}
		for _, d := range all {
			e.wantOnly(d, m.To)
		}
	}},
	{"racing", "Notifier", "Implementations are safe for concurrent use: of many messages at once each reaches its own address with its own link or code.", func(e *notifications) {
		byAddress := make(map[string]recovery.Message)
		messages := make([]recovery.Message, 32)
		for i := range messages {
			messages[i] = e.credentialMessage(i)
			byAddress[messages[i].To] = messages[i]
		}
		e.race(len(messages), func(i int) { e.notify(messages[i]) })
		all := e.deliveries()
		if len(all) != len(messages) {
			e.errorf("Notify of 32 messages at once: %d were delivered, want %d", len(all), len(messages))
		}
		for _, d := range all {
			for to, m := range byAddress {
				if len(d.To) > 0 && sameAddress(d.To[0], to) {
					e.wantOnly(d, to)
					e.wantText(d, m)
					delete(byAddress, to)
				}
			}
		}
		for to := range byAddress {
			e.errorf("Notify of 32 messages at once: none was delivered to %q, want its own", to)
		}
	}},
	{"hostile-texts", "Message.To", "To is one address: no text of a lead or a request can add another.", func(e *notifications) {
		for i, text := range hostileTexts {
			m := e.credentialMessage(i)
			m.Name, m.Locale, m.Languages, m.Template = text, text, text, ""
			m.IdentityProviders = []string{text}
			before := len(e.deliveries())
			err := e.try(e.ctx, m)
			all := e.deliveries()
			if err == nil && len(all) == before {
				e.errorf("Notify of a message with the name %.80q: it returned no error and delivered nothing, want one of them", text)
			}
			for _, d := range all[before:] {
				e.wantOnly(d, m.To)
			}
		}
	}},
	{"hostile-address", "Message.To", "To is one address: a text that looks like several addresses, or like a command, is used as one address or refused.", func(e *notifications) {
		good := e.credentialMessage(1).To
		for _, to := range []string{
			good + ", evil@example.net", good + ";evil@example.net", good + " evil@example.net", good + "\r\nBcc: evil@example.net",
			good + "\nRCPT TO:<evil@example.net>", good + ">\r\nRCPT TO:<evil@example.net", "<" + good + "> <evil@example.net>", "Evil <evil@example.net>", good + "\x00evil@example.net",
			good + "&to=%2B14157740000", "+14157740000,+14157740001",
		} {
			m := e.credentialMessage(1)
			m.To = to
			before := len(e.deliveries())
			err := e.try(e.ctx, m)
			all := e.deliveries()
			for _, d := range all[before:] {
				e.wantOnly(d, to)
			}
			if err == nil && len(all) == before {
				e.errorf("Notify of a message to %q: it returned no error and delivered nothing, want one of them", to)
			}
		}
	}},
	{"context-ended", "Notifier.Notify", "Notify returns when ctx ends, and at once if ctx had ended before. It then returns nil only if it delivered the message.", func(e *notifications) {
		for _, ctx := range e.ended() {
			m := e.credentialMessage(1)
			before := len(e.deliveries())
			var err error
			e.within(e.h.Patience, "Notify with a ctx that had ended", func() { err = e.try(ctx, m) })
			if n := len(e.deliveries()); err == nil && n == before {
				e.errorf("Notify with a ctx that had ended: it returned no error and delivered nothing, want one of them")
			}
			e.wantPassing(err, "Notify with a ctx that had ended")
		}
	}},
	{"context-ends", "Notifier.Notify", "Notify returns when ctx ends, also while the next hop does not answer.", func(e *notifications) {
		e.failing("Stall", e.h.Stall, func(m recovery.Message) {
			err := e.bounded("Notify"+kindOf(m)+" while the next hop does not answer", e.h.Patience, func(ctx context.Context) error { return e.try(ctx, m) })
			e.wantFailure(err, "Notify"+kindOf(m)+" while the next hop does not answer")
			e.wantPassing(err, "Notify"+kindOf(m)+" while the next hop does not answer")
		})
	}},
	{"context-ends-beside-others", "Notifier.Notify", "Notify returns when ctx ends, also while others wait for the next hop: no call holds up another beyond its ctx.", func(e *notifications) {
		const others = 8
		e.failing("Stall", e.h.Stall, func(m recovery.Message) {
			ctx, cancel := context.WithCancel(e.ctx)
			defer cancel()
			var waiting sync.WaitGroup
			var begun atomic.Int32
			for i := range others {
				waiting.Go(func() {
					defer e.guard()
					begun.Add(1)
					_ = e.try(ctx, e.message(m.Kind, 100+i))
				})
			}
			e.soon(e.h.Patience, func() bool { return begun.Load() == others })
			never := func() bool { return false }
			e.soon(10*time.Millisecond, never) // until they wait
			last, end := context.WithCancel(e.ctx)
			defer end()
			var returned atomic.Bool
			waiting.Go(func() {
				defer e.guard()
				e.wantFailure(e.try(last, m), "Notify"+kindOf(m)+" while the next hop does not answer")
				returned.Store(true)
			})
			e.soon(10*time.Millisecond, never)
			end()
			soon := e.soon(e.h.Patience, returned.Load)
			cancel()
			e.within(e.h.Patience, "calls of Notify whose ctx has ended", waiting.Wait)
			if !soon {
				// No other kind is tried, because each try takes the patience.
				e.fatalf("Notify of a message (%s), while the next hop does not answer and %d other calls wait: it did not return within %v after its ctx had ended, want it to", m.Kind, others, e.h.Patience)
			}
		})
	}},
	{"refused", "Notifier.Notify", "An error that no retry can mend wraps ErrPermanent, so that the queue does not try again.", func(e *notifications) {
		e.failing("Refuse", e.h.Refuse, func(m recovery.Message) {
			err := e.try(e.ctx, m)
			e.wantFailure(err, "Notify"+kindOf(m)+" that the next hop refuses")
			e.wantError(err, recovery.ErrPermanent, "Notify"+kindOf(m)+" that the next hop refuses")
		})
	}},
	{"broken", "Notifier.Notify", "An error makes the queue try again: a failure that is not permanent does not wrap ErrPermanent.", func(e *notifications) {
		e.failing("Break", e.h.Break, func(m recovery.Message) {
			err := e.try(e.ctx, m)
			e.wantFailure(err, "Notify"+kindOf(m)+" while the next hop fails for the time being")
			e.wantPassing(err, "Notify"+kindOf(m)+" while the next hop fails for the time being")
		})
	}},
	{"budgets", "BudgetNotifier.Budgets", "Budgets returns at once at most 4 budgets, which are valid and name no person, or an error. It does not need what the message has not got yet.", func(e *notifications) {
		n, ok := e.notifier.(recovery.BudgetNotifier)
		if !ok {
			e.skip("not a BudgetNotifier")
		}
		for i, kind := range e.h.Kinds {
			m := e.message(kind, i)
			m.URL, m.Code, m.NotMe, m.ID = recovery.Secret{}, recovery.Secret{}, recovery.Secret{}, ""
			var budgets []recovery.Budget
			var err error
			begun := time.Now()
			e.within(max(e.h.Patience, time.Minute), "Budgets", func() { budgets, err = n.Budgets(e.ctx, m) })
			if took := time.Since(begun); took > e.h.Patience {
				e.errorf("Budgets of a message (%s) took %v, want it to return at once%s", kind, took, e.advice())
			}
			if err != nil {
				e.errorf("Budgets of a message (%s) that can be delivered: it returned %s, want none", kind, outcomeOf(err))
			}
			if len(budgets) > 4 {
				e.errorf("Budgets of a message (%s): %d budgets, want at most 4", kind, len(budgets))
			}
			for _, b := range budgets {
				if err := b.Policy.Validate(); err != nil || !isBudgetName(b.Name) {
					e.errorf("Budgets of a message (%s): the budget %q is invalid (%v), want 1 to 32 characters of printable ASCII without spaces, and a valid policy", kind, b.Name, err)
				}
				if strings.Contains(b.Name, strings.TrimPrefix(m.To, "+")) || m.LeadID != "" && strings.Contains(b.Name, m.LeadID) {
					e.errorf("Budgets of a message (%s): the budget %q names a person, want one that does not", kind, b.Name)
				}
			}
		}
		if n := len(e.deliveries()); n > 0 {
			e.errorf("Budgets: it delivered %d messages, want none", n)
		}
	}},
}

// failing calls f with a message of each kind, while a hook of the harness makes
// the next hop fail.
func (e *notifications) failing(name string, begin func(*testing.T, recovery.Notifier), f func(m recovery.Message)) {
	if begin == nil {
		e.skip("needs NotifierHarness." + name)
	}
	begin(e.t, e.notifier)
	for i, kind := range e.h.Kinds {
		f(e.message(kind, i))
	}
}

// kindOf names the message in a failure.
func kindOf(m recovery.Message) string { return " of a message (" + string(m.Kind) + ")" }

// wantDelivered fails unless the message is delivered now.
func (e *notifications) wantDelivered(m recovery.Message, what string) {
	all := e.delivered(m)
	if len(all) == 0 {
		e.errorf("Notify of a message (%s) %s, called again with the same message: it returned no error and delivered nothing, want it delivered", m.Kind, what)
	}
	for _, d := range all {
		e.wantOnly(d, m.To)
		e.wantText(d, m)
	}
}

func (e *notifications) wantFailure(err error, what string) {
	if err == nil {
		e.errorf("%s: it returned no error, want one", what)
	}
}

// wantPassing fails if the error says that no other attempt can help.
func (e *notifications) wantPassing(err error, what string) {
	if errors.Is(err, recovery.ErrPermanent) {
		e.errorf("%s: it returned %s, want an error that does not wrap recovery.ErrPermanent", what, outcomeOf(err))
	}
}

func isBudgetName(name string) bool {
	return len(name) > 0 && len(name) <= 32 && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// hostileTexts are texts that end a line, a header or an element of markup.
var hostileTexts = []string{
	"Anna\r\nBcc: evil@example.net", "Anna\nTo: evil@example.net", "Anna\rCc: evil@example.net", "Anna\r\n\r\nGo to https://evil.example.net",
	`"Anna" <evil@example.net>, `, "Anna\r\n.\r\nRCPT TO:<evil@example.net>", "Anna, evil@example.net", "=?utf-8?q?Anna=0D=0ABcc:_evil=40example.net?=",
	"{{.To}}{{range .}}", `<img src="https://evil.example.net">`, "Anna\x00\u2028\u0085Bcc: evil@example.net", "${jndi:x}%s%n", strings.Repeat("A", 4000), "",
	"\u202ettocsim\u202c", "+14157740000",
}
