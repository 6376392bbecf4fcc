package sqlstoretest

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/sqlstore"
)

// workerVariable contains "DIR SOURCE" for a worker process: the test runs the
// test binary again, to kill it.
const workerVariable = "SQLSTORE_TEST_WORKER"

// everybody is a store of leads that is the same in every process.
type everybody struct{}

func (everybody) FindLead(_ context.Context, key recovery.LeadKey) (recovery.Lead, error) {
	return recovery.Lead{
		ID: key.Value, Version: "1", Status: recovery.StatusActive,
		Fields: map[string]recovery.FieldValue{"EmailAddress": {Value: key.Value, Verified: true}},
	}, nil
}

func (everybody) SetPasswordHash(context.Context, string, string) error {
	return recovery.ErrNotWritten
}

// A process is a complete Service on one file.
type process struct {
	service *recovery.Service
	queues  [2]*sqlstore.Queue
}

// onlyEnqueues hides that a queue has workers, so that they are not started.
type onlyEnqueues struct{ recovery.Queue }

func openProcess(source string, works bool, notifier recovery.Notifier) (p process, err error) {
	db, err := sql.Open("sqlite", source)
	if err != nil {
		return p, err
	}
	quiet := slog.New(slog.DiscardHandler)
	var queues [2]recovery.Queue
	for i, name := range []string{"recovery", "deliveries"} {
		if p.queues[i], err = sqlstore.NewQueue(db, sqlstore.SQLite, sqlstore.QueueOptions{Name: name, Workers: 8, Logger: quiet}); err != nil {
			return p, err
		}
		queues[i] = p.queues[i]
		if !works {
			queues[i] = onlyEnqueues{p.queues[i]}
		}
	}
	tokens, err := sqlstore.New(db, sqlstore.SQLite, sqlstore.Options{Timeout: 30 * time.Second, Logger: quiet})
	if err != nil {
		return p, err
	}
	much := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 100_000, Window: time.Hour}}}
	p.service, err = recovery.New(everybody{}, tokens, notifier, recovery.Options{
		Keys:                    [][]byte{testenv.Key("k")},
		Link:                    recovery.Link{URL: "https://portal.example.com/reset"},
		DangerouslyKeepSessions: true,
		Limits:                  recovery.Limits{Caller: much, ClientForgot: much, ClientCheck: much, Identifier: much, Lead: much, Recipient: much},
		Limiter:                 recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{}), // it waits for no lock, so that the queue has to
		Queue:                   queues[0], DeliveryQueue: queues[1], Logger: quiet,
	})
	return p, err
}

func (p process) ask(ctx context.Context, person int) error {
	_, err := p.service.ForgotPassword(ctx, recovery.ForgotRequest{
		Key: recovery.LeadKey{Field: "EmailAddress", Value: fmt.Sprintf("u%d@example.com", person)},
	})
	return err
}

// lockFile keeps everybody else from writing for a while, as a host's long
// transaction does, and returns when it has begun.
func lockFile(t *testing.T, db *sql.DB, d time.Duration) {
	conn, err := db.Conn(t.Context())
	if err == nil {
		_, err = conn.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	}
	if err != nil {
		t.Error(err)
		return
	}
	time.AfterFunc(d, func() {
		_, _ = conn.ExecContext(context.Background(), "ROLLBACK")
		_ = conn.Close()
	})
}

func exists(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name))
	return err == nil
}

// workerMain is the process that is killed. Its notifier writes a line for every
// message before it returns. While there is a file "hang", it does not return, and
// writes a file "hangs". The process ends with its standard input.
func workerMain() error {
	dir, source, _ := strings.Cut(os.Getenv(workerVariable), " ")
	diary, err := os.OpenFile(filepath.Join(dir, "diary"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	p, err := openProcess(source, true, recovery.NotifierFunc(func(_ context.Context, m recovery.Message) error {
		for exists(dir, "hang") { // to be killed in
			if err := os.WriteFile(filepath.Join(dir, "hangs"), nil, 0o600); err != nil {
				return err
			}
			time.Sleep(10 * time.Millisecond)
		}
		_, err := diary.WriteString(m.LeadID + " " + m.ID + "\n")
		return err
	}))
	if err != nil {
		return err
	}
	if n, _ := strconv.Atoi(os.Getenv(bulkVariable)); n > 0 {
		go sendBulk(dir, p.service, n)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	ctx, cancel := context.WithTimeout(context.Background(), testenv.Patience(10*time.Second))
	defer cancel()
	return p.service.Shutdown(ctx)
}

// startWorker starts a worker process, and returns how to kill it and how to end
// it.
func startWorker(t *testing.T, dir, source string, env ...string) (kill, end func()) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(append(os.Environ(), workerVariable+"="+dir+" "+source), env...)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	end = func() {
		_ = stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the worker ended with %v", err)
		}
	}
	return kill, end
}

// The worker is killed amid the requests, several times if they are many, and
// somebody else locks the file for longer than a request waits. Who is refused
// asks again, and each person gets a mail. There are 100 requests, or with
// RECOVERY_LONG=1 1,000.
func TestQueueSurvivesKills(t *testing.T) {
	t.Parallel()
	n, kills := 100, []int{30}
	if testenv.Long() {
		n, kills = 1000, []int{10, 25, 50, 75}
	}
	dir := t.TempDir()
	source := sqliteFile(t, "_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)&_txlock=immediate") // which syncs what it commits
	db := connect(t, "sqlite", source)
	start := func() (kill, end func()) { return startWorker(t, dir, source) }
	web, err := openProcess(source, false, recovery.NotifierFunc(func(context.Context, recovery.Message) error {
		t.Error("the process that only enqueues delivers")
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	// A worker that cannot hand a job over while the file is locked keeps it in
	// memory, and a kill at that moment loses it, as [recovery.Options].DeliveryQueue
	// says. So the lock ends, and these people have their mails, before the first
	// kill.
	early := n / 20
	asked, refused := make(chan struct{}), 0
	go func() {
		defer close(asked)
		for i := 0; i < n && t.Context().Err() == nil; i++ {
			if i == early {
				lockFile(t, db, 4*time.Second)
			}
			for web.ask(t.Context(), i) != nil && t.Context().Err() == nil {
				refused++
			}
			time.Sleep(5 * time.Millisecond) // so that it goes on through all of it
		}
	}()
	t.Cleanup(func() { <-asked })
	sent := func() map[string]int {
		text, err := os.ReadFile(filepath.Join(dir, "diary"))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		all := map[string]int{}
		for line := range strings.Lines(string(text)) {
			lead, _, _ := strings.Cut(line, " ")
			all[lead]++
		}
		return all
	}
	began, died := time.Now(), time.Time{}
	kill, end := start()
	atWork := 0
	testenv.Eventually(t, time.Minute, "those who asked before the lock have their mails", func() bool {
		all := sent()
		for i := range early {
			if all[fmt.Sprintf("u%d@example.com", i)] == 0 {
				return false
			}
		}
		return true
	})
	for _, part := range kills {
		testenv.Eventually(t, time.Minute, fmt.Sprintf("%d %% are sent", part), func() bool { return len(sent()) >= n*part/100 })
		hang := filepath.Join(dir, "hang")
		if err := os.WriteFile(hang, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		testenv.Eventually(t, time.Minute, "a job is at work", func() bool { return exists(dir, "hangs") })
		kill()
		died = time.Now()
		for _, name := range []string{hang, hang + "s"} {
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
		atWork += rowsOf(t, db, "lease <> 0")
		kill, end = start()
	}
	<-asked
	testenv.Eventually(t, time.Minute, "every job is done", func() bool { return rowsOf(t, db, "true") == 0 })
	took := time.Since(died)
	end()
	all, more := sent(), 0
	for _, times := range all {
		more += times - 1
	}
	if len(all) != n {
		t.Errorf("%d of %d people got a mail", len(all), n)
	}
	if refused == 0 {
		t.Error("nobody was refused while the file was locked, so this proves nothing")
	}
	if atWork == 0 {
		t.Error("the worker was killed with no job at work, so this proves nothing")
	}
	if took > testenv.Patience(30*time.Second) && n == 100 {
		t.Errorf("the jobs of the dead worker were done after %v, want 30 s at most", took)
	}
	t.Logf("%d requests, %d refusals, %d kills with %d jobs at work, %d mails, %d of them once more, in %v; the last %v after the last kill",
		n, refused, len(kills), atWork, len(all)+more, more, time.Since(began).Round(time.Millisecond), took.Round(time.Millisecond))
	if err := web.service.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// The next process tells of jobs that one began which ended without Shutdown, and says
// nothing of jobs that only waited.
func TestJobsOfAnEndedProcessAreTold(t *testing.T) {
	t.Parallel()
	for begun, want := range map[bool]int{true: 1, false: 0} {
		db := connect(t, "sqlite", sqliteFile(t, usual))
		now := time.Now()
		first := newQueue(t, db, func(o *sqlstore.QueueOptions) { o.Name = "told" })
		for _, id := range []string{"a", "b"} {
			job := recovery.Job{ID: id, Payload: []byte("p"), NotBefore: now, NotAfter: now.Add(time.Hour)}
			if err := first.Enqueue(t.Context(), job); err != nil {
				t.Fatal(err)
			}
		}
		if begun {
			execute(t, db, "UPDATE recovery_jobs SET lease = number, due = 1, attempts = 1")
		}
		var log bytes.Buffer
		next := newQueue(t, db, func(o *sqlstore.QueueOptions) {
			o.Name, o.Workers, o.Logger = "told", 1, slog.New(slog.NewTextHandler(&log, nil))
		})
		done := make(chan string, 2)
		if err := next.Start(handler(func(_ context.Context, job recovery.Job) error {
			done <- job.ID
			return nil
		})); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			select {
			case <-done:
			case <-time.After(testenv.Patience(20 * time.Second)):
				t.Fatal("a job was not performed")
			}
		}
		if err := next.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(log.String(), "have it call Shutdown of the Service before it ends\" queue=told jobs=2"); n != want {
			t.Errorf("begun %v: told %d times, want %d:\n%s", begun, n, want, &log)
		}
	}
}
