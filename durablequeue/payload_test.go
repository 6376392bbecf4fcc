package durablequeue_test

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/durablequeue"
)

func TestJobsAreEncoded(t *testing.T) {
	now := time.Unix(1_800_000_000, 123_456_789)
	for _, tt := range []struct {
		name string
		edit func(j *recovery.Job)
		ok   bool
	}{
		{"a job as the Service makes it", func(*recovery.Job) {}, true},
		{"no pause", func(j *recovery.Job) { j.NotBefore = time.Time{} }, true},
		{"the longest payload", func(j *recovery.Job) { j.Payload = bytes.Repeat([]byte("x"), 16<<10) }, true},
		{"the longest ID", func(j *recovery.Job) { j.ID = strings.Repeat("x", 128) }, true},
		{"the end of time", func(j *recovery.Job) { j.NotAfter = time.Unix(math.MaxInt64/1_000_000_000-1, 0) }, true},
		{"no ID", func(j *recovery.Job) { j.ID = "" }, false},
		{"an ID of 129 bytes", func(j *recovery.Job) { j.ID = strings.Repeat("x", 129) }, false},
		{"an ID with a space", func(j *recovery.Job) { j.ID = "a b" }, false},
		{"an ID with a line break", func(j *recovery.Job) { j.ID = "a\nb" }, false},
		{"an ID that is not ASCII", func(j *recovery.Job) { j.ID = "é" }, false},
		{"no payload", func(j *recovery.Job) { j.Payload = nil }, false},
		{"a payload that is too long", func(j *recovery.Job) { j.Payload = bytes.Repeat([]byte("x"), 16<<10+1) }, false},
		{"no end", func(j *recovery.Job) { j.NotAfter = time.Time{} }, false},
		{"an end that nanoseconds cannot tell", func(j *recovery.Job) { j.NotAfter = time.Unix(math.MaxInt64/1_000_000_000+1, 0) }, false},
		{"a beginning before 1970", func(j *recovery.Job) { j.NotBefore = time.Unix(-1, 0) }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			job := recovery.Job{ID: "id", NotBefore: now, NotAfter: now.Add(time.Hour), Payload: []byte("sealed")}
			tt.edit(&job)
			b, err := durablequeue.Encode(job)
			if !tt.ok {
				if !errors.Is(err, recovery.ErrPermanent) {
					t.Errorf("error %v, want ErrPermanent", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := durablequeue.Decode(job.ID, b)
			if err != nil {
				t.Fatal(err)
			}
			if got.ID != job.ID || !got.NotBefore.Equal(job.NotBefore) || !got.NotAfter.Equal(job.NotAfter) || !bytes.Equal(got.Payload, job.Payload) {
				t.Errorf("%+v came as %+v", job, got)
			}
		})
	}
}

// Decode accepts only bytes that Encode writes, and no error quotes the bytes
// that it refuses.
func FuzzDecode(f *testing.F) {
	job := recovery.Job{ID: "AN-ID-OF-A-JOB", NotAfter: time.Unix(1_800_000_000, 0), Payload: []byte("sealed-with-a-key")}
	b, err := durablequeue.Encode(job)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(job.ID, b)
	f.Add("id", []byte{})
	f.Add("id", b[:17])
	f.Add("", b)
	f.Add("id", append([]byte{2}, b[1:]...))
	f.Add("id", append([]byte{1, 0xff}, b[2:]...))
	f.Fuzz(func(t *testing.T, id string, b []byte) {
		job, err := durablequeue.Decode(id, b)
		if err != nil {
			if len(id) > 12 && strings.Contains(err.Error(), id) || len(b) > 30 && strings.Contains(err.Error(), string(b[17:])) {
				t.Errorf("the error quotes: %v", err)
			}
			return
		}
		again, err := durablequeue.Encode(job)
		if err != nil || !bytes.Equal(again, b) || job.ID != id {
			t.Errorf("%q %x is taken for %+v, which is %x, %v", id, b, job, again, err)
		}
	})
}
