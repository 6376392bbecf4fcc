// Package durablequeue is what packages asynqqueue, riverqueue and sqlstore share:
// how a queue starts and ends, how a job is stored, how many jobs a queue may hold,
// how a worker performs attempts of the host's code, and how a storage notices that
// it died. Programs do not need it.
//
// The storage finds out which jobs are due and hands them out. A [Worker] then
// performs an attempt and says what becomes of the job, as a [Result]. The
// storage carries that out.
package durablequeue
