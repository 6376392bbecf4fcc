package asynqqueue_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/asynqqueue"
	"github.com/seed-51359b35/recovery/durablequeue"
	"github.com/seed-51359b35/recovery/internal/testenv"
)

// A golden is a job as it waits in Redis, without what asynq stores around it.
type golden struct {
	Job     recovery.Job
	Queue   string // its name by default
	Type    string
	Payload []byte
}

// A task that an earlier version enqueued is performed by this one.
func TestGolden(t *testing.T) {
	testenv.Golden(t, writeGolden, readGolden)
}

func writeGolden(t *testing.T) []golden {
	_, client := simulated(t)
	q := newQueue(t, client, func(o *asynqqueue.Options) { o.Name = "" })
	notBefore := time.Date(2026, 1, 2, 3, 4, 5, 678_901_234, time.UTC)
	// This is far in the future, because the clock of a worker cannot be set.
	notAfter := time.Date(2200, 6, 7, 8, 9, 10, 111_213_141, time.UTC)
	var all []golden
	for _, job := range []recovery.Job{
		{ID: "JOB-1", NotBefore: notBefore, NotAfter: notAfter, Payload: []byte("\x00sealed\n\xff")},
		{ID: "job.2", NotAfter: notAfter, Payload: []byte("sealed")}, // at once
	} {
		enqueue(t, q, job)
		inspector := asynq.NewInspectorFromRedisClient(client)
		task, err := inspector.GetTaskInfo(q.Name(), job.ID)
		must(t, err)
		all = append(all, golden{job, task.Queue, task.Type, task.Payload})
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
	_, client := simulated(t)
	enqueuer := asynq.NewClientFromRedisClient(client)
	for _, g := range all {
		job, err := durablequeue.Decode(g.Job.ID, g.Payload)
		must(t, err)
		same("Decode", job, g.Job)
		_, err = enqueuer.Enqueue(asynq.NewTask(g.Type, g.Payload), asynq.TaskID(g.Job.ID), asynq.Queue(g.Queue))
		must(t, err)
	}
	performed := make(chan recovery.Job, len(all))
	d := &diary{perform: func(_ context.Context, job recovery.Job, _ int) error {
		performed <- job
		return nil
	}}
	q := start(t, newQueue(t, client, func(o *asynqqueue.Options) { o.Name = "" }), d)
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
