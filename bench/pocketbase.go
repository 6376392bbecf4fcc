package main

import (
	"net/http"

	"github.com/pocketbase/pocketbase"
	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"

	"github.com/seed-51359b35/recovery/internal/redistest"
)

// pocketBasePath asks for a reset in the collection that PocketBase begins
// with.
const pocketBasePath = "/api/collections/users/request-password-reset"

// pocketBase is a fresh PocketBase with its own settings, one user, and no way
// to send mail: a message counts as sent when it would have left.
func pocketBase(tb redistest.TB) (stop func(), handler http.Handler) {
	app := pocketbase.NewWithConfig(pocketbase.Config{DefaultDataDir: tb.TempDir(), HideStartBanner: true})
	must(tb, app.Bootstrap())
	must(tb, app.RunAllMigrations())
	app.OnMailerSend().BindFunc(func(*core.MailerEvent) error { return nil })
	users, err := app.FindCollectionByNameOrId("users")
	must(tb, err)
	person := core.NewRecord(users)
	person.SetEmail(mailOf(0))
	person.SetPassword("a-quite-long-password")
	must(tb, app.Save(person))
	router, err := apis.NewRouter(app)
	must(tb, err)
	// As its server does it.
	router.Bind(apis.CORS(apis.CORSConfig{
		AllowOrigins: []string{"*"},
		AllowMethods: []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPatch, http.MethodPost, http.MethodDelete},
	}))
	handler, err = router.BuildMux()
	must(tb, err)
	return func() { _ = app.ResetBootstrapState() }, handler
}
