package redisguard

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// Reach returns an error if the client's server takes no connection. Whoever
// tries whether Redis is back calls it first: go-redis itself, after as many
// refused connections as its pool has room for, tries only once a second. It
// opens a connection and closes it again, so it says nothing of clients that
// are no [*redis.Client], whose servers it does not know.
//
// To connect may take longer than a call may, for example to another continent
// and with TLS. So the try after one that did not get further does not connect
// again. And a DialHook of the host, which is not asked here, may know a way of
// its own. So one try of twenty goes on all the same, or one of 600 if Reach
// has ever connected: a host calls it once while Redis is up.
func (g *Guard) Reach(ctx context.Context, client redis.UniversalClient) error {
	c, ok := client.(*redis.Client)
	if !ok || g.reached.Swap(false) {
		return nil
	}
	o := c.Options()
	conn, err := o.Dialer(ctx, o.Network, o.Addr)
	if err == nil {
		_ = conn.Close() // it was reached, whatever became of the connection
		g.reached.Store(true)
		g.direct.Store(true)
		return nil
	}
	goesOn := int64(20)
	if g.direct.Load() {
		goesOn = 600
	}
	if g.refusals.Add(1)%goesOn == 0 {
		return nil
	}
	return err
}
