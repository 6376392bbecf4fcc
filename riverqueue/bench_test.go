package riverqueue_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/sqltest"
	"github.com/seed-51359b35/recovery/riverqueue"
)

// This measures the cost of a request, with 16 at a time, and the room that a
// job takes in the table and its indexes.
func BenchmarkEnqueue(b *testing.B) {
	pool := connect(b, newDatabase(b, sqltest.StartPostgreSQL(b)))
	must(b, riverqueue.Migrate(b.Context(), pool))
	q := newQueue(b, pool, func(o *riverqueue.Options) { o.MaxDepth = 10_000_000 })
	payload := bytes.Repeat([]byte("x"), 700) // as a Service seals it
	enqueue(b, q, newJob())
	const size = `SELECT pg_total_relation_size('river_job')`
	before := number(b, pool, size)
	b.ReportAllocs()
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			job := newJob()
			job.Payload = payload
			if err := q.Enqueue(b.Context(), job); err != nil {
				b.Error(err)
			}
		}
	})
	b.StopTimer()
	b.ReportMetric(float64(number(b, pool, size)-before)/float64(b.N), "table-B/job")
}

// This measures how many jobs a worker process performs if they take no time.
func BenchmarkPerform(b *testing.B) {
	pool := connect(b, newDatabase(b, sqltest.StartPostgreSQL(b)))
	must(b, riverqueue.Migrate(b.Context(), pool))
	q := newQueue(b, pool, func(o *riverqueue.Options) { o.MaxDepth, o.Workers, o.PollInterval = 10_000_000, 16, time.Second })
	jobs := make([]recovery.Job, b.N)
	for i := range jobs {
		jobs[i] = newJob()
		enqueue(b, q, jobs[i])
	}
	d := &diary{}
	b.ResetTimer()
	start(b, q, d)
	for deadline := time.Now().Add(10 * time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		d.mu.Lock()
		n := len(d.done)
		d.mu.Unlock()
		if n >= b.N {
			break
		}
	}
}
