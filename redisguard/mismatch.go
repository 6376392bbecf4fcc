package redisguard

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
)

// mismatchLimit is how long it may take to find out whether both sides agree on
// TLS. Nobody waits for it.
const mismatchLimit = 2 * time.Second

// explain logs it if Redis does not answer because one side speaks TLS and the
// other does not. go-redis reports that as "EOF", as a reset connection or as a
// timeout, which says nothing to whoever has to mend it.
func (g *Guard) explain() {
	client, ok := g.opts.Client.(*redis.Client)
	if !ok || g.explains.Swap(true) {
		return
	}
	go func() {
		defer g.explains.Store(false)
		ctx, cancel := context.WithTimeout(context.Background(), mismatchLimit)
		defer cancel()
		switch o := client.Options(); {
		case o.TLSConfig == nil && serverSpeaksTLS(ctx, o):
			g.opts.Logger.Error("redisguard: the server of Redis speaks TLS and the client does not; give the client a TLSConfig, or the right port", "server", o.Addr)
		case o.TLSConfig != nil && serverSpeaksPlainText(ctx, o):
			g.opts.Logger.Error("redisguard: the client speaks TLS and the server of Redis does not; give the client no TLSConfig, or the right port", "server", o.Addr)
		}
	}()
}

// serverSpeaksTLS asks for a TLS handshake, and sends nothing else. So it does
// not matter whose certificate it gets.
func serverSpeaksTLS(ctx context.Context, o *redis.Options) bool {
	conn, err := o.Dialer(ctx, o.Network, o.Addr)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	err = tls.Client(conn, &tls.Config{InsecureSkipVerify: true}).HandshakeContext(ctx)
	_, refused := errors.AsType[tls.AlertError](err) // in TLS' own words
	return err == nil || refused
}

// serverSpeaksPlainText sends a PING without TLS, and nothing else: no password
// may go out in the clear. Redis answers it, also if it wants a password.
func serverSpeaksPlainText(ctx context.Context, o *redis.Options) bool {
	conn, err := new(net.Dialer).DialContext(ctx, o.Network, o.Addr)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline)
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	first := make([]byte, 1)
	_, err = conn.Read(first)
	return err == nil && (first[0] == '+' || first[0] == '-')
}
