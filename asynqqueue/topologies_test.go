package asynqqueue_test

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/asynqqueue"
	"github.com/seed-51359b35/recovery/internal/redistest"
)

// Several queues of a Cluster are on several masters. All keys of one queue are
// on one master.
func TestCluster(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t)
	cluster.Calm(t)
	for range 6 {
		works(t, cluster.Client(t))
	}
}

func TestSentinel(t *testing.T) {
	t.Parallel()
	sentinel := redistest.StartSentinel(t)
	sentinel.Calm(t)
	works(t, sentinel.FailoverClient(t))
}

// works makes two instances perform, repeat and give up jobs.
func works(t *testing.T, client redis.UniversalClient) {
	t.Helper()
	d := &diary{}
	d.perform = attemptsByPayload
	q := newQueue(t, client, nil)
	another := newQueue(t, client, func(o *asynqqueue.Options) { o.Name = q.Name() })
	var good []recovery.Job
	for range 20 {
		good = append(good, newJob())
	}
	bad, twice := newJob(), newJob()
	bad.Payload, twice.Payload = []byte("bad"), []byte("twice")
	enqueue(t, q, good...)
	enqueue(t, another, bad, twice)
	start(t, q, d)
	start(t, another, d)
	waitDone(t, d, good...)
	waitDone(t, d, twice)
	waitDead(t, d, bad)
	empty(t, q)
	must(t, shutdown(t, q, patience))
	must(t, shutdown(t, another, patience))
}
