package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/internal/testenv"
)

// previousVariable names the environment variable with the path of the example
// as an earlier version built it.
const previousVariable = "RECOVERY_PREVIOUS"

// startProgram runs a demo that is a program of its own.
func startProgram(t *testing.T, path string, args ...string) *demo {
	t.Helper()
	d := &demo{t: t, stdout: newOutput(), stderr: newOutput()}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), path, append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	cmd.Stdout, cmd.Stderr = d.stdout, d.stderr
	cmd.Env = append(os.Environ(), asProgram+"=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	d.kill = func() {
		_ = cmd.Process.Kill()
		<-done
		done <- nil // as wanted
	}
	d.stop = sync.OnceValue(func() error {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-done:
			return err
		case <-time.After(testenv.Patience(drainTime + 10*time.Second)):
			_ = cmd.Process.Kill()
			return fmt.Errorf("killed, because it did not end after SIGTERM: %w", <-done)
		}
	})
	t.Cleanup(func() {
		if err := d.stop(); err != nil {
			t.Errorf("%s: %v\n%s", path, err, d.stderr)
		}
	})
	select {
	case <-d.stdout.ready:
	case err := <-done:
		done <- err
		t.Fatalf("%s ended: %v\n%s", path, err, d.stderr)
	case <-time.After(testenv.Patience(20 * time.Second)):
		t.Fatalf("%s does not serve:\n%s", path, d.stderr)
	}
	_, d.base, _ = strings.Cut(strings.TrimSpace(d.stdout.String()), "\nlistening on ")
	return d
}

// During an upgrade, instances of two versions share one Redis. What one of them
// makes works at the other, both ways: jobs, links, issued tokens, the link "this was
// not me", sessions, and the cookies of the pages. So do codes of the earlier version.
// One of this version has to be typed where this version takes it (A100).
func TestBesidePreviousVersion(t *testing.T) {
	previous := os.Getenv(previousVariable)
	if previous == "" {
		testenv.Missing(t, "RECOVERY_REQUIRE_PREVIOUS", previousVariable+" names no program of an earlier version")
	}
	old := func(t *testing.T, args ...string) *demo { return startProgram(t, previous, args...) }
	for _, tt := range []struct {
		name       string
		takesCodes bool
		from, to   func(t *testing.T, args ...string) *demo
	}{
		{"the earlier version makes, this one takes", true, old, start},
		// Codes have handles since the version that .ci/previous names. Once it names a
		// later one, this is true too.
		{"this version makes, the earlier one takes", false, start, old},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			t.Run("jobs", func(t *testing.T) { jobsWait(t, tt.from, tt.to) })
			t.Run("all else", func(t *testing.T) { pass(t, tt.takesCodes, tt.from, tt.to) })
		})
	}
}

// jobsWait has one demo take requests while the mail server is down, and another
// one deliver them.
func jobsWait(t *testing.T, from, to func(t *testing.T, args ...string) *demo) {
	redisServer, server := redistest.Start(t), newMailServer(t)
	server.closed.Store(true)
	args := []string{"-relaxed-limits", "-redis", "redis://" + redisServer.Addr, "-durable", "-smtp", "smtp://" + server.addr}
	a := from(t, args...)
	a.want("forgot", a.post("/forgot-password", `{"email":"johnwick@example.com"}`), 202, "{}")
	issued := a.post("/identity/v2/manage/account/forgot/token?apikey="+lrAPIKey+"&apisecret="+lrAPISecret+"&sendemail=true&resetpasswordurl="+
		url.QueryEscape(a.base+accountPath+"/reset"), `{"email":"johnwick@example.com"}`)
	a.want("forgot token that is mailed", issued, 200, "")
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	server.closed.Store(false)
	b := to(t, args...)
	for _, m := range b.messages("reset-link", 2) {
		u, err := url.Parse(m.URL)
		if err != nil {
			t.Fatal(err)
		}
		token := u.Query().Get("token")
		if token == "" {
			token = u.Query().Get("vtoken")
		}
		b.want("check "+m.URL, b.post("/check-token", fmt.Sprintf(`{"token":%q}`, token)), 204, "")
	}
}

// pass has one demo make everything that is handed on, and another one take it.
func pass(t *testing.T, takesCodes bool, from, to func(t *testing.T, args ...string) *demo) {
	redisServer := redistest.Start(t)
	args := []string{"-relaxed-limits", "-redis", "redis://" + redisServer.Addr}
	a, b := from(t, args...), to(t, args...)

	a.want("forgot", a.post("/forgot-password", `{"email":"johnwick@example.com"}`), 202, "{}")
	first, query := a.link(1)
	token := query.Get("token")
	b.want("a link", b.post("/reset-password", ownBody(token, secondPassword)), 204, "")
	a.want("the same link again", a.post("/reset-password", ownBody(token, unusedPassword)), 400, "")
	a.want("sign in", a.login(demoEmail, secondPassword), 200, "")
	if n := len(b.sessions()); n != 1 {
		t.Errorf("%d sessions of the other demo, want 1", n)
	}

	issued := a.post("/forgot-token", `{"email":"johnwick@example.com"}`, "Authorization: Bearer "+ownTokenKey)
	a.want("issue", issued, 200, "")
	b.want("an issued token", b.post("/reset-password", ownBody(issued.json(t)["token"].(string), thirdPassword)), 204, "")

	a.want("forgot by code", a.post(lrOTP, `{"phone":"+14-157415569"}`), 200, "")
	code := a.messages("reset-code", 1)[0].Code
	typed := fmt.Sprintf(`{"phone":%q,"otp":%q,"password":%q}`, demoPhone, code, fourthPassword)
	if takesCodes {
		b.want("a code", b.put(lrOTP, typed), 200, "")
	} else {
		// The code names who asked, which the earlier version does not know. It costs the
		// code one try at most, and this version takes it.
		b.want("a code of a later version", b.put(lrOTP, typed), 403, "")
		a.want("a code that was refused elsewhere", a.put(lrOTP, typed), 200, "")
	}
	b.want("sign in", b.login(demoEmail, fourthPassword), 200, "")

	// The pages: the link is opened at one, and the form is sent to the other.
	a.want("forgot", a.post("/forgot-password", `{"email":"johnwick@example.com"}`), 202, "{}")
	link, _ := a.link(2)
	v := a.visitor()
	proof := v.open(link.URL).proof(t)
	v.d = b
	sent := v.send(accountPath+"/reset", url.Values{"proof": {proof}, "password": {fifthPassword}, "again": {fifthPassword}})
	b.want("the form", sent, 200, "")
	b.want("sign in", b.login(demoEmail, fifthPassword), 200, "")

	notMe, err := url.Parse(first.NotMe)
	if err != nil {
		t.Fatal(err)
	}
	b.want("this was not me", b.post("/not-me", fmt.Sprintf(`{"token":%q}`, notMe.Query().Get("token"))), 204, "")
}
