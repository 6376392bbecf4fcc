package sqlexample

import (
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// open returns a database with an empty table. In a file other connections can
// lock it. It does not wait for the disk, which may be busy with other tests for
// longer than a connection waits for the lock.
func open(t *testing.T) *sql.DB {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "app.db")+
		"?_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=busy_timeout(1000)&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	execute(t, db, Schema)
	return db
}

func execute(t *testing.T, db *sql.DB, statement string, args ...any) sql.Result {
	result, err := db.Exec(statement, args...)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// harness tells the suite what it cannot do by the contract: what the rest of
// the application does with its table, and how the database fails.
func harness(store func(db *sql.DB) recovery.LeadStore) recoverytest.LeadStoreHarness {
	var db *sql.DB // of the clause
	var lock *sql.Tx
	return recoverytest.LeadStoreHarness{
		New: func(t *testing.T) recovery.LeadStore {
			db = open(t)
			return store(db)
		},
		Add: func(t *testing.T, _ recovery.LeadStore, lead recovery.Lead, hash string) string {
			email := lead.Fields["EmailAddress"]
			id, err := execute(t, db, "INSERT INTO users (email, verified, status, password_hash) VALUES (?, ?, ?, ?)",
				email.Value, email.Verified, lead.Status, hash).LastInsertId()
			if err != nil {
				t.Fatal(err)
			}
			return strconv.FormatInt(id, 10)
		},
		ReadHash: func(t *testing.T, _ recovery.LeadStore, id string) (hash string) {
			if err := db.QueryRow("SELECT password_hash FROM users WHERE id = ?", id).Scan(&hash); err != nil {
				t.Fatal(err)
			}
			return hash
		},
		SetValue: func(t *testing.T, _ recovery.LeadStore, id, _, value string) {
			execute(t, db, "UPDATE users SET email = ? WHERE id = ?", value, id)
		},
		SetStatus: func(t *testing.T, _ recovery.LeadStore, id string, status recovery.LeadStatus) {
			execute(t, db, "UPDATE users SET status = ? WHERE id = ?", status, id)
		},
		Stall: func(t *testing.T, _ recovery.LeadStore) {
			var err error
			if lock, err = db.Begin(); err != nil { // keeps all writers waiting
				t.Fatal(err)
			}
		},
		Break: func(t *testing.T, _ recovery.LeadStore) { execute(t, db, "ALTER TABLE users RENAME TO away") },
		Mend: func(t *testing.T, _ recovery.LeadStore) {
			if lock == nil {
				execute(t, db, "ALTER TABLE away RENAME TO users")
				return
			}
			if err := lock.Rollback(); err != nil {
				t.Fatal(err)
			}
			lock = nil
		},
	}
}

func TestLeads(t *testing.T) {
	recoverytest.TestLeadStore(t, harness(func(db *sql.DB) recovery.LeadStore { return Leads{db} }))
}

// draftVariable makes this test binary test the draft, which fails.
const draftVariable = "RECOVERY_TEST_DRAFT"

func TestDraft(t *testing.T) {
	if os.Getenv(draftVariable) == "" {
		t.Skip("TestPage runs it")
	}
	recoverytest.TestLeadStore(t, harness(func(db *sql.DB) recovery.LeadStore { return Draft{Leads{db}} }))
}

// TestPage shows that the page has the code of this package, and that the draft
// fails as it is printed there.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/own-store.md")
	if err != nil {
		t.Fatal(err)
	}
	var code string
	for _, file := range []string{"leads.go", "leads_test.go"} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		code += string(b)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestDraft$")
	cmd.Env = append(os.Environ(), draftVariable+"=1")
	run, err := cmd.CombinedOutput()
	if err == nil {
		t.Errorf("the draft passes:\n%s", run)
	}
	blocks := regexp.MustCompile("(?s)```(go|sql|text)\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) < 5 {
		t.Errorf("%d blocks of code on the page, want 5 or more", len(blocks))
	}
	for _, block := range blocks {
		kind, text := block[1], strings.TrimSuffix(block[2], "\n")
		where, name := code, "the code"
		if kind == "text" {
			where, name = printed(string(run)), "the run of the draft"
			text = printed(text)
		}
		if !strings.Contains(where, text) {
			t.Errorf("this is not in %s:\n%s\n%s", name, text, where)
		}
	}
}

// printed returns the output of a test without what differs from run to run, and
// without the lines of code, which move.
func printed(output string) string {
	output = regexp.MustCompile(`\(\d+\.\d+s\)`).ReplaceAllString(output, "(0.00s)")
	output = regexp.MustCompile(`(\w+\.go):\d+`).ReplaceAllString(output, "$1")
	return regexp.MustCompile(`\$argon2id\S+`).ReplaceAllString(output, "$$argon2id")
}
