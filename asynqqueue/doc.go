// Package asynqqueue keeps recovery's jobs on Redis, with asynq. A job that was
// accepted outlives the process that accepted it, and any number of processes
// share the work.
//
// # Quick start
//
//	queue, err := asynqqueue.New(client, asynqqueue.Options{})
//	if err != nil {
//		return err
//	}
//	deliveries, err := asynqqueue.New(client, asynqqueue.Options{Name: "recovery-deliveries"})
//	if err != nil {
//		return err
//	}
//	service, err := recovery.New(leads, store, mailer, recovery.Options{
//		Queue:         queue,
//		DeliveryQueue: deliveries,
//		// ...
//	})
//
// A Service needs two queues with two names: see
// [recovery.Options].DeliveryQueue.
//
// client is any [redis.UniversalClient]: standalone, Sentinel or Cluster, with
// any options. The host closes it, after [recovery.Service.Shutdown], which
// shuts the queues down.
//
// # What it does with a job
//
//   - Enqueue returns nil once Redis has the job. It takes no longer than
//     [Options].Timeout, whatever the client's timeouts are. A job that is
//     enqueued again while it is in the queue stays one job.
//   - A worker begins with a job within about [Options].PollInterval after its
//     NotBefore. If NotBefore is at most a second away, the worker itself waits
//     for it. Under load NotBefore has passed before a worker is free, so this
//     wait costs no throughput.
//   - An attempt that fails, panics or does not end in time is repeated with
//     growing pauses until NotAfter. Two things end a job earlier: an error
//     that wraps [recovery.ErrPermanent], and a next attempt that would come
//     after NotAfter. The queue then calls DeadLetter and deletes the job. It
//     archives nothing.
//   - No more attempts run than [Options].Workers. This number includes the
//     attempts that were given up because they ignore their context. While such
//     attempts hold all workers, jobs go back to Redis for other instances.
//   - A job whose error wraps [recovery.ErrAwaitingReply] stays with its worker,
//     which repeats the attempt. So a mail server that is slow to answer gets
//     the message once, and not once more from another process.
//   - A job is performed at least once, and DeadLetter is called at least once
//     for a job that is given up. Both happen more than once only if a process
//     or Redis fails between the work and its acknowledgement. Every repetition
//     has the same ID and the same token. A DeadLetter that panics, or does not
//     return in time, is not called again.
//
// # Crashes
//
// A worker process that dies leaves the jobs that it performed, at most
// [Options].Workers of them, to the other processes. They notice because the
// process no longer renews its lease, and asynq waits for that: 30 seconds for
// the lease, and 30 more for clocks that disagree. asynq looks once a minute
// and whenever a process starts. So such a job comes back one to two minutes
// after the process died, and then waits for a pause as after a failed attempt.
// These times cannot be configured. A link should live for at least 15 minutes,
// and a code for at least 5, so that enough of that time is left. Jobs that
// wait in the queue are not affected.
//
// Shutdown is no crash. It waits for the attempts that run, leaves the jobs
// that wait in Redis, and hands back the jobs that it cannot finish. See
// [Queue.Shutdown].
//
// # Processes that only enqueue
//
// With [Options].EnqueueOnly a process answers requests and leaves the work to
// other processes. The workers are processes with the same queue name and
// Redis, and with a [recovery.Service] that has the same Keys, Prefix, leads
// and tokens. [recovery.New] starts the queue there. The handlers of that
// Service need not be mounted.
//
//	queue, err := asynqqueue.New(client, asynqqueue.Options{Workers: 64})
//	...
//	service, err := recovery.New(leads, store, mailer, opts)
//	...
//	<-ctx.Done() // from signal.NotifyContext: the queue handles no signals
//	service.Shutdown(grace)
//
// # Faults
//
//   - While Redis does not answer, Enqueue fails within its timeout. After five
//     failures it fails at once, with [ErrDown], and the Service answers 503 to
//     everybody alike. Enqueue works again by itself when Redis is back.
//   - An Enqueue that timed out may have reached Redis. The job is then
//     performed although its request was answered with 503. The person gets a
//     link all the same, and one more if they asked again.
//   - go-redis repeats a command whose reply was lost, unless the host turned
//     that off. A worker waits for a reply for 10 s, whatever the host set, unless
//     the client is that of a Cluster. A repeated enqueue finds the job in the
//     queue. If the reply to a worker's request for a job is lost, the repeated
//     request gets a second job. The first comes back as after a crash.
//   - A worker tells Redis that a job is done until Redis accepts it, for 10
//     minutes at most, so that no job is done twice after an outage. A
//     recoverer of another instance can be faster after an outage of more than
//     a minute. What else Redis did not accept, for example that a job has to
//     wait for another attempt, is repeated every 5 s until the lease ends. The
//     job then comes back as after a crash.
//   - An outage of more than half a minute ends the leases. The attempts that
//     run are then ended too, and their jobs are performed again.
//   - A full queue, see [Options].MaxDepth, refuses jobs with
//     [recovery.ErrQueueFull]. A Redis that has no memory left refuses them
//     with its own error.
//
// # Threat model
//
// Whoever can read Redis learns how many requests there are, when they came,
// and which jobs failed. He does not learn for whom they were: payloads are
// sealed by the Service, and the texts of the host's errors are not kept.
// Whoever can write to Redis can drop jobs, delay them, and repeat jobs that he
// copied until their NotAfter, which is sealed with the payload. He cannot make
// jobs: a payload that the Service did not seal becomes a dead letter, and a
// task that is no job is dropped. Give access to the keys below to nobody else.
//
// The same commands go to Redis during a request, whichever lead it is about,
// and also if there is no such lead (A20 to A23). Neither payloads nor errors
// of the host are logged. asynq's own lines go to [Options].Logger. Whatever
// could be a payload is removed from them, and a line is written at most every
// 10 s (A39).
//
// A queue without workers is bounded by MaxDepth. It keeps its jobs until a
// worker gives them up, because jobs have no time to live in Redis.
//
// # Operating
//
// Redis 6.2 or later, or Valkey. Jobs are as durable as Redis is:
//
//   - Set appendonly yes. With appendfsync always, a crash of Redis loses
//     nothing that was accepted. With everysec, which is Redis' default, it
//     loses about a second. Without an append-only file it loses everything
//     since the last snapshot. A failover loses what the replica had not
//     received. A person whose job was lost gets no message and has to ask
//     again. A job whose acknowledgement was lost is performed again.
//   - Set maxmemory-policy noeviction. Any other policy can drop jobs when
//     memory is short (A53). Start warns of it, and of a missing append-only
//     file.
//   - Jobs go by the clock of Redis, up to [recovery.MaxClockSkew] away from that
//     of a process. So a web node whose clock is wrong loses no message. A
//     difference of more than 30 seconds is logged.
//   - The clocks of all processes with workers must agree within a few seconds
//     all the same, because asynq goes by them. If they differ by almost a
//     minute, a process takes jobs from another that still performs them, and a
//     message may be sent twice.
//
// All keys begin with "asynq:". Those of a queue, "asynq:{recovery}:...", lie
// on one node of a Cluster. Jobs are deleted when they are done. asynq keeps
// its counters (processed and failed, and the same by day for 90 days) and the
// queue's name in "asynq:queues". While a worker process runs, "asynq:servers"
// and "asynq:workers" contain its host, its process and its jobs, with their
// sealed payloads, rewritten with a TTL of 10 s. The name of a process that was
// killed stays in these two sets until asynq's tools list the servers.
//
// The user that the client signs in as needs these keys, and EVAL, EVALSHA,
// SADD, SMEMBERS, SISMEMBER, ZADD and ZREM, INFO for the warnings, and for the
// scripts DEL, EXISTS, EXPIRE, EXPIREAT, GET, HDEL, HGET, HSET, INCR, LLEN,
// LPUSH, LRANGE, LREM, MEMORY USAGE, RPOPLPUSH, RPUSH, SET, SETEX, TIME, ZCARD,
// ZRANGE, ZRANGEBYSCORE and ZREMRANGEBYSCORE. It needs no SUBSCRIBE, so asynq's
// tools cannot cancel a job that runs here. They can show and pause a queue. Do
// not archive jobs with them: a job that was archived is not performed, and its
// payload is kept for 90 days. Remove a queue that is no longer used with
// asynq.Inspector.DeleteQueue.
//
// Watch [Queue.Stats]. OldestPending beyond a few seconds means that there are
// too few workers. A high Retrying means that a mail server has problems.
// Abandoned means that a notifier ignores its context.
//
// # Compatibility
//
// The package is built on asynq v0.26. The client that it gives to asynq's
// server replaces the parts of that server that would harm a host while Redis
// has problems: see the source of workerClient. A test proves each of these
// parts, so that a later version of asynq shows what it changed.
package asynqqueue
