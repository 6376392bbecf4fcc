package redisguard

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// Reach returns an error if the client's server takes no connection. Call it
// before a call while [Guard.Failing] says so: go-redis itself, after as many
// refused connections as its pool has room for, tries to connect only once a
// second, and it counts those of all outages together. Reach opens a connection
// and closes it again. It returns nil for a client that is no [*redis.Client],
// because it does not know the servers.
//
// In two cases Reach returns nil although it has not connected. Otherwise a Redis
// that is back could count as down for ever:
//
//   - After a Reach that connected, the next one returns nil at once, unless a
//     call succeeded meanwhile. To connect can take as long as a whole call may,
//     for example to another continent with TLS, and then no time is left for the
//     call.
//   - Every 20th failure is not reported, because a DialHook of the host, which
//     Reach does not use, may know another way to the server. Once Reach has
//     connected, that is unlikely, and only every 600th is not reported. So call
//     Reach once while Redis is up.
func (g *Guard) Reach(ctx context.Context, client redis.UniversalClient) error {
	c, ok := client.(*redis.Client)
	if !ok || g.reached.Swap(false) {
		return nil
	}
	err := connect(ctx, c)
	if err == nil {
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

// connect opens a connection to a client's server, beside the client's pool, and
// closes it again.
func connect(ctx context.Context, c *redis.Client) error {
	o := c.Options()
	conn, err := o.Dialer(ctx, o.Network, o.Addr)
	if err == nil {
		_ = conn.Close() // it was reached, whatever became of the connection
	}
	return err
}
