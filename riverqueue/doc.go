// Package riverqueue keeps recovery's jobs in PostgreSQL, with River. A job that
// was accepted outlives the process that accepted it, and any number of
// processes share the work.
//
// # Quick start
//
//	if err := riverqueue.Migrate(ctx, pool); err != nil {
//		return err
//	}
//	queue, err := riverqueue.New(pool, riverqueue.Options{})
//	if err != nil {
//		return err
//	}
//	deliveries, err := riverqueue.New(pool, riverqueue.Options{Name: "recovery-deliveries"})
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
// pool is the [pgxpool.Pool] that the host has, and may have other uses. The
// host closes it, after [recovery.Service.Shutdown], which shuts the queues
// down.
//
// # What it does with a job
//
//   - Enqueue returns nil once PostgreSQL has committed the job. It takes no
//     longer than [Options].Timeout. A job that is enqueued again while it is in
//     the queue stays one job.
//   - PostgreSQL tells the workers of a new job at once, and they begin with it
//     at its NotBefore, or up to [Options].PollInterval later. If NotBefore is
//     at most a second away, the worker itself waits for it. Under load
//     NotBefore has passed before a worker is free, so this wait costs no
//     throughput.
//   - An attempt that fails, panics or does not end in time is repeated with
//     growing pauses until NotAfter. Two things end a job earlier: an error
//     that wraps [recovery.ErrPermanent], and a next attempt that would come
//     after NotAfter. The queue then calls DeadLetter and deletes the job.
//   - A job that is done is deleted at once, with its payload.
//   - No more attempts run than [Options].Workers. This number includes the
//     attempts that were given up because they ignore their context. While such
//     attempts hold all workers, the process asks for no jobs.
//   - A job whose error wraps [recovery.ErrAwaitingReply] stays with its worker,
//     which repeats the attempt. So a mail server that is slow to answer gets
//     the message once, and not once more from another process.
//   - A job is performed at least once, and DeadLetter is called at least once
//     for a job that is given up. Both happen more than once only if a process
//     or PostgreSQL fails between the work and its acknowledgement. Every
//     repetition has the same ID and the same token. A DeadLetter that panics,
//     or does not return in time, is not called again.
//
// # Crashes
//
// A worker process renews the rows of the jobs that run there every 5 seconds.
// A job whose row was not renewed for 20 seconds is given to another worker. So
// the jobs of a process that died, at most [Options].Workers of them, are
// performed again within 25 seconds. The clock of PostgreSQL counts. Jobs that
// wait in the queue are not affected.
//
// A process that cannot renew its rows for 15 seconds ends the attempts that run
// there, because others may get the jobs. What it tells River of these
// attempts later has no effect: a job that is taken over gets a new row.
//
// Shutdown is no crash. It waits for the attempts that run, leaves the jobs that
// wait in PostgreSQL, and hands back the jobs that it cannot finish. See
// [Queue.Shutdown].
//
// # Processes that only enqueue
//
// With [Options].EnqueueOnly a process answers requests and leaves the work to
// other processes. The workers are processes with the same queue name and
// database, and with a [recovery.Service] that has the same Keys, Prefix, leads
// and tokens. [recovery.New] starts the queue there. The handlers of that
// Service need not be mounted.
//
// # Hosts that use River themselves
//
// The host's own jobs may be in the same tables. This package touches only jobs
// of its own kind, "recovery:job", in the queues that [Options].Name names. Its
// clients of River never lead: the leader serves all queues with its own
// settings, and discards what it does not know. What the leader would do is
// done for these queues by each worker process, every 5 seconds.
//
// The host's leader may serve these queues too. Leave its RescueStuckJobsAfter
// at a minute or more. It discards our jobs only if no process of ours has run
// for so long. They are performed, or become dead letters, when one runs again.
//
// River's web interface shows the queues and what waits in them. Of a job it
// shows the ID, the sealed payload, and that an attempt failed, but not why. A
// queue can be paused there. Do not cancel or delete jobs there: such a job is
// dropped, and DeadLetter does not learn of it.
//
// # Faults
//
//   - While PostgreSQL does not answer, Enqueue fails within its timeout, and
//     the Service answers 503 to everybody alike. It works again by itself.
//   - An Enqueue that timed out may have reached PostgreSQL. The job is then
//     performed although its request was answered with 503. The person gets a
//     link all the same, and one more if they asked again.
//   - A full queue, see [Options].MaxDepth, refuses jobs with
//     [recovery.ErrQueueFull].
//   - Start fails while PostgreSQL does not answer.
//
// # Threat model
//
// Whoever can read the tables learns how many requests there are, when they
// came, and which jobs failed. He does not learn for whom they were: payloads
// are sealed by the Service, and the texts of the host's errors are not kept.
// Whoever can write to the tables can drop jobs, delay them, and repeat jobs
// that he copied until their NotAfter, which is sealed with the payload. He
// cannot make jobs: a payload that the Service did not seal becomes a dead
// letter, and a row that is no job is dropped.
//
// The same statements go to PostgreSQL during a request, whichever lead it is
// about, and also if there is no such lead (A20 to A23). Neither payloads nor
// errors of the host are logged. River's own lines go to [Options].Logger.
// Whatever could be a payload is removed from them, and an outage takes a few
// lines (A39).
//
// # Operating
//
// PostgreSQL 13 or later. With synchronous_commit on, which is the default, a
// crash of the server loses nothing that was accepted.
//
// Jobs go by the clock of PostgreSQL, up to [recovery.MaxClockSkew] away from that
// of a process. So a web node or a worker whose clock is wrong loses no message. A
// difference of more than 30 seconds is logged.
//
// Each Queue with workers takes one connection of the pool away for good, to
// listen, unless [Options].PollOnly is set, and needs some others for short
// statements. Behind PgBouncer in transaction mode set PollOnly, and
// QueryExecModeExec in the pool's configuration if PgBouncer is older than 1.21.
//
// The tables are found by the search_path of the pool's connections. The user
// needs SELECT, INSERT, UPDATE and DELETE on river_job and river_queue, and
// USAGE on the sequence river_job_id_seq.
//
// Watch [Queue.Stats]. OldestPending beyond a few seconds means that there are
// too few workers. A high Retrying means that a mail server has problems.
// Abandoned means that a notifier ignores its context.
//
// Dead rows of deleted jobs are reclaimed by autovacuum. Where many jobs come,
// lower its scale factor for the table:
//
//	ALTER TABLE river_job SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
//
// # Compatibility
//
// The package is built on River v0.51, whose license is MPL-2.0. A program that
// links it unchanged has nothing to publish.
package riverqueue
