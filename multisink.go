package recovery

import (
	"context"
	"maps"
	"slices"
)

// MultiSink returns a sink that gives every event to each of the sinks, one
// after the other. Nil sinks are left out. If a sink panics, the others still
// get the event, and the panic then goes on to the caller; a [Service] recovers
// from it and logs it.
func MultiSink(sinks ...EventSink) EventSink {
	sinks = slices.DeleteFunc(slices.Clone(sinks), func(s EventSink) bool { return s == nil })
	return func(ctx context.Context, e Event) { tellEach(ctx, e, sinks) }
}

func tellEach(ctx context.Context, e Event, sinks []EventSink) {
	if len(sinks) == 0 {
		return
	}
	defer tellEach(ctx, e, sinks[1:])
	own := e
	own.Labels = maps.Clone(e.Labels)
	sinks[0](ctx, own)
}
