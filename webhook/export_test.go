package webhook

import (
	"time"

	"github.com/seed-51359b35/recovery"
)

const MaxBody = maxBody

func RetryAfter(field string, now time.Time) time.Duration { return retryAfter(field, now) }

func ParseSecret(s recovery.Secret) ([]byte, error) { return parseSecret(s) }

func NewBody(e recovery.Event, includeClient, includeHostData bool) ([]byte, error) {
	return newBody(e, includeClient, includeHostData)
}

// SealText seals any text, which may be no delivery, with the keys of a Sender.
func (s *Sender) SealText(text string) ([]byte, error) {
	sealed, err := s.sealer.Seal([]byte(text))
	return []byte(sealed), err
}
