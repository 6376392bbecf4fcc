package durablequeue

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/seed-51359b35/recovery"
)

// What is stored of a job is a version, NotBefore and NotAfter in nanoseconds
// since 1970, and the sealed payload. The storage keeps the job's ID beside it.
//
// Every version keeps the first three at the beginning. So a worker that does
// not know a version still knows when the job becomes pointless. To change the
// rest, teach Decode the new version in one release, and let Encode write it in
// the next release.
const (
	version    = 1
	maxVersion = 15 // what has a higher number is no job
	header     = 1 + 8 + 8
)

// Encode returns what is stored of a job, or an error that wraps
// [recovery.ErrPermanent] for a job that [recovery.Job.Validate] refuses.
func Encode(job recovery.Job) ([]byte, error) {
	if err := job.Validate(); err != nil {
		return nil, fmt.Errorf("%w: the job cannot be enqueued: %w", recovery.ErrPermanent, err)
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

// ErrNewerVersion reports a job that a newer version of this package can read.
var ErrNewerVersion = errors.New("durablequeue: the job was enqueued by a newer version of this library")

// Decode accepts what Encode writes and nothing else. Its errors quote nothing,
// because anything may stand in the storage, and it must not get into logs. With
// [ErrNewerVersion] it returns the job without its payload.
func Decode(id string, b []byte) (recovery.Job, error) {
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
		return job, ErrNewerVersion
	}
	if err := job.Validate(); err != nil {
		return recovery.Job{}, err
	}
	return job, nil
}
