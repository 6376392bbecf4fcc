// Package durablequeue is what packages asynqqueue and riverqueue share: how a
// job is stored, how many jobs a queue may hold, and how a worker performs
// attempts of the host's code. Programs do not need it.
//
// The storage finds out which jobs are due and hands them out. A [Worker] then
// performs an attempt and says what becomes of the job, as a [Result]. The
// storage carries that out.
package durablequeue
