package snippets_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
	"github.com/seed-51359b35/recovery/sqlstore"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// inFile are the options of a program that keeps mails that wait in SQLite.
func inFile(db *sql.DB, store *sqlstore.Store, key []byte) recovery.Options {
	return recovery.Options{
		Keys: [][]byte{key}, Limiter: store,
		Link:   recovery.Link{URL: "https://portal.example.com/account/reset"},
		Fields: fields, DangerouslyKeepSessions: true, Logger: quiet,
		Queue:         must(sqlstore.NewQueue(db, sqlstore.SQLite, sqlstore.QueueOptions{})),
		DeliveryQueue: must(sqlstore.NewQueue(db, sqlstore.SQLite, sqlstore.QueueOptions{Name: "recovery-deliveries"})),
	}
}

// A mail that one run of a program could not send is sent by the next one.
func TestMailsWaitInSQLite(t *testing.T) {
	t.Parallel()
	source := "file:" + filepath.Join(t.TempDir(), "app.db") + "?_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)&_txlock=immediate"
	leads, key := recoverytest.NewLeads(fields...), recovery.NewKey()
	leads.Add(ada, "")
	start := func(mailer recovery.Notifier) (service *recovery.Service, stop func()) {
		db := must(sql.Open("sqlite", source))
		if err := sqlstore.Migrate(t.Context(), db, sqlstore.SQLite); err != nil {
			t.Fatal(err)
		}
		store := must(sqlstore.New(db, sqlstore.SQLite, sqlstore.Options{}))
		service = must(recovery.New(leads, store, mailer, inFile(db, store, key)))
		return service, func() {
			if err := errors.Join(service.Shutdown(context.Background()), db.Close()); err != nil {
				t.Error(err)
			}
		}
	}
	tried := make(chan string, 99)
	first, stop := start(recovery.NotifierFunc(func(context.Context, recovery.Message) error {
		tried <- ""
		return errors.New("the mail server is down")
	}))
	ask(t, first, tried)
	stop()
	links := make(chan string, 1)
	second, stop := start(toChannel(links))
	defer stop()
	if err := reset(second, next(t, links)); err != nil {
		t.Error(err)
	}
}
