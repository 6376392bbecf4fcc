package main

import (
	"net/url"
	"path/filepath"
	"testing"

	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/internal/sqltest"
)

// With -invite, one person chooses a first password, and another has to replace
// the one that the log-in refuses, on every storage.
func TestInvite(t *testing.T) {
	t.Parallel()
	for name, args := range map[string]func(t *testing.T) []string{
		"memory": func(*testing.T) []string { return nil },
		"SQLite": func(t *testing.T) []string {
			return []string{"-sqlite", filepath.Join(t.TempDir(), "demo.db"), "-durable"}
		},
		"PostgreSQL": func(t *testing.T) []string {
			return []string{"-postgres", sqltest.StartPostgreSQL(t, "-c", "fsync=off").URL("postgres"), "-durable"}
		},
		"Redis": func(t *testing.T) []string {
			return []string{"-redis", "redis://" + redistest.Start(t).Addr, "-durable"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := start(t, append([]string{"-relaxed-limits", "-invite"}, args(t)...)...)
			tokenOf := func(kind string) string {
				t.Helper()
				u, err := url.Parse(d.messages(kind, 1)[0].URL)
				if err != nil {
					t.Fatal(err)
				}
				return u.Query().Get("token")
			}
			invitation, required := tokenOf("invitation"), tokenOf("reset-required")
			const first, second = "a-first-password-of-mine", "a-second-password-of-mine"
			d.want("a log-in without a password", d.login("invited@example.com", first), 401, "")
			d.want("the invitation as a reset", d.post("/reset-password", ownBody(invitation, first)), 400, "")
			d.want("the invitation", d.post("/check-invitation", `{"token":"`+invitation+`"}`), 204, "")
			d.want("a first password", d.post("/accept-invitation", ownBody(invitation, first)), 204, "")
			d.want("a log-in with it", d.login("invited@example.com", first), 200, "")
			d.want("a second first password", d.post("/accept-invitation", ownBody(invitation, second)), 400, "")

			d.want("the old password", d.login("required@example.com", demoPassword), 403,
				`{"Error":"the password has to be replaced: ask for a link with \"Forgot password\""}`)
			d.want("a wrong password", d.login("required@example.com", first), 401, "")
			d.want("the forced reset", d.post("/reset-password", ownBody(required, second)), 204, "")
			d.want("a log-in with the new password", d.login("required@example.com", second), 200, "")
		})
	}
}
