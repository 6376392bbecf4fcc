package asynqqueue

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/seed-51359b35/recovery"
)

// taskType is the type of every task of this package.
const taskType = "recovery:job"

// What a task carries: a version, NotBefore and NotAfter in nanoseconds since
// 1970, and the sealed payload. The job's ID is the task's.
//
// Every version keeps these three at the beginning, so that a worker which does
// not know a version knows at least for how long the job is wanted. To change
// the rest, teach decode the new version in one release, and have encode write
// it in the next.
const (
	version    = 1
	maxVersion = 15 // what is above is no version but somebody else's task
	header     = 1 + 8 + 8
	maxID      = 128
	maxPayload = 16 << 10
)

// check says why a job cannot be a task, or nothing.
func check(job recovery.Job) string {
	switch {
	case !isID(job.ID):
		return "its ID is not 1 to 128 of printable ASCII without spaces"
	case len(job.Payload) == 0 || len(job.Payload) > maxPayload:
		return "its payload is not 1 to 16,384 bytes"
	case !job.NotBefore.IsZero() && !representable(job.NotBefore):
		return "its NotBefore is not within 1970 to 2262"
	case !representable(job.NotAfter):
		return "its NotAfter is not within 1970 to 2262"
	}
	return ""
}

func isID(s string) bool {
	return s != "" && len(s) <= maxID && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

func representable(t time.Time) bool {
	return t.Unix() >= 0 && t.Unix() < math.MaxInt64/int64(time.Second)
}

func encode(job recovery.Job) ([]byte, error) {
	if reason := check(job); reason != "" {
		return nil, fmt.Errorf("asynqqueue: %w: the job cannot be enqueued: %s", recovery.ErrPermanent, reason)
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

// errNewer is a task that another instance can read.
var errNewer = errors.New("asynqqueue: the job was enqueued by a newer version of this library")

// decode accepts what encode writes and nothing else. Its errors quote nothing:
// whatever stands in Redis is not for logs. With [errNewer] it returns the job
// without its payload.
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
	if reason := check(job); reason != "" {
		return recovery.Job{}, errors.New(reason)
	}
	if b[0] > version {
		job.Payload = nil
		return job, errNewer
	}
	return job, nil
}
