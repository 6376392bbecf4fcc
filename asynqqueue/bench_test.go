package asynqqueue_test

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/asynqqueue"
	"github.com/seed-51359b35/recovery/internal/redistest"
)

// This measures the cost of a request, with 16 at a time, and Redis' memory for
// a job.
func BenchmarkEnqueue(b *testing.B) {
	client := redistest.Start(b).Client(b)
	q := newQueue(b, client, func(o *asynqqueue.Options) { o.MaxDepth = 10_000_000 })
	payload := bytes.Repeat([]byte("x"), 700) // as a Service seals it
	enqueue(b, q, newJob())
	before := client.Info(b.Context(), "memory").Val()
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
	b.ReportMetric(float64(usedMemory(client.Info(b.Context(), "memory").Val())-usedMemory(before))/float64(b.N), "redis-B/job")
}

func usedMemory(info string) (n int) {
	_, rest, _ := strings.Cut(info, "used_memory:")
	value, _, _ := strings.Cut(rest, "\r\n")
	n, _ = strconv.Atoi(value)
	return n
}

// This measures how many jobs a worker process performs if they take no time.
func BenchmarkPerform(b *testing.B) {
	client := redistest.Start(b).Client(b)
	q := newQueue(b, client, func(o *asynqqueue.Options) { o.MaxDepth, o.Workers = 10_000_000, 16 })
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
