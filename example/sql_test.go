package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/sqltest"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// onEachDatabase runs a test for the flag of each kind of database, with the
// value that names an empty one.
func onEachDatabase(t *testing.T, test func(t *testing.T, flag, value string)) {
	t.Helper()
	for _, flag := range []string{"-postgres", "-sqlite"} {
		t.Run(flag, func(t *testing.T) {
			t.Parallel()
			test(t, flag, emptyDatabase(t, flag))
		})
	}
}

func emptyDatabase(t *testing.T, flag string) (value string) {
	t.Helper()
	if flag == "-sqlite" {
		return filepath.Join(t.TempDir(), "a demo? of 100%.db")
	}
	// A schema is an empty database for this, and made much faster.
	value = sqltest.PostgreSQL(t).URL("postgres")
	name := "demo_" + strings.ToLower(rand.Text())
	if _, err := openDatabase(t, flag, value).ExecContext(t.Context(), "CREATE SCHEMA "+name); err != nil {
		t.Fatal(err)
	}
	return value + "&search_path=" + name
}

func databaseTarget(t *testing.T, flag, value string) *sqlTarget {
	t.Helper()
	parse := sqliteFile
	if flag == "-postgres" {
		parse = parsePostgresURL
	}
	target, err := parse(value)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func openDatabase(t *testing.T, flag, value string) *sql.DB {
	t.Helper()
	db, err := databaseTarget(t, flag, value).open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// openSQLStorage opens it as the demo does.
func openSQLStorage(t *testing.T, flag, value string, seeds []seed) *storage {
	t.Helper()
	s, err := sqlStorage(t.Context(), databaseTarget(t, flag, value), false, seeds, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestSQLConformance: the leads in a table keep the contract as the others do.
// One kind of database is enough here: what differs between them is sqlstore's,
// whose own tests run the suite on all.
func TestSQLConformance(t *testing.T) {
	t.Parallel()
	const flag = "-sqlite"
	var values sync.Map // by store
	recoverytest.TestLeadStore(t, recoverytest.LeadStoreHarness{
		New: func(t *testing.T) recovery.LeadStore {
			value := emptyDatabase(t, flag)
			s := openSQLStorage(t, flag, value, nil).leads
			values.Store(s, value)
			return s
		},
		Another: func(t *testing.T, first recovery.LeadStore) recovery.LeadStore {
			value, _ := values.Load(first)
			return openSQLStorage(t, flag, value.(string), nil).leads
		},
		Fields:   fields(),
		Statuses: []recovery.LeadStatus{recovery.StatusInvited, recovery.StatusResetRequired},
		Add: func(t *testing.T, s recovery.LeadStore, lead recovery.Lead, hash string) string {
			lead.ID = rand.Text()
			if err := addSQLLead(t.Context(), s.(*sqlLeads).db, seed{lead, hash}); errors.Is(err, errNotUnique) {
				t.Skip(err)
			} else if err != nil {
				t.Fatal(err)
			}
			return lead.ID
		},
		ReadHash: func(t *testing.T, s recovery.LeadStore, leadID string) (hash string) {
			err := s.(*sqlLeads).db.QueryRowContext(t.Context(), "SELECT password_hash FROM recovery_example_leads WHERE id = $1", leadID).Scan(&hash)
			if err != nil {
				t.Fatal(err)
			}
			return hash
		},
	})
}

func TestSQLStorage(t *testing.T) {
	t.Parallel()
	seeds := testSeeds(t)
	onEachDatabase(t, func(t *testing.T, flag, value string) {
		// Instances that start at once agree.
		var all [4]*storage
		var wg sync.WaitGroup
		for i := range all {
			wg.Go(func() {
				s, err := sqlStorage(t.Context(), databaseTarget(t, flag, value), false, seeds, slog.New(slog.DiscardHandler))
				if err != nil {
					t.Error(err)
					return
				}
				t.Cleanup(func() { _ = s.close() })
				all[i] = s
			})
		}
		wg.Wait()
		if t.Failed() {
			return
		}
		for _, s := range all {
			if string(s.key) != string(all[0].key) || len(s.key) != 32 {
				t.Error("instances have different keys")
			}
		}
		testLeads(t, all[0].leads, false)
		if _, hash, err := openSQLStorage(t, flag, value, seeds).leads.credentials(t.Context(), demoEmail); hash != "fourth" || err != nil {
			t.Errorf("hash %q, error %v: another start undid a change", hash, err)
		}
		for _, email := range []string{"nobody@example.com\x00", "\xff@example.com", ""} {
			if id, hash, err := all[0].leads.credentials(t.Context(), email); id != "" || hash != "" || err != nil {
				t.Errorf("%q: %q %q %v", email, id, hash, err)
			}
		}
		testLoginDuringReset(t, all[1].sessions)
		for _, cookie := range []string{"", "x", "\x00", "\xff", strings.Repeat("x", 5000)} {
			if e, ok, err := all[1].sessions.find(t.Context(), cookie); ok || err != nil {
				t.Errorf("%q: %v %v", cookie, e, err)
			}
		}
		t.Run("no racing login survives a reset", func(t *testing.T) { testRacingLogins(t, all[2].sessions) })
	})
}

func TestTwoInstancesOnOneDatabase(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, flag, value string) {
		a, b := start(t, "-relaxed-limits", flag, value), start(t, "-relaxed-limits", flag, value)
		for _, says := range []string{databaseTarget(t, flag, value).name, "THE KEYS ARE KEPT THERE TOO", "those that wait are lost when the process is killed"} {
			if !strings.Contains(a.stdout.String(), says) {
				t.Errorf("the banner lacks %q", says)
			}
		}
		j := &journey{from: a, to: b, now: demoPassword}
		j.leadSquared()
		j.loginRadiusCode()
		j.from, j.to = b, a
		j.loginRadius()
		j.own()
		j.changes()
		noneInTables(t, openDatabase(t, flag, value), j.secrets)
		all := append(a.outbox(), b.outbox()...)
		for _, d := range []*demo{a, b} {
			if err := d.stop(); err != nil {
				t.Errorf("run returned %v, want nil after its context ended", err)
			}
			noSecrets(t, d.stderr.String(), all)
		}
	})
}

// noneInTables looks for secrets in all tables, and for what is known of people
// beside the table of leads.
func noneInTables(t *testing.T, db *sql.DB, secrets []string) {
	t.Helper()
	for _, table := range []string{"recovery_example_leads", "recovery_example_sessions", "recovery_limits", "recovery_tokens"} {
		rows, err := db.QueryContext(t.Context(), "SELECT * FROM "+table)
		if err != nil {
			t.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		var b strings.Builder
		for rows.Next() {
			if err := rows.Scan(values...); err != nil {
				t.Fatal(err)
			}
			for _, v := range values {
				fmt.Fprintf(&b, "%v\n", *v.(*any))
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
		if b.Len() == 0 {
			t.Errorf("%s is empty, so this proves nothing", table)
		}
		here := secrets
		if table != "recovery_example_leads" {
			here = append([]string{"johnwick", "john.alt", "example.com", "157415569", demoPAN, demoUsername, "argon2id", "127.0.0.1"}, secrets...)
		}
		for _, secret := range here {
			if len(secret) < 3 {
				t.Fatalf("%q is no secret", secret)
			}
			if strings.Contains(b.String(), secret) {
				t.Errorf("%s holds %q", table, secret)
			}
		}
	}
}

// TestSQLiteSurvivesKills: what was asked for, changed and signed in before a
// kill is there after it.
func TestSQLiteSurvivesKills(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	args := []string{"-relaxed-limits", "-sqlite", filepath.Join(dir, "demo.db")}

	a := startProgram(t, program, args...)
	in := a.login(demoEmail, demoPassword)
	a.want("sign in", in, 200, "")
	cookie, _, _ := strings.Cut(in.header.Get("Set-Cookie"), ";")
	a.want("forgot", a.post("/forgot-password", `{"email":"johnwick@example.com"}`), 202, "{}")
	_, link := a.link(1)
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 2 {
		t.Fatalf("files %v, error %v: want those beside the database too", files, err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, error %v", f.Name(), info.Mode(), err)
		}
	}
	a.kill()

	b := startProgram(t, program, args...)
	if front := b.do("GET", "/", "", "Cookie: "+cookie); !strings.Contains(front.body, "John Wick") {
		t.Error("the session is gone")
	}
	b.want("a link of before", b.post("/reset-password", ownBody(link.Get("token"), secondPassword)), 204, "")
	b.kill()

	c := startProgram(t, program, args...)
	c.want("the link again", c.post("/reset-password", ownBody(link.Get("token"), unusedPassword)), 400, "")
	c.want("the first password", c.login(demoEmail, demoPassword), 401, "")
	c.want("the new password", c.login(demoEmail, secondPassword), 200, "")
	if front := c.do("GET", "/", "", "Cookie: "+cookie); strings.Contains(front.body, "John Wick") {
		t.Error("the session survived the reset")
	}
}

// TestSQLLimitsAreKept: who has used up a limit does not get it back by a
// restart.
func TestSQLLimitsAreKept(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, flag, value string) {
		begin, refused := time.Now(), 0
		for range 2 {
			d := start(t, flag, value)
			for range 11 {
				// Nobody can have this password, so it is not worth a hash.
				if r := d.login("nobody@example.com", "\u0378"); r.status == 429 {
					refused++
				} else if r.status != 401 {
					t.Fatalf("%d %s", r.status, r.body)
				}
			}
			if err := d.stop(); err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(begin); refused != 2 && took < time.Minute {
			t.Errorf("%d of 22 guesses in %v were refused, want 2", refused, took)
		}
	})
}

// TestPostgresDown: nothing is let through, no link is burnt, and all goes on
// when the database is back.
func TestPostgresDown(t *testing.T) {
	t.Parallel()
	server := sqltest.StartPostgreSQL(t)
	d := start(t, "-relaxed-limits", "-postgres", server.URL("postgres"))
	d.want("forgot", d.post("/forgot-password", `{"email":"johnwick@example.com"}`), 202, "{}")
	_, link := d.link(1)
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	d.want("a reset while it is down", d.post("/reset-password", ownBody(link.Get("token"), secondPassword)), 503, "")
	d.want("a login while it is down", d.login(demoEmail, demoPassword), 503, "")
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	d.want("the reset", d.post("/reset-password", ownBody(link.Get("token"), secondPassword)), 204, "")
	d.want("the new password", d.login(demoEmail, secondPassword), 200, "")
}

// TestSQLiteFileOfOthers: keys do not go into a file that others may read.
func TestSQLiteFileOfOthers(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "demo.db")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	err := run(context.WithoutCancel(t.Context()), []string{"-addr", "127.0.0.1:0", "-sqlite", file}, newOutput(), newOutput())
	if exitCode(err) != 1 || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("exit code %d with %v", exitCode(err), err)
	}
}
