package recovery_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/seed-51359b35/recovery"
)

// A lead whose verified address cannot be written to is told apart from one that
// has none. It is found here by its name. Before, nothing was sent, and the event
// said "no verified recipient".
func TestUndeliverableAddressIsTold(t *testing.T) {
	for _, test := range []struct {
		address  string
		verified bool
		want     recovery.EventReason
	}{
		{"Zoe <zoe@example.com>", true, recovery.ReasonUndeliverableAddress},
		{"zoe@intranet", true, recovery.ReasonUndeliverableAddress},
		{"zoe@example.com\n", true, recovery.ReasonUndeliverableAddress},
		{" zoe@example.com\t", true, ""}, // an address in spaces is one that can be written to
		{"zoe@example.com\nBcc: all@example.com", true, recovery.ReasonUndeliverableAddress},
		{".taro@example.com", true, recovery.ReasonUndeliverableAddress},
		{"mu\u0308ller@example.com", true, recovery.ReasonUndeliverableAddress}, // NFC writes it as müller
		{"taro..yamada.@docomo.ne.jp", true, ""},
		{"m\u00fcller@example.com", true, ""},
		{"Zoe <zoe@example.com>", false, recovery.ReasonNoRecipient},
		{"", true, recovery.ReasonNoRecipient},
		{" ", true, recovery.ReasonNoRecipient},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newPortal(t, nil)
			ada := lead("ada", recovery.StatusActive)
			ada.Fields["EmailAddress"] = recovery.FieldValue{Value: test.address, Verified: test.verified}
			ada.Fields["Username"] = recovery.FieldValue{Value: "ada"}
			p.leads.Add(ada, "")
			ask := func() {
				_, err := p.ForgotPassword(context.Background(), recovery.ForgotRequest{Key: recovery.LeadKey{Field: "Username", Value: "ada"}})
				if err != nil {
					t.Fatal(err)
				}
				settle()
			}
			ask()
			ask()
			suppressed := p.events.of(recovery.EventMessageSuppressed)
			if test.want == "" {
				if len(p.outbox.Messages()) == 0 {
					t.Errorf("%q: nothing was sent, for %v", test.address, suppressed)
				}
				return
			}
			if len(suppressed) != 2 || suppressed[0].Reason != test.want {
				t.Errorf("%q: %v, want the reason %q", test.address, suppressed, test.want)
			}
			warnings := 0
			if test.want == recovery.ReasonUndeliverableAddress {
				warnings = 1 // for both requests
			}
			if n := strings.Count(p.log.String(), "verified address cannot be written to"); n != warnings {
				t.Errorf("%q: %d warnings, want %d", test.address, n, warnings)
			}
			if address := strings.TrimSpace(test.address); address != "" && strings.Contains(p.log.String(), address) {
				t.Errorf("%q is in the log", test.address)
			}
		})
	}
}
