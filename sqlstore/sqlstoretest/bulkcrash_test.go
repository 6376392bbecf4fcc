package sqlstoretest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
)

// bulkVariable is to how many leads a worker process sends a message of one bulk.
const bulkVariable = "SQLSTORE_TEST_BULK"

// sendBulk sends to n leads, and leaves what became of it in the file "progress".
func sendBulk(dir string, service *recovery.Service, n int) {
	progress, err := service.SendToAll(context.Background(), recovery.BulkRequest{
		Name: "leak-2026", Purpose: recovery.PurposeForcedReset, PerSecond: 1000,
		LeadIDs: func(yield func(string, error) bool) {
			for i := range n {
				if !yield(fmt.Sprintf("u%d@example.com", i), nil) {
					return
				}
			}
		},
	})
	text := fmt.Sprintf("%+v, %v", progress, err)
	if err := os.WriteFile(filepath.Join(dir, "progress.part"), []byte(text), 0o600); err != nil {
		panic(err)
	}
	if err := os.Rename(filepath.Join(dir, "progress.part"), filepath.Join(dir, "progress")); err != nil {
		panic(err)
	}
}

// The process that sends to all leads is killed twice, and starts again with all
// of them. Each lead is sent one link: what a worker had just sent, and could not
// remember, comes a second time as the same message. There are 600 leads, or with
// RECOVERY_LONG=1 100,000.
func TestBulkSurvivesKills(t *testing.T) {
	t.Parallel()
	n, patience := 600, time.Minute
	if testenv.Long() {
		n, patience = 100_000, time.Hour
	}
	dir := t.TempDir()
	source := sqliteFile(t, "_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)&_txlock=immediate") // which syncs what it commits
	db := connect(t, "sqlite", source)
	sent := func() (messages map[string]map[string]int, total int) {
		text, err := os.ReadFile(filepath.Join(dir, "diary"))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		messages = map[string]map[string]int{}
		for line := range strings.Lines(string(text)) {
			lead, id, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			if messages[lead] == nil {
				messages[lead] = map[string]int{}
			}
			messages[lead][id]++
			total++
		}
		return messages, total
	}
	began := time.Now()
	bulk := fmt.Sprintf("%s=%d", bulkVariable, n)
	kill, end := startWorker(t, dir, source, bulk)
	for _, part := range []int{20, 60} {
		testenv.Eventually(t, patience, fmt.Sprintf("%d %% are sent", part), func() bool {
			_, total := sent()
			return total >= n*part/100
		})
		kill()
		if exists(dir, "progress") {
			t.Error("all was in the queue before the process was killed, so this proves less")
		}
		kill, end = startWorker(t, dir, source, bulk)
	}
	testenv.Eventually(t, patience, "the last process has sent to all", func() bool {
		return exists(dir, "progress") && rowsOf(t, db, "true") == 0
	})
	progress, err := os.ReadFile(filepath.Join(dir, "progress"))
	if err != nil {
		t.Fatal(err)
	}
	end()
	messages, total := sent()
	for lead, ids := range messages {
		if len(ids) != 1 {
			t.Errorf("%s was sent %d messages, want the same one: %v", lead, len(ids), ids)
		}
	}
	if len(messages) != n {
		t.Errorf("%d of %d leads were sent a link", len(messages), n)
	}
	// A killed process had 8 workers.
	if twice := total - n; twice > 2*8 {
		t.Errorf("%d messages came twice, want at most those that two killed processes were sending", twice)
	}
	t.Logf("%d leads, 2 kills, %d messages, %d of them once more, in %v; the last process: %s",
		n, total, total-len(messages), time.Since(began).Round(time.Millisecond), progress)
}
