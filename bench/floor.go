package main

import (
	"context"
	"net"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// A decide asks a limiter to admit one call.
type decide func(ctx context.Context, key string) (admitted bool, err error)

// A place is where a target finds Redis.
type place struct {
	// addrs are one server, or the nodes of a Cluster.
	addrs []string
	// far says that a distance is put in between.
	far bool
	// dial replaces the target's own dialer, to count what goes over the
	// wire. hook sees the commands of a go-redis client. Both are nil while
	// speed is measured.
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
	hook redis.Hook
}

// at is the place of one server.
func at(addr string) place { return place{addrs: []string{addr}} }

// client is a go-redis client with the defaults of go-redis, but for edits,
// which a Cluster's has none of.
func (p place) client(edits ...func(*redis.Options)) redis.UniversalClient {
	var client redis.UniversalClient
	if len(p.addrs) > 1 {
		client = redis.NewClusterClient(&redis.ClusterOptions{Addrs: p.addrs, Dialer: p.dial})
	} else {
		o := &redis.Options{Addr: p.addrs[0], Dialer: p.dial}
		for _, edit := range edits {
			edit(o)
		}
		client = redis.NewClient(o)
	}
	if p.hook != nil {
		client.AddHook(p.hook)
	}
	return client
}

// A target is something that can be asked.
type target struct {
	name string
	// open connects; the function that it returns ends that.
	open func(at place) (decide, func(), error)
	// memory says that the target counts something per key.
	memory bool
	// exact says that the target promises never to admit more than N in any
	// window; what all others promise is less.
	exact bool
	// local says that denials may be answered without Redis.
	local bool
}

// floorTarget is what everything is held against: the cheapest script there
// is, through a client with default options.
var floorTarget = target{name: "floor (EVALSHA return 1)", open: func(at place) (decide, func(), error) {
	client := at.client()
	sha, err := client.ScriptLoad(context.Background(), "return 1").Result()
	if err != nil {
		return nil, nil, err
	}
	return func(ctx context.Context, key string) (bool, error) {
		return true, client.EvalSha(ctx, sha, []string{key}).Err()
	}, closer(client), nil
}}

// getTarget reads one small value.
var getTarget = target{name: "GET", open: func(at place) (decide, func(), error) {
	client := at.client()
	if err := client.Set(context.Background(), "value", "25", 0).Err(); err != nil {
		return nil, nil, err
	}
	return func(ctx context.Context, _ string) (bool, error) {
		return true, client.Get(ctx, "value").Err()
	}, closer(client), nil
}}

func closer(c interface{ Close() error }) func() { return func() { _ = c.Close() } }

// wire counts round trips: with one caller, each is one write to a socket.
type wire struct{ writes atomic.Int64 }

func (w *wire) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &countedConn{c, w}, nil
}

type countedConn struct {
	net.Conn
	wire *wire
}

func (c *countedConn) Write(b []byte) (int, error) {
	c.wire.writes.Add(1)
	return c.Conn.Write(b)
}
