package redisguard

import (
	"context"
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"
)

// AskAtStart asks the servers of [Options].Client once for their eviction policy,
// and warns of one that can drop what (A53). If no answer comes before ctx ends, it
// warns with the address and the cause, because Redis may come later. There is no
// warning if a server does not tell its policy. Lines begin with the name of the
// package. Beside that it calls [Guard.Reach] once, as Reach asks for.
func (g *Guard) AskAtStart(ctx context.Context, pkg, what string) {
	client, log := g.opts.Client, g.opts.Logger
	reached := make(chan error, 1)
	go func() { reached <- g.Reach(ctx, client) }()
	err := WarnOfEviction(ctx, client, log, pkg, what)
	if err == nil {
		return
	}
	if _, answered := errors.AsType[redis.Error](err); answered {
		log.Debug(pkg+": the eviction policy is not known", "error", err)
		return
	}
	// go-redis tries to connect again and again, and then says only that the time
	// is over. There is no wait for the other: a dialer may not heed ctx, as that
	// of go-redis for TLS does not.
	select {
	case refused := <-reached:
		if refused != nil {
			err = refused
		}
	default:
	}
	server := ""
	switch c := client.(type) {
	case *redis.Client:
		server = c.Options().Addr
	case *redis.ClusterClient:
		server = strings.Join(c.Options().Addrs, ", ")
	}
	log.Warn(pkg+": Redis does not answer. The program starts all the same, and every call fails until Redis answers", "server", server, "error", err)
}
