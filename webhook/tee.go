package webhook

import (
	"context"
	"slices"

	"github.com/seed-51359b35/recovery"
)

// Tee returns a sink that gives every event to each of the sinks in turn, for a
// host that has more than webhooks to tell. Nil ones are left out. One that
// panics keeps no other from hearing; the panic goes on to the caller, which a
// [recovery.Service] survives and logs.
func Tee(sinks ...recovery.EventSink) recovery.EventSink {
	sinks = slices.DeleteFunc(slices.Clone(sinks), func(s recovery.EventSink) bool { return s == nil })
	return func(ctx context.Context, e recovery.Event) { tee(ctx, e, sinks) }
}

func tee(ctx context.Context, e recovery.Event, sinks []recovery.EventSink) {
	if len(sinks) == 0 {
		return
	}
	defer tee(ctx, e, sinks[1:])
	sinks[0](ctx, e)
}
