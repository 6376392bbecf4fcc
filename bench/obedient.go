package main

import (
	"net/http"
	"strconv"
	"time"

	"github.com/dunglas/httpsfv"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
)

// obedience is what came of a client that does as it is told.
type obedience struct {
	calls, denials int
	// deniedAgain is how many calls were denied right after the client had
	// waited as long as Retry-After said, and malformed how many fields are
	// none of RFC 9651.
	deniedAgain, malformed int
}

// obey asks for resets as fast as it may for the length of the traces, under
// two limits at once.
func obey(tb redistest.TB, server *redistest.Server, edge time.Time) (o obedience) {
	p := newPortal(tb, at(server.Addr), 1, func(options *recovery.Options) {
		options.Limits, options.Prefix = neverAnybody(), "obedient"
		options.Limits.ClientForgot = recovery.LimitPolicy{Limits: []recovery.Limit{
			{N: 2, Window: time.Second}, {N: 7, Window: limitWindow},
		}}
	})
	waited := false
	for until := edge.Add(12 * time.Second); time.Now().Before(until); o.calls++ {
		a := serve(p.handler, post("/forgot-password", unknownBody, 1))
		for _, field := range []string{"RateLimit", "RateLimit-Policy"} {
			list, err := httpsfv.UnmarshalList(a.header.Values(field))
			if err != nil || len(list) == 0 {
				o.malformed++
			}
		}
		if a.status != http.StatusTooManyRequests {
			waited = false
			continue
		}
		o.denials++
		if waited {
			o.deniedAgain++
		}
		seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
		if err != nil {
			o.malformed++
			return o
		}
		time.Sleep(time.Duration(seconds) * time.Second)
		waited = true
	}
	return o
}

func (o obedience) hold(b *bench) {
	b.hold("L10", "denials of a client, so that it has something to obey", float64(o.denials), ">=", 2)
	b.hold("L10", "a client that obeys Retry-After, denied again", float64(o.deniedAgain), "=", 0)
	b.hold("L10", "RateLimit and RateLimit-Policy that are not of RFC 9651", float64(o.malformed), "=", 0)
}
