// Package asynqqueue keeps recovery's jobs on Redis, with asynq: what was
// accepted outlives the process that accepted it, and any number of processes
// share the work.
//
// # Quick start
//
//	queue, err := asynqqueue.New(client, asynqqueue.Options{})
//	if err != nil {
//		return err
//	}
//	service, err := recovery.New(leads, store, mailer, recovery.Options{
//		Queue: queue,
//		// ...
//	})
//
// client is any [redis.UniversalClient]: standalone, Sentinel or Cluster, with
// whatever options the host gave it. It stays the host's to close, after
// [recovery.Service.Shutdown], which shuts the queue down.
//
// # What it does with a job
//
//   - Enqueue returns nil once Redis has the job, within [Options].Timeout
//     whatever the client's timeouts are. The same job twice is one job while
//     it is in the queue.
//   - A worker takes it up within about [Options].PollInterval after its
//     NotBefore. Jobs whose NotBefore is at most a second away are waited for in
//     a worker's place; under load they are due before a worker is free, so the
//     pause costs no throughput.
//   - An attempt that fails, panics or does not end in time is repeated with
//     growing pauses until NotAfter. An error that wraps
//     [recovery.ErrPermanent] ends the job, and so does a NotAfter that the next
//     attempt could not meet: DeadLetter is then told, and the job deleted.
//     Nothing is archived.
//   - No more attempts run than [Options].Workers, those included that were
//     given up because they ignore their context. While such hold all workers,
//     jobs go back to Redis for other instances.
//   - Jobs are performed at least once, and dead letters told at least once:
//     once, unless a process or Redis fails between the deed and its
//     acknowledgement. Every repetition has the same ID and the same token. A
//     DeadLetter that panics, or does not return in time, is not told again.
//
// # Crashes
//
// A worker process that dies leaves the jobs that it was at, at most
// [Options].Workers of them, to the others. They notice by a lease that it no
// longer renews, and asynq gives it time: 30 seconds for the lease, 30 more for
// clocks that disagree, and it looks once a minute and whenever a process
// starts. So such a job comes back one to two minutes after the death, and a
// pause as after a failed attempt later. These times cannot be configured;
// a link should live for 15 minutes at least, and a code for 5, so that enough
// is left of it. Jobs that wait do not notice any of this.
//
// Shutdown is no crash: it waits for what runs, leaves in Redis what waits, and
// hands back what it cannot finish. See [Queue.Shutdown].
//
// # Processes that only enqueue
//
// With [Options].EnqueueOnly a process answers requests and leaves the work to
// others. The workers are processes with the same queue name and Redis, and a
// [recovery.Service] with the same Keys, Prefix, leads and tokens: making it
// starts the queue, and there is no need to mount its handlers.
//
//	queue, err := asynqqueue.New(client, asynqqueue.Options{Workers: 64})
//	...
//	service, err := recovery.New(leads, store, mailer, opts)
//	...
//	<-ctx.Done() // from signal.NotifyContext: the queue leaves signals alone
//	service.Shutdown(grace)
//
// # Faults
//
//   - While Redis does not answer, Enqueue fails within its budget, and after
//     five failures at once, with [ErrDown]: the Service answers 503, alike for
//     everybody. It works again by itself.
//   - An Enqueue that timed out may have reached Redis. The job is then
//     performed although its request was answered with 503: a link more for
//     somebody who asked for one.
//   - go-redis repeats a command whose reply was lost, unless the host turned
//     that off. A repeated enqueue finds the job there. A repeated request for
//     work gets another job, and the first comes back as after a crash. A
//     repeated acknowledgement is told that there is no such job, which asynq
//     logs.
//   - An acknowledgement that Redis did not take is repeated every 5 s until the
//     lease ends. Only then is the job performed a second time.
//   - An outage of more than half a minute ends the leases: the attempts that
//     run are ended too, and their jobs performed again.
//   - A full queue, [Options].MaxDepth, refuses with [recovery.ErrQueueFull], and
//     so does a Redis that has no memory left, with its own error.
//
// # Threat model
//
// Who can read Redis learns how many requests there are, when, and which jobs
// failed; not for whom: payloads are sealed by the Service, and what the host's
// errors say is not kept. Who can write there can drop jobs, delay them, and
// repeat those that they copied until their NotAfter, which is sealed with the
// payload; they can make none: a payload that the Service did not seal is a dead
// letter, and what is no job at all is dropped. Give the keys below to nobody
// else.
//
// Nothing that Redis is asked during a request depends on the lead, not even
// whether there is one (A20 to A23). Neither payloads nor errors of the host
// are logged; asynq's own lines go to [Options].Logger with whatever could be a
// payload cut out, and the same line at most every 10 s (A39).
//
// A queue without workers is bounded by MaxDepth and keeps its jobs until a
// worker buries them: there is no time to live on them.
//
// # Operating
//
// Redis 6.2 or later, or Valkey. Jobs are as durable as Redis is:
//
//   - Set appendonly yes. With appendfsync always a crash of Redis loses nothing
//     that was accepted; with everysec, Redis' default, about a second of it;
//     without an append-only file everything since the last snapshot. A
//     failover loses what the replica had not received. A person whose job was
//     lost gets no message and has to ask again. What is lost of the
//     acknowledgements is done again.
//   - Set maxmemory-policy noeviction: any other can drop jobs when memory is
//     short (A53). Start warns of it, and of a missing append-only file.
//   - Clocks of all processes must agree within a few seconds; almost a minute
//     off, a process takes jobs from another that is still at them.
//
// All keys begin with "asynq:". Those of a queue, "asynq:{recovery}:...", lie
// on one node of a Cluster. Jobs are deleted when they are done. What stays are
// asynq's counters (processed and failed, and the same by day for 90 days) and
// the queue's name in "asynq:queues". While a worker process runs,
// "asynq:servers" and "asynq:workers" name its host, its process and its jobs,
// with their sealed payloads, for 10 s at a time; of one that was killed the
// name stays in these two sets until asynq's tools list the servers.
//
// The user that the client signs in as needs these keys, and EVAL, EVALSHA,
// SADD, SMEMBERS, SISMEMBER, ZADD and ZREM, INFO for the warnings, and for the
// scripts DEL, EXISTS, EXPIRE, EXPIREAT, GET, HDEL, HGET, HSET, INCR, LLEN,
// LPUSH, LRANGE, LREM, MEMORY USAGE, RPOPLPUSH, RPUSH, SET, SETEX, ZCARD, ZRANGE,
// ZRANGEBYSCORE and ZREMRANGEBYSCORE. It needs no SUBSCRIBE: asynq's tools cannot
// cancel what runs here. They can show and pause a queue. Do not archive jobs
// with them: a job that was archived is not performed, and keeps its payload
// for 90 days. A queue that is no longer used is removed with
// asynq.Inspector.DeleteQueue.
//
// Watch [Queue.Stats]: OldestPending beyond a few seconds means too few
// workers, Retrying a mail server in trouble, Abandoned a notifier that ignores
// its context.
//
// # Compatibility
//
// Built on asynq v0.26, of whose server it replaces, through the client that it
// gives it, what would leave a host alone with a Redis in trouble: see the
// source of workerClient. Tests prove each of these, so that a later asynq shows
// what it changed.
package asynqqueue
