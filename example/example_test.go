package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery/internal/testenv"
)

// curlLine is a printed line that says what to expect.
var curlLine = regexp.MustCompile(`(?m)^(.*curl.*)  # ([0-9]{3}(?: [0-9]{3})*)$`)

func TestBanner(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		sentence string
		args     []string
		says     string
	}{
		{"the library's limits by default", nil, "one message a minute to a person, 30 requests in\n10 minutes to a client"},
		{"relaxed limits", []string{"-relaxed-limits"}, "Limits are relaxed: every one but the vendors' 25 in 5 s is times 100."},
	} {
		t.Run(tt.sentence, func(t *testing.T) {
			t.Parallel()
			d := start(t, tt.args...)
			out := d.stdout.String()
			if !regexp.MustCompile(`\nlistening on http://127\.0\.0\.1:[1-9][0-9]*\n$`).MatchString(out) {
				t.Errorf("the last line is not the one that says where it listens:\n%s", out)
			}
			for _, want := range append([]string{tt.says, "live in\nmemory"},
				"johnwick@example.com", "+14-157415569", "SSKKPPYY222", "john_doe", "Babayaga-has-a-dog-1964",
				"a822e018-80a4-4a86-bd9d-9855710109ff", "disabled@example.com", "social@example.com",
				"11111111-2222-4333-8444-555555555555", "demo-access-key", "demo-secret-key",
				"demo-api-key", "demo-api-secret", "demo-forgot-token-key", d.base+"/outbox",
			) {
				if !strings.Contains(out, want) {
					t.Errorf("the banner lacks %q", want)
				}
			}
			if n := len(curlLine.FindAllString(out, -1)); n < 20 {
				t.Errorf("%d curl lines say what to expect, want 20 or more", n)
			}
			for line := range strings.Lines(out) {
				if strings.Contains(line, "curl -") && !curlLine.MatchString(strings.TrimSuffix(line, "\n")) {
					t.Errorf("a curl line does not say what to expect: %s", line)
				}
			}
			if err := d.stop(); err != nil {
				t.Errorf("run returned %v, want nil after its context ended", err)
			}
			if d.stdout.String() != out {
				t.Error("something was printed after the last line")
			}
		})
	}
}

// TestPrintedLines runs every printed line as it stands, from top to bottom,
// each in a shell of its own and then all pasted into one.
func TestPrintedLines(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"sh", "curl", "sed"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the printed lines need sh, curl and sed: %v", err)
		}
	}
	status := regexp.MustCompile(`(?m)^[0-9]{3}$`)

	t.Run("each line in a shell of its own", func(t *testing.T) {
		t.Parallel()
		d := start(t, "-relaxed-limits")
		env := patientSleep(t, d)
		var ran []string
		for _, line := range curlLine.FindAllStringSubmatch(d.stdout.String(), -1) {
			shell := exec.CommandContext(t.Context(), "sh", "-c", line[0])
			shell.Env = env
			out, err := shell.CombinedOutput()
			if got := strings.Join(status.FindAllString(string(out), -1), " "); got != line[2] || err != nil {
				t.Fatalf("%s\nstatus %q, error %v, answered:\n%s", line[0], got, err, out)
			}
			ran = append(ran, line[0])
		}
		// What the issue promises to a newcomer, by what the lines contain.
		for _, flow := range []string{
			`Authentication/SecureForgotPassword`, `v2/SecureForgotPassword`, `"SchemaName":"Phone"`,
			`"SchemaName":"mx_PAN_Number".*"RecipientField":\{"SchemaName":"mx_Alternate_Email"`,
			`PublicToken`, `GetRegisterToken`, `TemporaryPassword=.*v2/ResetPassword.*# 200`, `TemporaryPassword=.*# 400`,
			`"Username":"john_doe".*ForgotToken.*# 200 403`, `"Email":"johnwick@example.com".*ForgotToken.*# 200 403`,
			`/forgot-password`, `/reset-password.*# 204`, `/reset-password.*# 400`, `Bearer demo-forgot-token-key`,
			`/login.*# 200`, `/login.*# 401`, `/sessions.json`,
		} {
			if !slices.ContainsFunc(ran, regexp.MustCompile(flow).MatchString) {
				t.Errorf("no printed line matches %s", flow)
			}
		}
		if kinds := count(d.outbox()); kinds["reset-link"] < 6 || kinds["reset-code"] != 1 || kinds["password-changed"] != 6*3 {
			t.Errorf("messages %v; every reset is told to three addresses", kinds)
		}
		all := d.outbox()
		if err := d.stop(); err != nil {
			t.Errorf("run returned %v, want nil after its context ended", err)
		}
		noSecrets(t, d.stderr.String(), all)
	})

	t.Run("all lines pasted into one shell", func(t *testing.T) {
		t.Parallel()
		d := start(t, "-relaxed-limits")
		var script, want []string
		for _, line := range curlLine.FindAllStringSubmatch(d.stdout.String(), -1) {
			script, want = append(script, line[0]), append(want, strings.Fields(line[2])...)
		}
		shell := exec.CommandContext(t.Context(), "sh")
		shell.Stdin = strings.NewReader(strings.Join(script, "\n") + "\n")
		shell.Env = patientSleep(t, d)
		out, err := shell.CombinedOutput()
		if got := status.FindAllString(string(out), -1); !slices.Equal(got, want) || err != nil {
			t.Errorf("error %v, statuses\n%v, want\n%v\n%s", err, got, want, out)
		}
	})
}

// patientSleep returns an environment for the printed lines in which sleep, on
// a machine of any speed, takes as long as the messages that the lines have
// asked for by then.
func patientSleep(t *testing.T, d *demo) []string {
	t.Helper()
	sleeps := []map[string]int{
		{"reset-link": 4}, {"reset-code": 1}, {"reset-link": 6}, {"reset-link": 7, "password-changed": 6 * 3},
	}
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if asked++; asked > len(sleeps) || r.URL.Query().Get("s") != "1" {
			t.Errorf("the lines sleep for %s, %d times", r.URL.Query().Get("s"), asked)
			return
		}
		began, patience := time.Now(), testenv.Patience(20*time.Second)
		for {
			kinds, all := count(d.outbox()), true
			for kind, n := range sleeps[asked-1] {
				all = all && kinds[kind] >= n
			}
			if all {
				t.Logf("the messages of sleep %d took %v", asked, time.Since(began))
				return
			}
			if time.Since(began) > patience {
				t.Errorf("not within %v: %v; there are %v", patience, sleeps[asked-1], kinds)
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}))
	t.Cleanup(func() {
		server.Close()
		if asked != len(sleeps) {
			t.Errorf("the lines sleep %d times, want %d", asked, len(sleeps))
		}
	})
	dir := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\nexec curl -sS '%s/?s='\"$1\" </dev/null\n", server.URL)
	if err := os.WriteFile(filepath.Join(dir, "sleep"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return append(os.Environ(), "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

func count(messages []delivered) map[string]int {
	kinds := map[string]int{}
	for _, m := range messages {
		kinds[m.Kind]++
	}
	return kinds
}

// noSecrets looks for what must never reach a log.
func noSecrets(t *testing.T, logs string, messages []delivered) {
	t.Helper()
	if !strings.Contains(logs, "password_reset") {
		t.Error("the logs tell of no reset, so they prove nothing")
	}
	secrets := []string{
		demoPassword, secondPassword, thirdPassword, fourthPassword, fifthPassword, sixthPassword, seventhPassword, unusedPassword,
		lsqSecretKey, lrAPISecret, ownTokenKey, "argon2id", "TemporaryPassword", "vtoken", "apisecret",
		"johnwick", "john.alt", "disabled@", "social@", demoPAN, "14157415569", "14-157415569", demoUsername,
	}
	for _, m := range messages {
		secrets = append(secrets, m.To, m.Code)
		if _, query, ok := strings.Cut(m.URL, "?"); ok {
			for param := range strings.SplitSeq(query, "&") {
				if name, value, _ := strings.Cut(param, "="); name != "LeadId" && name != "vtype" {
					secrets = append(secrets, value)
				}
			}
		}
	}
	for _, secret := range secrets {
		if secret != "" && strings.Contains(logs, secret) {
			t.Errorf("the logs contain %q", secret)
		}
	}
}

func TestLogsAreJSONOnDemandAndHoldNoSecrets(t *testing.T) {
	t.Parallel()
	d := start(t, "-json-logs", "-relaxed-limits")
	d.post("/forgot-password", `{"email":"johnwick@example.com"}`)
	_, query := d.link(1)
	d.want("reset", d.post("/reset-password", fmt.Sprintf(`{"token":%q,"password":%q}`, query.Get("token"), secondPassword)), 204, "")
	d.want("refused reset", d.post("/reset-password", fmt.Sprintf(`{"token":%q,"password":%q}`, query.Get("token"), thirdPassword)), 400, "")
	d.get("/api/Access/PublicToken?accessKey=demo-access-key&secretKey=demo-secret-key-that-is-wrong")
	d.post("/identity/v2/manage/account/forgot/token?apikey=demo-api-key&apisecret=wrong-demo-api-secret", `{"Email":"johnwick@example.com"}`)
	d.login("johnwick@example.com", "wrong-"+demoPassword)
	messages := d.outbox()
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(d.stderr.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
	noSecrets(t, d.stderr.String(), messages)
}

// TestForgotSaysTheSame asks every public endpoint for everybody: nothing of
// the answer may differ, and only the person with a password is written to.
func TestForgotSaysTheSame(t *testing.T) {
	t.Parallel()
	lsq1 := "Authorization: " + lsqPublicAuthKey
	lsq2 := []string{lsq1, "X-Lsq-Registertoken: " + lsqRegisterToken, "X-Lsq-Portalid: " + lsqPortal}
	for _, tt := range []struct {
		sentence, path, body string
		headers              []string
	}{
		{"LeadSquared v1", "/api/Authentication/SecureForgotPassword", `{"EmailAddress":%q}`, []string{lsq1}},
		{"LeadSquared v2", "/api/Authentication/v2/SecureForgotPassword", `{"EmailAddress":%q}`, lsq2},
		{"LeadSquared by key", "/api/Authentication/v2/ForgotPassword", `{"SearchKeyData":{"SchemaName":"EmailAddress","Value":%q}}`, lsq2},
		{"LoginRadius", "/identity/v2/auth/password?apikey=demo-api-key", `{"email":%q}`, nil},
		{"LoginRadius code", "/identity/v2/auth/password?apikey=demo-api-key&emailtemplate=Code-Template", `{"email":%q}`, nil},
		{"own API", "/forgot-password", `{"email":%q}`, nil},
	} {
		t.Run(tt.sentence, func(t *testing.T) {
			t.Parallel()
			d := start(t, "-relaxed-limits")
			// The windows count on, and the clock does.
			volatile := []string{"Ratelimit", "Date"}
			var first string
			for _, email := range []string{"disabled@example.com", "social@example.com", "nobody@example.com", "johnwick@example.com"} {
				a := d.post(tt.path, fmt.Sprintf(tt.body, email), tt.headers...)
				for _, name := range volatile {
					a.header.Del(name)
				}
				got := fmt.Sprint(a.status, a.header, a.body)
				if first = cmp.Or(first, got); got != first || a.status >= 300 {
					t.Errorf("%s: %s\nothers: %s", email, got, first)
				}
			}
			// The drain delivers all that is going to be.
			if err := d.stop(); err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(d.stderr.String(), "message_sent"); n != 1 || !strings.Contains(d.stderr.String(), "event.lead="+demoLeadID) {
				t.Errorf("%d messages sent, want 1, to the lead with a password:\n%s", n, d.stderr)
			}
		})
	}
}

func TestOutbox(t *testing.T) {
	t.Parallel()
	d := start(t, "-relaxed-limits")
	empty := d.get("/outbox.json")
	d.want("empty outbox", empty, 200, "[]")
	if got := empty.header.Get("Content-Type"); !strings.HasPrefix(got, "application/json") {
		t.Errorf("Content-Type %q", got)
	}
	d.want("no sessions", d.get("/sessions.json"), 200, "[]")

	before := time.Now().Add(-time.Second)
	d.post("/forgot-password", `{"email":"johnwick@example.com"}`)
	d.messages("reset-link", 1)
	d.post("/forgot-password", `{"identifier":{"field":"Phone","value":"+14-157415569"},"recipientField":"Phone"}`)
	d.messages("reset-code", 1)

	body := d.get("/outbox.json").body
	var raw []map[string]json.RawMessage
	if err := json.Unmarshal([]byte(body), &raw); err != nil {
		t.Fatal(err)
	}
	for _, m := range raw {
		if keys := sorted(m); !slices.Equal(keys, []string{"Channel", "Code", "ID", "Kind", "Language", "NotMe", "Subject", "Text", "Time", "To", "URL"}) {
			t.Errorf("keys %v", keys)
		}
	}
	all := d.outbox()
	if len(all) != 2 || all[0].Kind != "reset-link" || all[1].Kind != "reset-code" {
		t.Fatalf("%v, want the link and then the code", count(all))
	}
	mail, sms := all[0], all[1]
	if mail.Channel != "email" || mail.To != "johnwick@example.com" || mail.Subject == "" || mail.Code != "" || !strings.Contains(mail.Text, mail.URL) {
		t.Errorf("mail %+v", mail)
	}
	if sms.Channel != "sms" || sms.To != "+14157415569" || sms.URL != "" || !regexp.MustCompile(`^[0-9]{8}$`).MatchString(sms.Code) || !strings.Contains(sms.Text, sms.Code) {
		t.Errorf("sms %+v", sms)
	}
	for _, m := range all {
		if m.ID == "" || m.Time.Before(before) || m.Time.After(time.Now()) {
			t.Errorf("ID %q, time %v", m.ID, m.Time)
		}
	}
	if all[0].Time.After(all[1].Time) {
		t.Error("not oldest first")
	}

	page := d.get("/outbox")
	if got := page.header.Get("Content-Type"); page.status != 200 || !strings.HasPrefix(got, "text/html") {
		t.Fatalf("%d %s", page.status, got)
	}
	for _, want := range []string{`<a href="` + strings.ReplaceAll(mail.URL, "&", "&amp;") + `">`, mail.Subject, sms.Code, "email to johnwick@example.com"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func TestLimits(t *testing.T) {
	t.Parallel()
	t.Run("the library's own by default", func(t *testing.T) {
		t.Parallel()
		d := start(t)
		for i := range 31 {
			want := 202
			if i == 30 {
				want = 429 // 30 in 10 min
			}
			a := d.post("/forgot-password", `{"email":"johnwick@example.com"}`)
			d.want(fmt.Sprintf("request %d", i+1), a, want, "")
			if want == 429 && a.header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
		}
		if err := d.stop(); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(d.stderr.String(), "message_sent"); n != 1 {
			t.Errorf("%d messages in a minute, want 1", n)
		}
	})
	t.Run("relaxed, but never the vendors' 25 in 5 s", func(t *testing.T) {
		t.Parallel()
		d := start(t, "-relaxed-limits")
		begin, refused := time.Now(), 0
		for range 26 {
			a := d.post("/api/Authentication/SecureForgotPassword", `{"EmailAddress":"nobody@example.com"}`, "Authorization: "+lsqPublicAuthKey)
			if a.status == 429 && strings.Contains(a.body, "API calls exceeded the limit of 25 in 5 second(s)") {
				refused++
			} else if a.status != 200 {
				t.Fatalf("%d %s", a.status, a.body)
			}
		}
		if took := time.Since(begin); refused != 1 && took < 5*time.Second {
			t.Errorf("%d of 26 calls in %v were refused, want 1", refused, took)
		}
	})
}

func TestLoginAndSessions(t *testing.T) {
	t.Parallel()
	d := start(t, "-relaxed-limits")
	a := d.login("JohnWick@Example.com", demoPassword)
	d.want("right", a, 200, "")
	cookie := a.header.Get("Set-Cookie")
	for _, want := range []string{"session=", "HttpOnly", "SameSite=Lax", "Path=/"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("cookie %q lacks %s", cookie, want)
		}
	}
	d.want("right, again", d.login(demoEmail, demoPassword), 200, "")
	open := d.sessions()
	if len(open) != 2 || open[0].LeadID != demoLeadID || open[0].ID == open[1].ID || strings.Contains(cookie, open[0].ID) {
		t.Errorf("sessions %+v, want the two, by names that open nothing", open)
	}

	// One answer for all who cannot sign in.
	refused := d.login(demoEmail, "wrong")
	d.want("wrong", refused, 401, "")
	for _, who := range []struct{ email, password string }{
		{"nobody@example.com", demoPassword}, {"disabled@example.com", demoPassword}, {"social@example.com", demoPassword},
		{"social@example.com", ""}, {"", ""}, {demoEmail, "\u0378"}, {"\u212A@example.com", demoPassword},
	} {
		d.want(who.email+" "+who.password, d.login(who.email, who.password), 401, strings.TrimSpace(refused.body))
	}
	d.want("no JSON", d.post("/login", "EmailAddress"), 400, "")
	d.want("a form", d.form("/login", nil), 415, "")
	d.want("GET", d.get("/login"), 405, "")
	d.want("too large", d.post("/login", `{"Password":"`+strings.Repeat("x", 17<<10)+`"}`), 400, "")
	if a := d.post("/login", `{}`, "Sec-Fetch-Site: cross-site"); a.status != 403 {
		t.Errorf("another site's login: %d", a.status)
	}

	d.post("/forgot-password", `{"email":"johnwick@example.com"}`)
	_, query := d.link(1)
	if len(d.sessions()) != 2 {
		t.Error("asking for a link ended sessions")
	}
	d.want("reset", d.post("/reset-password", fmt.Sprintf(`{"token":%q,"password":%q}`, query.Get("token"), secondPassword)), 204, "")
	d.want("the reset ended the sessions", d.get("/sessions.json"), 200, "[]")
	d.want("old password", d.login(demoEmail, demoPassword), 401, "")
	d.want("new password", d.login(demoEmail, secondPassword), 200, "")
	if open := d.sessions(); len(open) != 1 {
		t.Errorf("sessions %+v", open)
	}
}

// TestDrain: what was promised before SIGTERM is delivered after it.
func TestDrain(t *testing.T) {
	t.Parallel()
	d := start(t)
	d.want("forgot", d.post("/forgot-password", `{"email":"johnwick@example.com"}`), 202, "{}")
	if err := d.stop(); err != nil {
		t.Fatalf("run returned %v", err)
	}
	if !strings.Contains(d.stderr.String(), "message_sent") {
		t.Errorf("the message was lost:\n%s", d.stderr)
	}
	if conn, err := net.Dial("tcp", strings.TrimPrefix(d.base, "http://")); err == nil {
		conn.Close()
		t.Error("it still listens")
	}
}
