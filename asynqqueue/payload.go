package asynqqueue

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/seed-51359b35/recovery"
)

// taskType is the type of every task of this package.
const taskType = "recovery:job"

// A task contains a version, NotBefore and NotAfter in nanoseconds since 1970,
// and the sealed payload. The job's ID is the task's.
//
// Every version keeps the first three at the beginning. So a worker that does
// not know a version still knows when the job becomes pointless. To change the
// rest, teach decode the new version in one release, and let encode write it in
// the next release.
const (
	version    = 1
	maxVersion = 15 // a task with a higher number is not a task of this package
	header     = 1 + 8 + 8
)

func encode(job recovery.Job) ([]byte, error) {
	if err := job.Validate(); err != nil {
		return nil, fmt.Errorf("asynqqueue: %w: the job cannot be enqueued: %w", recovery.ErrPermanent, err)
	}
	b := make([]byte, 0, header+len(job.Payload))
	b = append(b, version)
	notBefore := int64(0)
	if !job.NotBefore.IsZero() {
		notBefore = job.NotBefore.UnixNano()
	}
	b = binary.BigEndian.AppendUint64(b, uint64(notBefore))
	b = binary.BigEndian.AppendUint64(b, uint64(job.NotAfter.UnixNano()))
	return append(b, job.Payload...), nil
}

// errNewerVersion reports a task that a newer version of this package can read.
var errNewerVersion = errors.New("asynqqueue: the job was enqueued by a newer version of this library")

// decode accepts what encode writes and nothing else. Its errors quote nothing,
// because anything may stand in Redis, and it must not get into logs. With
// [errNewerVersion] it returns the job without its payload.
func decode(id string, b []byte) (recovery.Job, error) {
	if len(b) <= header {
		return recovery.Job{}, errors.New("it is too short")
	}
	if b[0] < version || b[0] > maxVersion {
		return recovery.Job{}, errors.New("its version is unknown")
	}
	notBefore := int64(binary.BigEndian.Uint64(b[1:]))
	notAfter := int64(binary.BigEndian.Uint64(b[9:]))
	job := recovery.Job{ID: id, NotAfter: time.Unix(0, notAfter), Payload: b[header:]}
	if notBefore != 0 {
		job.NotBefore = time.Unix(0, notBefore)
	}
	if b[0] > version {
		// A newer version may have other rules for the rest.
		job.NotBefore, job.Payload = time.Time{}, []byte{0}
		if err := job.Validate(); err != nil {
			return recovery.Job{}, err
		}
		job.Payload = nil
		return job, errNewerVersion
	}
	if err := job.Validate(); err != nil {
		return recovery.Job{}, err
	}
	return job, nil
}
