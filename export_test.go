package recovery

import (
	"crypto/rand"
	"encoding/json"
	"io"
)

// NewCode is what draws codes.
func NewCode() (string, error) { return newCode() }

// A Payload is the content of a job.
type Payload = payload

// WritePayload writes the text of a job, and ReadPayload reads it. ReadsUsual
// reports whether that needs no reflection.
func WritePayload(p Payload) ([]byte, error) { return p.appendJSON(nil) }

func ReadPayload(b []byte) (p Payload, err error) {
	err = p.readJSON(b)
	return p, err
}

func ReadsUsual(b []byte) bool { return new(payload).readUsual(b) }

// SetRandom replaces the source of randomness, for tests that are not
// parallel.
func SetRandom(r io.Reader) (restore func()) {
	old := rand.Reader
	rand.Reader = r
	return func() { rand.Reader = old }
}

// SecretOf returns the secret in a sealed token, which only the keys can tell.
func SecretOf(s *Service, token string) string {
	_, _, secret, err := s.keys.openToken(token)
	if err != nil {
		panic(err)
	}
	return secret
}

// Repeating returns how many failed calls s is repeating.
func (s *Service) Repeating() int { return len(s.repeats) }

// OpOf returns the kind of a job as an instance of another version reads it.
func OpOf(s *Service, job Job) string {
	b, _, err := s.keys.jobs.Open(job.Payload)
	if err != nil {
		panic(err)
	}
	var p struct{ Op string }
	if err := json.Unmarshal(b, &p); err != nil {
		panic(err)
	}
	return p.Op
}
