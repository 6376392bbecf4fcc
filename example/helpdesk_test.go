package main

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery/internal/redistest"
)

const deskKey = "a-key-for-the-help-desk"

// The whole way of a code that is read out, through the own API and then through the
// pages, on each kind of storage. On Redis and PostgreSQL, the help desk asks one
// instance and the person another.
func TestHelpDesk(t *testing.T) {
	t.Parallel()
	for name, args := range map[string]func(t *testing.T) []string{
		"memory":     func(*testing.T) []string { return nil },
		"SQLite":     func(t *testing.T) []string { return []string{"-sqlite", filepath.Join(t.TempDir(), "demo.db")} },
		"PostgreSQL": func(t *testing.T) []string { return []string{"-postgres", emptyDatabase(t, "-postgres")} },
		"Redis":      func(t *testing.T) []string { return []string{"-redis", "redis://" + redistest.Start(t).Addr} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			flags := append([]string{"-relaxed-limits", "-help-desk", deskKey}, args(t)...)
			desk := start(t, flags...)
			person := desk
			if name == "Redis" || name == "PostgreSQL" {
				person = start(t, flags...)
			}
			body := func(more string) string { return fmt.Sprintf(`{"leadId":%q%s}`, demoLeadID, more) }
			ask := func(path, more string, status int) answer {
				t.Helper()
				a := desk.post(helpDeskPath+path, body(more), "Authorization: Bearer "+deskKey)
				desk.want(path, a, status, "")
				return a
			}
			readOut := func() string {
				t.Helper()
				return fmt.Sprint(ask("issue", `,"operator":"Ada Byron","kind":"code"`, 200).json(t)["code"])
			}

			revoked := readOut()
			list, _ := ask("pending", "", 200).json(t)["tokens"].([]any)
			if len(list) != 1 {
				t.Fatalf("pending: %v", list)
			}
			token, _ := list[0].(map[string]any)
			if token["operator"] != "Ada Byron" || token["kind"] != "read_out_code" || token["created"] == nil {
				t.Errorf("pending: %v", token)
			}
			ask("revoke", fmt.Sprintf(`,"operator":"Ada Byron","id":%q`, token["id"]), 204)
			proof := func(code string) string { return fmt.Sprintf(`{"email":%q,"code":%q`, demoEmail, code) }
			person.want("a revoked code", person.post("/check-token", proof(revoked)+"}"), 400, "")

			code := strings.ToLower(readOut())
			person.want("check", person.post("/check-token", proof(code)+"}"), 204, "")
			person.want("reset", person.post("/reset-password", fmt.Sprintf(`%s,"password":%q}`, proof(code), secondPassword)), 204, "")
			person.want("the code again", person.post("/check-token", proof(code)+"}"), 400, "")
			person.want("the new password", desk.login(demoEmail, secondPassword), 200, "")

			v := person.visitor()
			if page := v.open(accountPath + "/forgot"); !strings.Contains(page.body, "/code?read-out=1") {
				t.Fatalf("no way to the form: %d %.300s", page.status, page.body)
			}
			page := v.send(accountPath+"/code", url.Values{"identifier": {demoEmail}, "code": {strings.ReplaceAll(readOut(), "-", " ")}})
			page = v.send(accountPath+"/reset", url.Values{"proof": {page.proof(t)}, "password": {thirdPassword}})
			if !strings.Contains(page.body, "Your password was changed") {
				t.Errorf("%d %.300s", page.status, page.body)
			}
			person.want("the new password", desk.login(demoEmail, thirdPassword), 200, "")
			if !strings.Contains(desk.stderr.String(), `event.operator="Ada Byron"`) {
				t.Error("the log does not name the operator")
			}
		})
	}
}

// Without the flag there is no such API, and no page mentions a help desk.
func TestNoHelpDesk(t *testing.T) {
	t.Parallel()
	d := start(t)
	d.want("without the flag", d.post(helpDeskPath+"issue", "{}", "Authorization: Bearer "+deskKey), 404, "")
	if page := d.get(accountPath + "/forgot"); strings.Contains(page.body, "read-out") || strings.Contains(d.stdout.String(), "Help desk") {
		t.Error("a help desk that is not there is shown")
	}
}
