package durablequeue

import (
	"crypto/rand"
	"math/big"
	"time"
)

// Pause returns the pause after the n-th attempt. It doubles with each attempt,
// less up to a quarter, so that jobs that failed together do not come back
// together.
func (w *Workers) Pause(n int) (pause time.Duration) {
	defer func() {
		// A library may ask in a goroutine that does not recover. A Backoff that
		// panics must not end the process. The value of the panic is not logged,
		// because it may quote a secret.
		if recover() != nil {
			w.opts.Logger.Error(w.opts.Package + ": Options.Backoff panicked, so the pause is MaxRetry")
			pause = w.opts.MaxRetry
		}
	}()
	if w.opts.Backoff != nil {
		return min(max(0, w.opts.Backoff(n)), 24*time.Hour)
	}
	p := w.opts.MaxRetry
	if shift := max(n, 1) - 1; shift < 63 && w.opts.FirstRetry <= p>>shift {
		p = w.opts.FirstRetry << shift
	}
	return p - randomDuration(p/4)
}

// randomDuration is uniform in [0, d]. It uses crypto/rand, because one source
// of randomness is easier to trust than two (A30), and speed does not matter
// here.
func randomDuration(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	n, err := rand.Int(rand.Reader, big.NewInt(int64(d)+1))
	if err != nil {
		return 0
	}
	return time.Duration(n.Int64())
}
