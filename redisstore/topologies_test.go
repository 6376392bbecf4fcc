package redisstore_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery/internal/redistest"
)

// The keys of one call may lie on three masters, and a script must only name
// its own.
func TestCluster(t *testing.T) {
	t.Parallel() // the suites mostly wait
	cluster := redistest.StartCluster(t)
	var masters []*redis.Client
	for _, node := range cluster.Nodes[:3] {
		masters = append(masters, node.Client(t))
	}
	suites(t, cluster.Client(t), cluster.Client(t), 100*time.Millisecond, masters...)
}

func TestSentinel(t *testing.T) {
	t.Parallel() // the suites mostly wait
	sentinel := redistest.StartSentinel(t)
	suites(t, sentinel.FailoverClient(t), sentinel.FailoverClient(t), 100*time.Millisecond, sentinel.Master(t).Client(t))
}
