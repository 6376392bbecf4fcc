package redisstore

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// replicaWait is how long WAIT waits for replicas. The reply has to come back
// within Timeout, and Redis looks for clients that waited long enough only ten
// times a second. WAIT 0 is for ever.
func (n *node) replicaWait() time.Duration {
	wait := max(n.timeout/2, n.timeout-150*time.Millisecond)
	// go-redis gives up a connection that is silent for longer.
	if silent := readTimeout(n.client); silent > 0 {
		wait = min(wait, silent/2)
	}
	return max(wait, time.Millisecond)
}

func readTimeout(client redis.UniversalClient) time.Duration {
	switch c := client.(type) {
	case *redis.Client:
		return c.Options().ReadTimeout
	case *redis.ClusterClient:
		return c.Options().ReadTimeout
	}
	return 0
}

// masterOf returns the client of one master of a Cluster, because WAIT asks about
// the writes of its own connection. The jobs of a call have one master, but for
// the first calls and while slots move. Those of another master are answered
// MOVED: nothing was claimed, and the same claim made again finds its master.
func (c *call[V]) masterOf(ctx context.Context, cluster *redis.ClusterClient) (*redis.Client, error) {
	master, err := cluster.MasterForKey(ctx, c.jobs[0].key)
	if err != nil {
		return nil, wrap(err)
	}
	return master, nil
}
