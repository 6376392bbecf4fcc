package recovery_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
)

func TestJobValidate(t *testing.T) {
	first := time.Unix(0, 0)
	last := time.Date(2261, time.December, 31, 23, 59, 59, 999_999_999, time.UTC)
	for _, tt := range []struct {
		name  string
		edit  func(j *recovery.Job)
		wrong string // what the error names; empty if there is none
	}{
		{"a job as a Service makes it", func(*recovery.Job) {}, ""},
		{"the shortest ID", func(j *recovery.Job) { j.ID = "!" }, ""},
		{"the longest ID", func(j *recovery.Job) { j.ID = strings.Repeat("~", 128) }, ""},
		{"the shortest payload", func(j *recovery.Job) { j.Payload = []byte{0} }, ""},
		{"the longest payload", func(j *recovery.Job) { j.Payload = make([]byte, 16_384) }, ""},
		{"no pause", func(j *recovery.Job) { j.NotBefore = time.Time{} }, ""},
		{"the first times", func(j *recovery.Job) { j.NotBefore, j.NotAfter = first, first }, ""},
		{"the last times", func(j *recovery.Job) { j.NotBefore, j.NotAfter = last, last }, ""},

		{"no ID", func(j *recovery.Job) { j.ID = "" }, "ID"},
		{"an ID of 129 bytes", func(j *recovery.Job) { j.ID = strings.Repeat("x", 129) }, "ID"},
		{"an ID with a space", func(j *recovery.Job) { j.ID = "a b" }, "ID"},
		{"an ID with a line break", func(j *recovery.Job) { j.ID = "a\nb" }, "ID"},
		{"an ID that is not ASCII", func(j *recovery.Job) { j.ID = "\u00e9" }, "ID"},
		{"no payload", func(j *recovery.Job) { j.Payload = nil }, "Payload"},
		{"a payload of 16,385 bytes", func(j *recovery.Job) { j.Payload = make([]byte, 16_385) }, "Payload"},
		{"a beginning before 1970", func(j *recovery.Job) { j.NotBefore = first.Add(-1) }, "NotBefore"},
		{"a beginning after 2262", func(j *recovery.Job) { j.NotBefore = time.Date(2263, 1, 1, 0, 0, 0, 0, time.UTC) }, "NotBefore"},
		{"no end", func(j *recovery.Job) { j.NotAfter = time.Time{} }, "NotAfter"},
		{"an end before 1970", func(j *recovery.Job) { j.NotAfter = first.Add(-1) }, "NotAfter"},
		{"an end after 2262", func(j *recovery.Job) { j.NotAfter = time.Date(2263, 1, 1, 0, 0, 0, 0, time.UTC) }, "NotAfter"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now := time.Now()
			job := recovery.Job{ID: "secret-id", NotBefore: now, NotAfter: now.Add(time.Hour), Payload: bytes.Repeat([]byte("sealed"), 20)}
			tt.edit(&job)
			err := job.Validate()
			if tt.wrong == "" {
				if err != nil {
					t.Errorf("Validate() = %v, want nil", err)
				}
				return
			}
			if err == nil || !strings.HasPrefix(err.Error(), "recovery: a job's "+tt.wrong+" must ") {
				t.Fatalf("Validate() = %v, want an error that names %s", err, tt.wrong)
			}
			if job.ID != "" && strings.Contains(err.Error(), job.ID) || strings.Contains(err.Error(), "sealed") {
				t.Errorf("the error quotes the job: %v", err)
			}
		})
	}
}
