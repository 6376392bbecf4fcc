package smsnotifier_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/messages"
	"github.com/seed-51359b35/recovery/smsnotifier"
)

// Budgets and Notify decide alike what may be sent to which number. The Service
// calls Budgets before it stores a token. Notify decides again before it sends,
// because for notices the Service does not call Budgets.
func TestAdmission_A57(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(m *recovery.Message)
		want string // part of the error; empty means that sending is allowed
	}{
		{"a German mobile", func(m *recovery.Message) {}, ""},
		{"a number in the United States", to(american), ""},
		{"a number in the Bahamas, which are allowed", to(bahamian), ""},
		{"Canada, which shares its calling code with the United States", to(canadian), "country CA"},
		{"Jamaica, which does so too", to(jamaican), "country JM"},
		{"the Dominican Republic", to("+18092345678"), "country DO"},
		{"Cuba", to(cuban), "country CU"},
		{"Jersey, which shares +44", to("+447797712345"), "country JE"},
		{"Kazakhstan, which shares +7", to("+77710009998"), "country KZ"},
		{"premium rate", to(premium), "does not belong to a mobile"},
		{"premium rate in North America", to("+19002345678"), "does not belong to a mobile"},
		{"shared cost", to("+491801234567"), "does not belong to a mobile"},
		{"toll free", to("+18002345678"), "does not belong to a mobile"},
		{"a landline where numbers tell", to(landline), "does not belong to a mobile"},
		{"a personal number", to("+15002345678"), "does not belong to a mobile"},
		{"a pager", to("+447640123456"), "does not belong to a mobile"},
		{"VoIP", to("+445612345678"), "does not belong to a mobile"},
		{"universal access", to("+445512345678"), "does not belong to a mobile"},
		{"voice mail", to("+49177991234567"), "does not belong to a mobile"},
		{"premium rate of no country", to("+979123456789"), "does not belong to a mobile"},
		{"a satellite telephone", to("+881612345678"), "country 001"},
		{"an area code that nobody has", to("+15551234567"), "no numbering plan"},
		{"too short", to("+491512345"), "no numbering plan"},
		{"too long for its plan", to("+141574155690"), "no numbering plan"},
		{"a calling code that nobody has", to("+9991234567"), "no numbering plan"},
		{"a trunk zero", to("+49015123456789"), "no numbering plan"},
		{"the abolished 1 of Mexico", to("+5215512345678"), "no numbering plan"},
		{"no plus", to("4915123456789"), "E.164"},
		{"a full-width plus", to("\uff0b4915123456789"), "E.164"},
		{"Arabic digits", to("+\u0664\u0669\u0661\u0665\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669"), "E.164"},
		{"spaces", to("+49 151 23456789"), "E.164"},
		{"an extension", to("+14157415569;ext=5"), "E.164"},
		{"letters", to("+1415FLOWERS"), "E.164"},
		{"two numbers", to(german + "," + american), "E.164"},
		{"sixteen digits", to("+4915123456789012"), "E.164"},
		{"zero first", to("+0151234567"), "E.164"},
		{"a short code", to("+112"), "E.164"},
		{"nothing", to(""), "E.164"},
		{"a plus", to("+"), "E.164"},
		{"an address of another channel", to("anna@example.com"), "E.164"},
		{"another channel", func(m *recovery.Message) { m.Channel = recovery.ChannelEmail }, "not for SMS"},
		{"no channel", func(m *recovery.Message) { m.Channel = "" }, "not for SMS"},
		{"a number in a request", func(m *recovery.Message) { m.Kind, m.LeadID = recovery.MessageUnknownAddress, "" }, "never sent to a number from a request"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &carrier{}
			n := newNotifier(t, c, nil)
			m := code(german)
			tt.edit(&m)
			asked := m
			asked.Code, asked.Expires = recovery.Secret{}, time.Time{}
			budgets, budgetsErr := n.Budgets(t.Context(), asked)
			notifyErr := n.Notify(t.Context(), m)
			if tt.want == "" {
				if budgetsErr != nil || notifyErr != nil || len(budgets) != 3 || len(c.to(m.To)) != 1 {
					t.Errorf("Budgets: %v, %v; Notify: %v; sent %v", budgets, budgetsErr, notifyErr, c.all())
				}
				return
			}
			if len(budgets) != 0 || len(c.all()) != 0 {
				t.Errorf("budgets %v, sent %v", budgets, c.all())
			}
			for _, err := range []error{budgetsErr, notifyErr} {
				if err == nil {
					t.Fatal("no error")
				}
				if !errors.Is(err, recovery.ErrPermanent) || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("failed with %v, want a permanent error with %q", err, tt.want)
				}
				if len(m.To) > 1 && strings.Contains(err.Error(), strings.TrimPrefix(m.To, "+")) {
					t.Errorf("A39: the error quotes the number: %v", err)
				}
			}
		})
	}
}

func to(number string) func(*recovery.Message) {
	return func(m *recovery.Message) { m.To = number }
}

// The names of the budgets must not change, because a shared limiter counts
// under them. They identify no person: a name with digits stands for 10,000
// numbers.
func TestBudgetsNames(t *testing.T) {
	n := newNotifier(t, &carrier{}, nil)
	for _, tt := range []struct {
		number string
		want   []string
	}{
		{german, []string{"sms", "sms-DE", "sms-491512345"}},
		{"+4915123450000", []string{"sms", "sms-DE", "sms-491512345"}},
		{"+4915123460000", []string{"sms", "sms-DE", "sms-491512346"}},
		{american, []string{"sms", "sms-US", "sms-1415741"}},
		{bahamian, []string{"sms", "sms-BS", "sms-1242359"}},
	} {
		budgets, err := n.Budgets(t.Context(), code(tt.number))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, b := range budgets {
			names = append(names, b.Name)
			if err := (recovery.LimitRequest{Key: b.Name, Policy: b.Policy}).Validate(); err != nil || len(b.Name) > 32 {
				t.Errorf("%s: %v", b.Name, err)
			}
		}
		if !slices.Equal(names, tt.want) {
			t.Errorf("%s: %q, want %q", tt.number, names, tt.want)
		}
	}
}

func TestBudgetsOfEachCountryAndOfAll(t *testing.T) {
	n := newNotifier(t, &carrier{}, func(o *smsnotifier.Options) {
		o.Countries = map[string]recovery.LimitPolicy{"DE": perDay(7), "US": perDay(8)}
		o.Budget, o.NumberBlock = perDay(9), perDay(3)
	})
	for number, want := range map[string][]int{german: {9, 7, 3}, american: {9, 8, 3}} {
		budgets, err := n.Budgets(t.Context(), code(number))
		if err != nil {
			t.Fatal(err)
		}
		for i, b := range budgets {
			if b.Policy.Limits[0].N != want[i] {
				t.Errorf("%s of %s is %d, want %d", b.Name, number, b.Policy.Limits[0].N, want[i])
			}
		}
	}
}

// In IssueToken, the Service calls Budgets before there is a job.
func TestBudgetsNeedNoID(t *testing.T) {
	n := newNotifier(t, &carrier{}, nil)
	m := code(german)
	m.ID = ""
	if _, err := n.Budgets(t.Context(), m); err != nil {
		t.Error(err)
	}
}

func TestNotifyHandsOnWhatWasRendered(t *testing.T) {
	c := &carrier{}
	n, err := smsnotifier.New(renderer(func(m recovery.Message) (messages.SMS, error) {
		return messages.SMS{Text: "Příklad: " + m.Code.Reveal(), Segments: 3}, nil
	}), c, options())
	if err != nil {
		t.Fatal(err)
	}
	m := code(american)
	if err := n.Notify(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	got := c.all()[0]
	if got.ID != m.ID || got.To != american || got.Country != "US" || got.Body.Reveal() != "Příklad: 90412773" ||
		got.Segments != 3 || got.GSM7 || !got.NotAfter.Equal(m.Expires) {
		t.Errorf("sent %#v with %q", got, got.Body.Reveal())
	}
}

// With the longest link that a Service makes, the text is sent in every
// language.
func TestLinksFitInEveryLanguage(t *testing.T) {
	set, err := messages.New(messages.Options{Product: "Example Customer Portal", Host: "portal.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	// A sealed lead ID of 36 characters has 228.
	link := recovery.NewSecret("https://portal.example.com/account/reset-password?token=" + strings.Repeat("aB3_", 57))
	for _, tag := range messages.Languages() {
		for _, m := range []recovery.Message{
			{Kind: recovery.MessageResetLink, URL: link, Expires: time.Now().Add(time.Hour)},
			{Kind: recovery.MessagePasswordChanged, NotMe: link},
		} {
			c := &carrier{}
			n, err := smsnotifier.New(set, c, options())
			if err != nil {
				t.Fatal(err)
			}
			m.ID, m.Channel, m.To, m.Locale = "id", recovery.ChannelSMS, "+4915112345678", tag.String()
			m.RequestedAt, m.Client = time.Now(), netip.MustParseAddr("192.0.2.1")
			if err := n.Notify(t.Context(), m); err != nil || len(c.all()) != 1 {
				t.Errorf("%v, %s: %v", tag, m.Kind, err)
			}
		}
	}
}

func TestNotifyRefusesTexts(t *testing.T) {
	for _, tt := range []struct {
		name string
		sms  messages.SMS
		err  error
		max  int
		want string // part of the error; empty means that the text is sent
	}{
		{"a text as long as the default allows", messages.SMS{Text: "x", Segments: 8}, nil, 0, ""},
		{"a text longer than the default allows", messages.SMS{Text: "x", Segments: 9}, nil, 0, "9 segments"},
		{"a text longer than is allowed", messages.SMS{Text: "x", Segments: 2}, nil, 1, "2 segments"},
		{"a long text that is allowed", messages.SMS{Text: "x", Segments: 10}, nil, 10, ""},
		{"an empty text", messages.SMS{Segments: 1}, nil, 0, "empty"},
		{"white space", messages.SMS{Text: " \n\t", Segments: 1}, nil, 0, "empty"},
		{"a text that nobody counted", messages.SMS{Text: "x"}, nil, 0, "counted"},
		{"a text that cannot be written", messages.SMS{}, errors.New("no template zz"), 0, "no template zz"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &carrier{}
			opts := options()
			opts.MaxSegments = tt.max
			n, err := smsnotifier.New(renderer(func(recovery.Message) (messages.SMS, error) { return tt.sms, tt.err }), c, opts)
			if err != nil {
				t.Fatal(err)
			}
			err = n.Notify(t.Context(), code(german))
			if tt.want == "" {
				if err != nil || len(c.all()) != 1 {
					t.Errorf("Notify: %v, sent %v", err, c.all())
				}
				return
			}
			if !errors.Is(err, recovery.ErrPermanent) || !strings.Contains(err.Error(), tt.want) || len(c.all()) != 0 {
				t.Errorf("Notify: %v, want a permanent error with %q; sent %v", err, tt.want, c.all())
			}
		})
	}
}

// A code that no longer works is not sent.
func TestNotifyDoesNotSendWhatHasExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &carrier{}
		n := newNotifier(t, c, nil)
		m := code(german)
		time.Sleep(time.Until(m.Expires) - time.Nanosecond)
		if err := n.Notify(t.Context(), m); err != nil {
			t.Errorf("a nanosecond before the end: %v", err)
		}
		time.Sleep(time.Nanosecond)
		if err := n.Notify(t.Context(), m); !errors.Is(err, recovery.ErrPermanent) || len(c.all()) != 1 {
			t.Errorf("at the end: %v, %d sent", err, len(c.all()))
		}
	})
}

// A57: a notice, for which the Service asks for no budget, is limited when it
// is sent. A notice over the limit comes later.
func TestNotices_A57(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &carrier{}
		n := newNotifier(t, c, func(o *smsnotifier.Options) {
			o.Notices = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 3, Window: time.Hour}}}
		})
		for i := range 5 {
			err := n.Notify(t.Context(), notice(fmt.Sprint("n", i), german))
			if (err == nil) != (i < 3) || errors.Is(err, recovery.ErrPermanent) {
				t.Errorf("notice %d: %v", i, err)
			}
		}
		// A repetition is not counted again, and codes have budgets of their
		// own.
		if err := n.Notify(t.Context(), notice("n1", german)); err != nil {
			t.Errorf("a repetition: %v", err)
		}
		if err := n.Notify(t.Context(), code(german)); err != nil {
			t.Errorf("a code: %v", err)
		}
		time.Sleep(time.Hour)
		if err := n.Notify(t.Context(), notice("n4", german)); err != nil {
			t.Errorf("an hour later: %v", err)
		}
		if len(c.all()) != 6 {
			t.Errorf("%d were sent, want 6", len(c.all()))
		}
	})
}

func TestNoticesDefaultToTheTierOfBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &carrier{}
		n := newNotifier(t, c, func(o *smsnotifier.Options) { o.Budget = perDay(2) })
		for i := range 4 {
			_ = n.Notify(t.Context(), notice(fmt.Sprint("n", i), german))
		}
		if len(c.all()) != 2 {
			t.Errorf("%d were sent, want 2", len(c.all()))
		}
	})
}

// Portals that share a Limiter are counted apart.
func TestNoticesOfTwoPortals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{})
		for _, prefix := range []string{"", "two"} {
			n := newNotifier(t, &carrier{}, func(o *smsnotifier.Options) {
				o.Limiter, o.Prefix, o.Notices = shared, prefix, perDay(1)
			})
			if err := n.Notify(t.Context(), notice("first "+prefix, german)); err != nil {
				t.Errorf("%q: %v", prefix, err)
			}
			if err := n.Notify(t.Context(), notice("second "+prefix, german)); err == nil {
				t.Errorf("%q: no error", prefix)
			}
		}
	})
}

// A limiter is a function that is a Limiter.
type limiter func(ctx context.Context, requests ...recovery.LimitRequest) ([]recovery.Decision, error)

func (f limiter) Allow(ctx context.Context, requests ...recovery.LimitRequest) ([]recovery.Decision, error) {
	return f(ctx, requests...)
}

func TestNoticesWaitForTheLimiter(t *testing.T) {
	for name, f := range map[string]limiter{
		"an error": func(context.Context, ...recovery.LimitRequest) ([]recovery.Decision, error) {
			return nil, errors.New("down")
		},
		"no decision": func(context.Context, ...recovery.LimitRequest) ([]recovery.Decision, error) { return nil, nil },
	} {
		t.Run(name, func(t *testing.T) {
			c := &carrier{}
			n := newNotifier(t, c, func(o *smsnotifier.Options) { o.Limiter = f })
			if err := n.Notify(t.Context(), notice("n", german)); err == nil || errors.Is(err, recovery.ErrPermanent) || len(c.all()) != 0 {
				t.Errorf("Notify: %v, sent %v", err, c.all())
			}
		})
	}
}

// A39: an error of a provider or a template may quote the number, the code or
// the link. It is passed on only if it quotes none of them.
func TestErrorsQuoteNothing_A39(t *testing.T) {
	m := code(german)
	m.URL, m.NotMe = recovery.NewSecret("https://example.com/reset?token=abcdef"), recovery.NewSecret("https://example.com/notme?token=ghijkl")
	for _, tt := range []struct {
		name      string
		err       error
		permanent bool
		is        error
		says      string // part of the error that is returned; empty means that the text is withheld
	}{
		{"an error that may pass", errors.New("gateway down"), false, nil, "gateway down"},
		{"a permanent one", fmt.Errorf("21610: %w", recovery.ErrPermanent), true, nil, "21610"},
		{"the number", errors.New("The 'To' number +4915123456789 is not valid"), false, nil, ""},
		{"the number as a form has it", errors.New("To=%2B4915123456789"), false, nil, ""},
		{"the number, for good", fmt.Errorf("%w: 4915123456789", recovery.ErrPermanent), true, nil, ""},
		{"the code", fmt.Errorf("body 90412773: %w", context.DeadlineExceeded), false, context.DeadlineExceeded, ""},
		{"the link", errors.New("https://example.com/reset?token=abcdef is spam"), false, nil, ""},
		{"the other link", errors.New("https://example.com/notme?token=ghijkl is spam"), false, nil, ""},
	} {
		for _, from := range []string{"the provider", "the renderer"} {
			t.Run(tt.name+" from "+from, func(t *testing.T) {
				c, r := &carrier{}, plain
				if from == "the provider" {
					c.intercept(func(context.Context, smsnotifier.Text) error { return tt.err })
				} else {
					r = func(recovery.Message) (messages.SMS, error) { return messages.SMS{}, tt.err }
				}
				n, err := smsnotifier.New(r, c, options())
				if err != nil {
					t.Fatal(err)
				}
				err = n.Notify(t.Context(), m)
				if err == nil {
					t.Fatal("no error")
				}
				if got, want := errors.Is(err, recovery.ErrPermanent), tt.permanent || from == "the renderer"; got != want {
					t.Errorf("permanent %t, want %t: %v", got, want, err)
				}
				if tt.is != nil && !errors.Is(err, tt.is) {
					t.Errorf("%v is not %v", err, tt.is)
				}
				if tt.says != "" && !strings.Contains(err.Error(), tt.says) {
					t.Errorf("%v does not say %q", err, tt.says)
				}
				for e := err; e != nil; e = errors.Unwrap(e) {
					for _, s := range []string{"4915123456789", "90412773", "abcdef", "ghijkl"} {
						if strings.Contains(e.Error(), s) {
							t.Errorf("the error quotes %s: %v", s, e)
						}
					}
				}
			})
		}
	}
}

func TestContextThatHasEnded(t *testing.T) {
	c := &carrier{}
	n := newNotifier(t, c, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := n.Budgets(ctx, code(german)); !errors.Is(err, context.Canceled) || errors.Is(err, recovery.ErrPermanent) {
		t.Errorf("Budgets: %v", err)
	}
	if err := n.Notify(ctx, code(german)); !errors.Is(err, context.Canceled) || len(c.all()) != 0 {
		t.Errorf("Notify: %v", err)
	}
}

// A39: a Text that is printed or logged by mistake shows no secret.
func TestTextPrintsNothingOfThePerson_A39(t *testing.T) {
	text := smsnotifier.Text{ID: "job-1", To: german, Country: "DE", Body: recovery.NewSecret("90412773 is your code"), Segments: 1}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("sending", "text", text, "pointer", &text)
	slog.New(slog.NewTextHandler(&log, nil)).Info("sending", "text", text)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		fmt.Fprintf(&log, verb, text)
		fmt.Fprintf(&log, verb, &text)
		fmt.Fprintf(&log, verb, struct{ T smsnotifier.Text }{text})
	}
	if got := log.String(); strings.Contains(got, "15123456789") || strings.Contains(got, "90412773") || !strings.Contains(got, "text message to DE (job-1)") {
		t.Errorf("printed %s", got)
	}
}

// These rules hold for any number in a store: nothing panics. A number that is
// accepted is unchanged and in an allowed country. Budgets and Notify agree.
func FuzzNumber(f *testing.F) {
	for _, s := range []string{german, american, jamaican, premium, landline, "+", "+0", "+1;ext=5", "+49 151", "\uff0b49151", "+800123456789", "+999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c := &carrier{}
		n := newNotifier(t, c, nil)
		budgets, budgetsErr := n.Budgets(t.Context(), code(s))
		err := n.Notify(t.Context(), code(s))
		if (budgetsErr == nil) != (err == nil) {
			t.Fatalf("Budgets: %v, Notify: %v", budgetsErr, err)
		}
		if err != nil {
			if !errors.Is(err, recovery.ErrPermanent) || len(c.all()) != 0 || budgets != nil {
				t.Errorf("Notify of %q: %v, sent %v", s, err, c.all())
			}
			return
		}
		sent := c.all()[0]
		if sent.To != s || !slices.Contains([]string{"DE", "US", "BS"}, sent.Country) {
			t.Errorf("%q was sent to %q in %s", s, sent.To, sent.Country)
		}
		for _, b := range budgets {
			if strings.Contains(b.Name, s[1:]) || len(b.Name) > 32 {
				t.Errorf("the budget %q names %q", b.Name, s)
			}
		}
	})
}
