package recovery

import (
	"context"
	"slices"
)

// MultiSink returns a sink that gives every event to each of the sinks in turn.
// Nil ones are left out. One that panics keeps no other from hearing; the panic
// goes on to the caller, which a [Service] survives and logs.
func MultiSink(sinks ...EventSink) EventSink {
	sinks = slices.DeleteFunc(slices.Clone(sinks), func(s EventSink) bool { return s == nil })
	return func(ctx context.Context, e Event) { tellEach(ctx, e, sinks) }
}

func tellEach(ctx context.Context, e Event, sinks []EventSink) {
	if len(sinks) == 0 {
		return
	}
	defer tellEach(ctx, e, sinks[1:])
	sinks[0](ctx, e)
}
