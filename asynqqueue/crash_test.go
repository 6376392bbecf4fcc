package asynqqueue_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/asynqqueue"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/redisstore"
)

// workerVariable contains "ADDR DIR" for a worker process: TestCrashes runs the
// test binary again, to kill it.
const workerVariable = "ASYNQQUEUE_TEST_WORKER"

// crashQueue and crashDeliveries are the names of the queues that both processes
// use.
const crashQueue, crashDeliveries = "crash", "crash-deliveries"

// people is a store of leads that is the same in every process, without
// anything that they share.
type people struct{}

func (people) FindLead(_ context.Context, key recovery.LeadKey) (recovery.Lead, error) {
	id := strings.TrimSuffix(key.Value, "@example.com")
	if !strings.HasPrefix(id, "u") {
		return recovery.Lead{}, recovery.ErrLeadNotFound
	}
	return recovery.Lead{
		ID: id, Version: "1", Status: recovery.StatusActive,
		Fields: map[string]recovery.FieldValue{"EmailAddress": {Value: id + "@example.com", Verified: true}},
	}, nil
}

func (people) SetPasswordHash(context.Context, string, string) error { return recovery.ErrNotWritten }

// crashService returns the Service of both processes. Only the queue differs.
func crashService(client redis.UniversalClient, queue, deliveries recovery.Queue, notifier recovery.Notifier, events recovery.EventSink) (*recovery.Service, error) {
	tokens, err := redisstore.New(client, redisstore.Options{Timeout: 5 * time.Second, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	return recovery.New(people{}, tokens, notifier, recovery.Options{
		Keys:                    [][]byte{testenv.Key("k")},
		Link:                    recovery.Link{URL: "https://portal.example.com/reset"},
		DangerouslyKeepSessions: true,
		Limits:                  relaxed(),
		Queue:                   queue, DeliveryQueue: deliveries, Events: events, Logger: slog.New(slog.DiscardHandler),
	})
}

// workerMain is the other process: a complete Service. Its notifier writes a
// line for every message before it returns. The process ends with its standard
// input.
func workerMain() int {
	addr, dir, _ := strings.Cut(os.Getenv(workerVariable), " ")
	diary, err := os.OpenFile(filepath.Join(dir, "diary"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	note := func(words ...string) error {
		if _, err := diary.WriteString(strings.Join(words, " ") + "\n"); err != nil {
			return err
		}
		return diary.Sync()
	}
	client := redis.NewClient(&redis.Options{Addr: addr})
	defer func() { _ = client.Close() }()
	var queues [2]*asynqqueue.Queue
	for i, name := range []string{crashQueue, crashDeliveries} {
		if queues[i], err = asynqqueue.New(client, asynqqueue.Options{
			Name: name, Workers: 8, PollInterval: 50 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
		}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	notifier := recovery.NotifierFunc(func(_ context.Context, m recovery.Message) error {
		time.Sleep(20 * time.Millisecond) // to be killed in
		if _, err := os.Stat(filepath.Join(dir, "outage")); err == nil {
			return errors.New("the mail server is down")
		}
		return note("sent", m.ID, m.LeadID, m.URL.Reveal())
	})
	events := func(_ context.Context, e recovery.Event) {
		switch {
		case e.Reason == recovery.ReasonTokenSpent:
			_ = note("spent", e.JobID, e.LeadID)
		case e.Kind == recovery.EventDeadLetter, e.Kind == recovery.EventMessageSuppressed:
			_ = note("lost", e.JobID, string(e.Kind), string(e.Reason))
		}
	}
	service, err := crashService(client, queues[0], queues[1], notifier, events)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	ctx, cancel := context.WithTimeout(context.Background(), testenv.Patience(10*time.Second))
	defer cancel()
	if err := service.Shutdown(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// otherProcess is a process that runs workerMain.
type otherProcess struct {
	t     *testing.T
	cmd   *exec.Cmd
	stdin io.Closer
}

func startWorker(t *testing.T, addr, dir string) *otherProcess {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s", workerVariable, addr, dir))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	return &otherProcess{t, cmd, stdin}
}

func (p *otherProcess) kill() {
	p.t.Helper()
	must(p.t, p.cmd.Process.Kill())
	_ = p.cmd.Wait()
}

func (p *otherProcess) end() {
	p.t.Helper()
	_ = p.stdin.Close()
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("the worker ended with %v", err)
	}
}

// asked is the record of the requests so far.
type asked struct {
	mu       sync.Mutex
	accepted map[string]string // lead by job
	tried    map[string]int    // requests by lead
}

type jobKey struct{}

// jobs is a queue that tells the caller which job a request made.
type jobs struct{ *asynqqueue.Queue }

func (j jobs) Enqueue(ctx context.Context, job recovery.Job) error {
	if id, ok := ctx.Value(jobKey{}).(*string); ok {
		*id = job.ID
	}
	return j.Queue.Enqueue(ctx, job)
}

// ask makes n requests that are accepted, three for most leads and five for
// some.
func (a *asked) ask(service *recovery.Service, n int) {
	for i := 0; ; {
		a.mu.Lock()
		enough := len(a.accepted) >= n
		a.mu.Unlock()
		if enough {
			return
		}
		lead := "u" + strconv.Itoa(i/17*5+[17]int{0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 4, 4}[i%17])
		var id string
		ctx := context.WithValue(context.Background(), jobKey{}, &id)
		_, err := service.ForgotPassword(ctx, recovery.ForgotRequest{Key: recovery.LeadKey{Field: "EmailAddress", Value: lead + "@example.com"}})
		a.mu.Lock()
		a.tried[lead]++
		if err == nil {
			a.accepted[id] = lead
		}
		a.mu.Unlock()
		if err == nil {
			i++
		}
		time.Sleep(10 * time.Millisecond) // so that it goes on through all of it
	}
}

func (a *asked) jobs() map[string]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.accepted)
}

// readDiary returns the lines by their first word and the job.
func readDiary(t *testing.T, dir string) map[string]map[string][]string {
	t.Helper()
	lines := map[string]map[string][]string{"sent": {}, "spent": {}, "lost": {}}
	f, err := os.Open(filepath.Join(dir, "diary"))
	if errors.Is(err, os.ErrNotExist) {
		return lines
	}
	must(t, err)
	defer func() { _ = f.Close() }()
	for scanner := bufio.NewScanner(f); scanner.Scan(); {
		words := strings.Fields(scanner.Text())
		if len(words) > 2 {
			lines[words[0]][words[1]] = append(lines[words[0]][words[1]], strings.Join(words[2:], " "))
		}
	}
	return lines
}

// The worker is killed twice, the mail server fails for a while, and Redis
// crashes. Every message whose request was accepted is delivered, and no lead
// has more than three live links. With RECOVERY_LONG=1 there are 1,000
// requests, and the test waits until the leases of the killed workers end.
// Otherwise there are 200, and the test makes the leases end at once.
func TestCrashes(t *testing.T) {
	t.Parallel()
	long := testenv.Long()
	n, wait := 200, 60*time.Second
	if long {
		n, wait = 1000, 5*time.Minute
	}
	server := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	client, dir := server.Client(t), t.TempDir()
	open := func(name string) *asynqqueue.Queue {
		return newQueue(t, client, func(o *asynqqueue.Options) {
			o.Name, o.EnqueueOnly, o.Workers, o.Timeout = name, true, 0, time.Second
		})
	}
	queue, deliveries := open(crashQueue), open(crashDeliveries)
	nobody := recovery.NotifierFunc(func(context.Context, recovery.Message) error {
		t.Error("the instance that only enqueues delivers")
		return nil
	})
	web, err := crashService(client, jobs{queue}, deliveries, nobody, nil)
	must(t, err)
	a := &asked{accepted: map[string]string{}, tried: map[string]int{}}
	var asking sync.WaitGroup
	asking.Go(func() { a.ask(web, n) })

	until := func(what string, so func(diary map[string]map[string][]string) bool) {
		t.Helper()
		for deadline := testenv.Within(wait); !so(readDiary(t, dir)); time.Sleep(20 * time.Millisecond) {
			if deadline.Over() {
				t.Fatalf("%s: not within %v", what, wait)
			}
		}
	}
	delivered := func(part int) func(map[string]map[string][]string) bool {
		return func(diary map[string]map[string][]string) bool { return len(diary["sent"]) >= n*part/100 }
	}
	next := func(worker *otherProcess) *otherProcess {
		worker.kill()
		if orphans := client.LLen(t.Context(), activeKey(queue)).Val() + client.LLen(t.Context(), activeKey(deliveries)).Val(); orphans == 0 {
			t.Log("the worker was killed with no job at work")
		}
		if !long {
			rewind(t, client, crashQueue)
			rewind(t, client, crashDeliveries)
		}
		return startWorker(t, server.Addr, dir)
	}
	began := time.Now()
	worker := startWorker(t, server.Addr, dir)
	until("a tenth", delivered(10))
	worker = next(worker)
	until("a quarter", delivered(25))
	outage := filepath.Join(dir, "outage")
	must(t, os.WriteFile(outage, nil, 0o600))
	time.Sleep(500 * time.Millisecond)
	server.Kill()
	time.Sleep(200 * time.Millisecond)
	server.Restart()
	time.Sleep(500 * time.Millisecond)
	must(t, os.Remove(outage))
	until("a half", delivered(50))
	// What a worker hands over to the second queue during an outage is in its
	// memory alone, see recovery.Options.DeliveryQueue.
	until("every job is in Redis or done", func(map[string]map[string][]string) bool {
		accepted := a.jobs()
		stored := strings.Join(client.Keys(t.Context(), "asynq:*:t:*").Val(), " ")
		diary := readDiary(t, dir) // a job leaves Redis after its line is there
		for id := range accepted {
			if !strings.Contains(stored, id) && diary["sent"][id] == nil && diary["spent"][id] == nil && diary["lost"][id] == nil {
				return false
			}
		}
		return true
	})
	worker = next(worker)
	asking.Wait()

	accepted := a.jobs()
	until("all", func(diary map[string]map[string][]string) bool {
		for id := range accepted {
			if diary["sent"][id] == nil && diary["spent"][id] == nil && diary["lost"][id] == nil {
				return false
			}
		}
		return true
	})
	empty(t, queue)
	worker.end()
	diary := readDiary(t, dir)
	twice, links := 0, map[string]int{}
	for id, lead := range accepted {
		if diary["lost"][id] != nil {
			t.Errorf("job %s was lost: %v", id, diary["lost"][id])
		}
		// A fourth link replaces the youngest. A link that is replaced before
		// it was sent is not sent.
		if diary["sent"][id] == nil && a.tried[lead] <= 3 {
			t.Errorf("job %s was not delivered, although its lead asked %d times", id, a.tried[lead])
		}
	}
	for _, sent := range diary["sent"] {
		twice += len(sent) - 1
		lead, link, _ := strings.Cut(sent[0], " ")
		u, err := url.Parse(link)
		must(t, err)
		switch _, err := web.CheckProof(t.Context(), recovery.CheckProofRequest{Proof: recovery.TokenProof(u.Query().Get("token"))}); {
		case err == nil:
			links[lead]++
		case !errors.Is(err, recovery.ErrInvalidProof):
			t.Errorf("CheckProof: %v", err)
		}
	}
	for lead, asked := range a.tried {
		if live := links[lead]; live > 3 || live < min(asked, 3) && asked <= 3 || live == 0 {
			t.Errorf("%s asked %d times and has %d live links", lead, asked, live)
		}
	}
	t.Logf("%d requests accepted of %d, %d messages, %d of them once more, %d spent, in %v",
		len(accepted), sum(a.tried), len(diary["sent"])+twice, twice, len(diary["spent"]), time.Since(began).Round(time.Millisecond))
	must(t, web.Shutdown(t.Context()))
}

func sum(m map[string]int) (n int) {
	for v := range maps.Values(m) {
		n += v
	}
	return n
}
