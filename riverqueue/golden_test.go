package riverqueue_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/riverqueue"
)

// A golden is a job as it waits in River's table.
type golden struct {
	Job                     recovery.Job
	Queue                   string // its name by default
	Kind, Args              string
	UniqueKey, UniqueStates string
}

// A task that an earlier version enqueued is performed by this one.
func TestGolden(t *testing.T) {
	testenv.Golden(t, writeGolden, readGolden)
}

func writeGolden(t *testing.T) []golden {
	pool := database(t)
	q := newQueue(t, pool, func(o *riverqueue.Options) { o.Name = "" })
	notBefore := time.Date(2026, 1, 2, 3, 4, 5, 678_901_234, time.UTC)
	// This is far in the future, because the clock of a worker cannot be set.
	notAfter := time.Date(2200, 6, 7, 8, 9, 10, 111_213_141, time.UTC)
	var all []golden
	for _, job := range []recovery.Job{
		{ID: "JOB-1", NotBefore: notBefore, NotAfter: notAfter, Payload: []byte("\x00sealed\n\xff")},
		{ID: "job.2", NotAfter: notAfter, Payload: []byte("sealed")}, // at once
	} {
		enqueue(t, q, job)
		g := golden{Job: job}
		must(t, pool.QueryRow(t.Context(), `SELECT queue, kind, args::text, encode(unique_key, 'hex'), unique_states::text
			FROM river_job WHERE args->>'id' = $1`, job.ID).Scan(&g.Queue, &g.Kind, &g.Args, &g.UniqueKey, &g.UniqueStates))
		all = append(all, g)
	}
	return all
}

func readGolden(t *testing.T, all []golden) {
	if len(all) == 0 {
		t.Fatal("the file is empty")
	}
	same := func(what string, got, want recovery.Job) {
		t.Helper()
		if got.ID != want.ID || !got.NotBefore.Equal(want.NotBefore) || got.NotBefore.IsZero() != want.NotBefore.IsZero() ||
			!got.NotAfter.Equal(want.NotAfter) || !bytes.Equal(got.Payload, want.Payload) {
			t.Errorf("%s: %+v, want %+v", what, got, want)
		}
	}
	pool := database(t)
	for _, g := range all {
		run(t, pool, `INSERT INTO river_job (queue, kind, args, max_attempts, unique_key, unique_states)
			VALUES ($1, $2, $3::text::jsonb, 32767, decode($4, 'hex'), $5::text::bit(8))`, g.Queue, g.Kind, g.Args, g.UniqueKey, g.UniqueStates)
	}
	// It is still the same job for the queue.
	again := newQueue(t, pool, func(o *riverqueue.Options) { o.Name = "" })
	for _, g := range all {
		enqueue(t, again, g.Job)
	}
	if n := number(t, pool, "SELECT count(*) FROM river_job"); n != len(all) {
		t.Errorf("%d jobs were enqueued again", n-len(all))
	}
	performed := make(chan recovery.Job, len(all))
	d := &diary{perform: func(_ context.Context, job recovery.Job, _ int) error {
		performed <- job
		return nil
	}}
	q := start(t, newQueue(t, pool, func(o *riverqueue.Options) { o.Name = "" }), d)
	for _, g := range all {
		waitDone(t, d, g.Job)
	}
	empty(t, q)
	got := map[string]recovery.Job{}
	for range all {
		job := <-performed
		got[job.ID] = job
	}
	for _, g := range all {
		same("what was performed", got[g.Job.ID], g.Job)
	}
}
