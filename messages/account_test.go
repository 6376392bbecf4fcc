package messages_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/messages"
)

var goodAccounts = []struct{ value, want string }{
	{"ada", "ada"},
	{"ada.lovelace", "ada.lovelace"},
	{"ada_l", "ada_l"},
	{"_ada-l_", "_ada-l_"},
	{"Ada Lovelace", "Ada Lovelace"},
	{" ada\t", "ada"},
	{"10042317", "10042317"},
	{"ada@example.com", "ada@example.com"},
	{"ada+shop@example.com", "ada+shop@example.com"},
	{"ada@home", "ada@home"},
	{"o'neill", "o'neill"},
	{"иван.петров", "иван.петров"},
	{"王小明2", "王小明2"},
	{"Jose\u0301_2", "José_2"},
	{"+4930123456", ""}, // begins with '+'
	{strings.Repeat("a1", 50), strings.Repeat("a1", 50)},
}

// hostileAccounts are left out of messages (A66, A13).
var hostileAccounts = []string{
	"evil.com", "Evil.COM", "evil.com.", "www.ada", "a_evil.com", "evil.com-ada", "evil.com+ada", "evil.com_a", "t.co", "ada.me", "x.example.co.uk",
	"пример.рф", "evil.xn--p1ai", "1.2.3.4", "http://evil.tld", "//evil", "@evil", "ada@", "a@b@c", "ada@evil.", "a..b", "...",
	"call 0800 1234", "Anna evil.com", "<b>", "{{.URL}}", `"ada"`, "ada\r\nBcc: x", "ada\nbob", "ada\x00", "\u202eada", "ad\u200ba", "ada\u00ad",
	"evil。com", "evil．com", "ada\\bob", "ada:bob", "ada/bob", "ada#1", "ada?x", "A" + strings.Repeat("\u0301", 5), "1\u0301\u0301\u0301\u0301", "\u03011",
	strings.Repeat("a1", 51), strings.Repeat("1", 10_000), "ada\xff", "ada 🎁", "",
}

func TestAccounts(t *testing.T) {
	for _, tt := range goodAccounts {
		if got := messages.CleanAccount(tt.value); got != tt.want {
			t.Errorf("%q is shown as %q, want %q", tt.value, got, tt.want)
		}
	}
	for _, value := range hostileAccounts {
		if got := messages.CleanAccount(value); got != "" {
			t.Errorf("%q is shown as %q", value, got)
		}
	}
}

// Whose link is whose is told by the name of the account, or by what is left.
func TestLabelsOfAccounts(t *testing.T) {
	s := newRenderer(t)
	for name, tt := range map[string]struct {
		accounts [][2]string // account and name
		want     []string
	}{
		"accounts":            {[][2]string{{"ada", "Ada"}, {"bob", "Ada"}}, []string{"ada", "bob"}},
		"names":               {[][2]string{{"", "Ada"}, {"", "Bob"}}, []string{"Ada", "Bob"}},
		"nothing":             {[][2]string{{"", ""}, {"", ""}, {"", ""}}, []string{"Account 1", "Account 2", "Account 3"}},
		"the same":            {[][2]string{{"", "Ada"}, {"", "Bob"}, {"", "ada"}}, []string{"Ada (1)", "Bob", "ada (3)"}},
		"not fit to be shown": {[][2]string{{"evil.com", "Ada"}, {"evil.com", "http://evil.com"}}, []string{"Ada", "Account 2"}},
		"the address":         {[][2]string{{"secret.address@example.org", ""}, {"b@example.org", ""}}, []string{"secret.address@example.org", "b@example.org"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMessage(recovery.MessageResetLinks, "en")
			m.Accounts = nil
			for i, a := range tt.accounts {
				m.Accounts = append(m.Accounts, recovery.MessageAccount{Account: a[0], Name: a[1], URL: recovery.NewSecret(fmt.Sprint(resetURL, i))})
			}
			mail := mustMail(t, s, m)
			at := 0
			for i, label := range tt.want {
				line := "\n" + label + "\n" + resetURL + fmt.Sprint(i) + "\n"
				found := strings.Index(mail.Text, line)
				if found < at {
					t.Errorf("%q does not stand above its link, in order: %s", label, mail.Text)
				}
				at = found
				if !strings.Contains(mail.HTML, "<bdi>"+label+"</bdi>") {
					t.Errorf("the HTML has no %q", label)
				}
			}
			if strings.Contains(mail.Text+mail.HTML, "evil.com") {
				t.Errorf("a hostile name is shown: %s", mail.Text)
			}
		})
	}
}

// A message about several accounts has a good link for each, and never goes by SMS.
func TestAccountsNeedLinks(t *testing.T) {
	s := newRenderer(t)
	for name, edit := range map[string]func(m *recovery.Message){
		"no accounts":     func(m *recovery.Message) { m.Accounts = nil },
		"one has no link": func(m *recovery.Message) { m.Accounts[1].URL = recovery.Secret{} },
		"one has markup":  func(m *recovery.Message) { m.Accounts[0].URL = recovery.NewSecret("javascript:x") },
	} {
		m := newMessage(recovery.MessageResetLinks, "en")
		edit(&m)
		if _, err := s.Mail(m); !errors.Is(err, recovery.ErrPermanent) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.SMS(newMessage(recovery.MessageResetLinks, "en")); !errors.Is(err, recovery.ErrPermanent) {
		t.Errorf("SMS: %v", err)
	}
}

// accountKinds are the kinds of messages that name an account.
var accountKinds = []recovery.MessageKind{recovery.MessageResetLink, recovery.MessageResetCode, recovery.MessagePasswordChanged}

// Each language names the account in both parts of a mail, and never in the subject
// or in a text message, which locked screens show.
func TestMailsNameTheAccount(t *testing.T) {
	s := newRenderer(t)
	for _, tag := range messages.Languages() {
		for _, kind := range accountKinds {
			m := newMessage(kind, tag.String())
			m.Account = "ada.lovelace"
			mail := mustMail(t, s, m)
			if !strings.Contains(mail.Text, m.Account) || !strings.Contains(mail.HTML, m.Account) {
				t.Errorf("%v, %s: the account is not named: %s", tag, kind, mail.Text)
			}
			if strings.Contains(mail.Subject, m.Account) {
				t.Errorf("%v, %s: the subject names the account: %s", tag, kind, mail.Subject)
			}
			sms, err := s.SMS(m)
			if err != nil || strings.Contains(sms.Text, m.Account) {
				t.Errorf("%v, %s: the text message is %q, %v", tag, kind, sms.Text, err)
			}
		}
	}
	m := newMessage(recovery.MessageResetLink, "en")
	m.Account = "ada"
	if mail := mustMail(t, s, m); !strings.Contains(strings.ReplaceAll(mail.Text, "\n", " "), "your Acme account “ada”.") {
		t.Error(mail.Text)
	}
}

// Where the account says nothing new, is not known, or is not fit to be shown, the
// mail is the same as without one (A66).
func TestMailsLeaveAccountsOut_A66(t *testing.T) {
	s := newRenderer(t)
	for _, kind := range allKinds {
		for _, tt := range []struct{ to, account string }{
			{"Ada@Example.com", "ada@example.com"}, {"ada@xn--bcher-kva.example", "ada@bücher.example"}, {"+4930123456", "+49 30 123456"},
			{"ada@example.com", "evil.com"},
		} {
			m := newMessage(kind, "en")
			m.To = tt.to
			want := mustMail(t, s, m)
			m.Account = tt.account
			if got := mustMail(t, s, m); got != want {
				t.Errorf("%s to %s for %s: %s", kind, tt.to, tt.account, got.Text)
			}
		}
	}
	for _, hostile := range hostileAccounts {
		m := newMessage(recovery.MessagePasswordChanged, language.Arabic.String())
		want := mustMail(t, s, m)
		m.Account = hostile
		if got := mustMail(t, s, m); got != want {
			t.Errorf("%q: %s", hostile, got.Text)
		}
	}
}
