package sqlstoretest

import (
	"database/sql"
	"testing"

	"github.com/seed-51359b35/recovery/internal/journeytest"
	"github.com/seed-51359b35/recovery/sqlstore"
)

// People who share an address, sign in with a user name, or have an odd address,
// with leads, tokens and limits on each database. Then a person at two brands and at
// none, through the JSON API, and a help desk that issues, looks and revokes.
func TestJourneys(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d database, open func(testing.TB) *sql.DB) {
		db := open(t)
		for _, statement := range usersSchema(d) {
			execute(t, db, statement)
		}
		for _, p := range journeytest.People() {
			d.set(t, db, d.person(t, db, p.EmailAddress), "user_name", p.UserName)
		}
		columns := sqlstore.Columns{
			Table: "users", ID: "id", PasswordHash: "password_hash",
			Fields: map[string]sqlstore.FieldColumns{
				"EmailAddress": leadColumns.Fields["EmailAddress"], "UserName": leadColumns.Fields["UserName"],
			},
		}
		columns.Brand = "CASE user_name WHEN 'ada-home' THEN 'acme' WHEN 'ada-work' THEN 'beta' END"
		shops, err := columns.Leads(t.Context(), db, d.dialect, journeytest.Fields(), nil)
		if err != nil {
			t.Fatal(err)
		}
		journeytest.OneOfABrand(t, shops)
		columns.Brand = ""
		leads, err := columns.Leads(t.Context(), db, d.dialect, journeytest.Fields(), nil)
		if err != nil {
			t.Fatal(err)
		}
		store := newStore(t, db, d)
		journeytest.Run(t, leads, store, store)
		journeytest.Brands(t, leads, store, store)
		journeytest.RunHelpDesk(t, leads, store, store)
	})
}
