package sqlstoretest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/recoverytest"
	"github.com/seed-51359b35/recovery/sqlstore"
)

// askAt asks for a link or a code for an address at a brand, and returns the message,
// or false if none is sent.
func askAt(t *testing.T, leads recovery.LeadStore, brand, address string, code bool) (recovery.Message, bool) {
	t.Helper()
	outbox := &recoverytest.Outbox{}
	s, err := recovery.New(leads, recovery.NewMemoryTokenStore(), outbox, recovery.Options{
		Keys: [][]byte{testenv.Key("brands")}, Link: recovery.Link{URL: "https://www.example/reset"}, MailCodes: recovery.MailCodesOnRequest,
		Fields: leadFields[:1], DangerouslyKeepSessions: true, Logger: slog.New(slog.DiscardHandler),
		Brands: recovery.BrandOptions{Find: func(name string) (recovery.Brand, bool) { return recovery.Brand{Name: name}, true }},
	})
	if err != nil {
		t.Fatal(err)
	}
	key := recovery.LeadKey{Field: "EmailAddress", Value: address}
	if _, err := s.ForgotPassword(t.Context(), recovery.ForgotRequest{Key: key, Brand: brand, Code: code}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), testenv.Patience(20*time.Second))
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	if outbox.Len() == 0 {
		return recovery.Message{}, false
	}
	return outbox.Messages()[0], true
}

// A person with accounts at more brands than one search returns, some of which
// strangers have made, is found at each of them.
func TestPersonAtManyBrands(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d database, open func(testing.TB) *sql.DB) {
		db := open(t)
		for _, statement := range usersSchema(d) {
			execute(t, db, statement)
		}
		const address, n = "many@example.com", 130
		last := ""
		for i := range n {
			last = d.addUser(t, db)
			d.set(t, db, last, "email", address, "email_verified", true, "password_hash", "h", "nick", fmt.Sprintf("shop-%d", i))
		}
		columns := leadColumns
		columns.Brand, columns.Fields = "nick", map[string]sqlstore.FieldColumns{"EmailAddress": leadColumns.Fields["EmailAddress"]}
		leads, err := columns.Leads(t.Context(), db, d.dialect, leadFields[:1], nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range []int{0, 80, 98, 100, n - 1} {
			brand := fmt.Sprintf("shop-%d", i)
			for _, code := range []bool{false, true} {
				if m, ok := askAt(t, leads, brand, address, code); !ok || m.Brand != brand {
					t.Errorf("asked at %s, code %t: %t, a message of %q for %s, want one of the brand", brand, code, ok, m.Brand, m.LeadID)
				}
			}
		}
	})
}

// A lead without a brand is found at each brand that has no other lead with the
// address, also if there is one at another brand.
func TestLeadOfNoBrandBesideAnother(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d database, open func(testing.TB) *sql.DB) {
		db := open(t)
		for _, statement := range usersSchema(d) {
			execute(t, db, statement)
		}
		none, acme := d.addUser(t, db), d.addUser(t, db)
		for _, id := range []string{none, acme} {
			d.set(t, db, id, "email", "two@example.com", "email_verified", true, "password_hash", "h")
		}
		d.set(t, db, acme, "nick", "acme")
		columns := leadColumns
		columns.Brand, columns.Fields = "nick", map[string]sqlstore.FieldColumns{"EmailAddress": leadColumns.Fields["EmailAddress"]}
		leads, err := columns.Leads(t.Context(), db, d.dialect, leadFields[:1], nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			brand string
			code  bool
			want  string // or empty for both
		}{{"acme", true, acme}, {"beta", true, none}, {"acme", false, ""}, {"beta", false, none}} {
			if m, ok := askAt(t, leads, test.brand, "two@example.com", test.code); !ok || m.LeadID != test.want || m.Brand != test.brand {
				t.Errorf("asked at %s, code %t: %t, a message of %q for %q, want one for %q", test.brand, test.code, ok, m.Brand, m.LeadID, test.want)
			}
		}
		key := recovery.LeadKey{Field: "EmailAddress", Value: "two@example.com"}
		if _, err := leads.FindLead(t.Context(), key); !errors.Is(err, recovery.ErrLeadAmbiguous) {
			t.Errorf("a request of no brand: %v, want ErrLeadAmbiguous", err)
		}
	})
}
