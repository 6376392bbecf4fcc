// Package redisstore keeps recovery's tokens, and counts its limits, on Redis:
// one winner for each token and exact windows across any number of instances.
//
// # Quick start
//
//	store, err := redisstore.New(client, redisstore.Options{})
//	if err != nil {
//		return err
//	}
//	service, err := recovery.New(leads, store, mailer, recovery.Options{
//		Limiter: store,
//		// ...
//	})
//
// client is any [redis.UniversalClient]: standalone, Sentinel or Cluster, with
// whatever options the host gave it. It stays the host's to close.
//
// # How it works
//
// Every operation is one Lua script on one key, on the server's clock, so it is
// atomic and right in a Cluster. All takes of one request share a round trip,
// and concurrent requests share them too, through the client's
// auto-pipeliner. That belongs to the client: its options are those of whoever
// asked for it first, and it is never closed here. Where they leave too little
// room (not full duplex, or a small window) it is not used, and a warning says
// so.
//
// A limit is an exact log of its last N calls, four bytes each, in one string.
// A key that is refused is remembered in this process until the refusal can
// end, so a flood of refused calls costs Redis nothing.
//
// A slot of tokens is one string too. It holds keyed digests and nothing that
// was sent to anybody. Every key has a time to live.
//
// # Faults
//
// Nothing is let through and no link is consumed while Redis is down, slow or
// failing over; everything works again by itself.
//
//   - An operation takes no longer than [Options].Timeout, whatever the client's
//     own timeouts are. While Redis stays down a breaker answers at once with
//     [ErrDown].
//   - go-redis repeats a script whose reply was lost, unless it is told not to;
//     here it is told, for each command and without a change to the client.
//     A claim can be repeated by its id, and recovery does so.
//   - A failover can lose the last writes. A token that comes back to life after
//     a reset is dead all the same, because it names a version that its lead no
//     longer has. To lose no claim either, set [Options].Replicas.
//   - Replies are checked to be about the key that was asked for
//     (CVE-2025-29923).
//
// # Operating
//
// Redis 6.2 or later, or Valkey. Set maxmemory-policy to noeviction: any other
// can drop tokens and counters when memory is short, and [New] warns of it. The
// user that the client signs in as needs EVAL, EVALSHA, INFO and WAIT, and for
// the scripts GET, SET, DEL and TIME, on keys that begin with
// [recovery.Options].Prefix. Several services can share a server under
// different prefixes.
package redisstore
