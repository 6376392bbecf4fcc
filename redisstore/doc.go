// Package redisstore keeps recovery's tokens and counts its limits on Redis.
// Each token has one winner, and the windows of limits are exact, across any
// number of instances.
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
// any options. The host closes it.
//
// # How it works
//
// Every operation on a key runs in a Lua script, on the server's clock. So it is
// atomic. While calls to Redis are out, whoever else asks waits, and goes along
// with the next call: one script decides for all of them (package groupcommit).
// So the busier the program is, the less an operation costs.
// In a Cluster, and behind a proxy that answers CROSSSLOT, every key has a run of
// its own, and the runs share a round trip. A proxy that spreads keys over
// servers without that answer cannot be used: connect to the Cluster itself.
//
// A limit is an exact log of its last N calls, four bytes each, in one string.
// While a key is refused, this process remembers that (package denials). So a
// flood of refused calls costs Redis nothing.
//
// A slot of tokens is one string too. It holds keyed digests, and nothing that
// was sent to anybody. Every key has a time to live.
//
// # Faults
//
// While Redis is down, slow or failing over, no call is allowed and no link is
// consumed. Everything works again by itself afterwards.
//
//   - An operation takes no longer than [Options].Timeout, whatever the
//     client's own timeouts are. While Redis stays down, every operation
//     returns [ErrDown] at once.
//   - Redis is used again within a quarter of a second after it is back. It can
//     be a second if go-redis failed to connect as often as its pool has
//     connections, because it then tries only once a second. From the first
//     failure on this package connects by itself before it asks go-redis, so
//     that only a pool of a few connections fails so often. A client of its
//     own with DialerRetries 1000 and DialerRetryTimeout 50 ms never does. But
//     its callers wait for their PoolTimeout while Redis is down.
//   - Operations that share a script fail together where Redis refuses to run
//     it, for example because its memory is full.
//   - By default go-redis repeats a script whose reply was lost. This package
//     turns that off for each command, without a change to the client. A claim
//     can be repeated with its id, and recovery does so.
//   - A failover can lose the last writes. A token that becomes live again this
//     way after a reset still cannot be used, because it names a version that
//     its lead no longer has. To lose no claim either, set [Options].Replicas.
//   - Every reply is checked to be about the key that was asked for
//     (CVE-2025-29923).
//
// # Operating
//
// Redis 6.2 or later, or Valkey. Set maxmemory-policy to noeviction. Any other
// policy can drop tokens and counters when memory is short, and [New] warns of
// it. The user that the client signs in as needs EVAL, EVALSHA, INFO and WAIT,
// and for the scripts GET, SET, DEL and TIME, on keys that begin with
// [recovery.Options].Prefix. Several services can share a server under
// different prefixes.
package redisstore
