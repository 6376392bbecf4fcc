package recoverytest

import (
	"strings"

	"github.com/seed-51359b35/recovery"
)

// limiterIDClauses are about requests that are repeated.
var limiterIDClauses = []clause[*limits]{
	{"id-repeats", "LimitRequest.ID", "An ID makes the request repeatable: a request with an ID that the log still holds is allowed and not counted again.", func(e *limits) {
		request := recovery.LimitRequest{Key: random(), Policy: longPolicy(3), ID: random()}
		e.wantAllowed("one request with an ID ten times, at a limit of 3", e.countAllowed(10, request), 10)
		request.ID = ""
		e.wantAllowed("requests without an ID after it, at a limit of 3", e.countAllowed(5, request), 2)
	}},
	{"id-repeats-full", "LimitRequest.ID", "A request with an ID that the log still holds is allowed, also when the window is full.", func(e *limits) {
		first := recovery.LimitRequest{Key: random(), Policy: longPolicy(3), ID: random()}
		other := recovery.LimitRequest{Key: first.Key, Policy: first.Policy}
		e.wantAllowed("the first request", e.countAllowed(1, first), 1)
		e.wantAllowed("requests without an ID after it, at a limit of 3", e.countAllowed(5, other), 2)
		e.wantAllowed("the first request again, with its ID, when the window is full", e.countAllowed(3, first), 3)
		e.wantAllowed("requests without an ID after that, when the window is full", e.countAllowed(3, other), 0)
	}},
	{"id-repeats-in-one-call", "LimitRequest.ID", "Requests are decided in order: one with the ID of another in the same call is not counted again.", func(e *limits) {
		request := recovery.LimitRequest{Key: random(), Policy: longPolicy(2), ID: random()}
		for i, d := range e.allow(request, request, request) {
			if !d.Allowed {
				e.errorf("Allow of the same request three times in one call, with an ID, at a limit of 2: number %d was refused, want all allowed", i+1)
			}
		}
		request.ID = random()
		e.wantAllowed("a request with a second ID after it, at a limit of 2", e.countAllowed(1, request), 1)
		request.ID = random()
		e.wantAllowed("a request with a third ID, at a limit of 2", e.countAllowed(1, request), 0)
	}},
	{"id-repeats-remaining", "Decision.Remaining", "Remaining is how many calls Limit still allows now: after a repeated request as many as before it.", func(e *limits) {
		request := recovery.LimitRequest{Key: random(), Policy: longPolicy(5), ID: random()}
		for range 4 {
			if d := e.allow(request)[0]; d.Remaining != 4 {
				e.errorf("Allow of one request with an ID, and of its repetitions, at a limit of 5: Remaining is %d, want 4", d.Remaining)
			}
		}
	}},
	{"id-refused", "Limiter.Allow", "A refused request is not counted at all: the log does not hold its ID.", func(e *limits) {
		request := recovery.LimitRequest{Key: random(), Policy: e.policy(1, 3)}
		e.allow(request)
		request.ID = random()
		if e.allow(request, request)[1].Allowed {
			e.errorf("Allow of a request twice in one call, at a limit of 1 that is used up: the repetition was allowed, want a refusal, because the first was refused and so its ID is not remembered")
		}
		e.advance(e.ticks(3.5))
		e.wantAllowed("the refused request, after the window", e.countAllowed(1, request), 1)
		request.ID = ""
		if e.allow(request)[0].Allowed && e.timing.exact() {
			e.errorf("Allow of a request at a limit of 1, after another that was refused, and then allowed when the window had passed: it was allowed, want a refusal, because the other counts")
		}
	}},
	{"id-of-another-key", "LimitRequest.ID", "An ID belongs to the log of its key: with another key it is another request.", func(e *limits) {
		id := random()
		a := recovery.LimitRequest{Key: random(), Policy: longPolicy(1), ID: id}
		b := recovery.LimitRequest{Key: random(), Policy: longPolicy(1)}
		e.allow(a, b)
		b.ID = id
		if e.allow(b)[0].Allowed {
			e.errorf("Allow of a request at a limit of 1 that is used up, with an ID that was allowed for another key: it was allowed, want a refusal")
		}
	}},
	{"id-racing", "LimitRequest.ID", "A request with an ID is counted once, however many callers repeat it at once.", func(e *limits) {
		request := recovery.LimitRequest{Key: random(), Policy: longPolicy(5), ID: random()}
		e.race(64, func(int) {
			if !e.allow(request)[0].Allowed {
				e.errorf("Allow of one request with an ID by 64 callers at once, at a limit of 5: one of them was refused, want all allowed")
			}
		})
		request.ID = ""
		e.wantAllowed("requests without an ID after 64 of one ID, at a limit of 5", e.countAllowed(9, request), 4)
	}},
	{"id-repeats-moves-nothing", "LimitRequest.ID", "A request with an ID that was allowed before does not count again: its call stays where it was, and leaves the window as if it had not been repeated.", func(e *limits) {
		first := recovery.LimitRequest{Key: random(), Policy: e.policy(1, 4), ID: random()}
		other := recovery.LimitRequest{Key: first.Key, Policy: first.Policy}
		e.wantAllowed("the first request", e.countAllowed(1, first), 1)
		e.advance(e.ticks(2))
		e.wantAllowed("the first request again", e.countAllowed(1, first), 1)
		e.advance(e.ticks(2.5))
		e.wantAllowed("a request without an ID, at a limit of 1 in 4 ticks, 4.5 ticks after one with an ID and 2.5 after its repetition", e.countAllowed(1, other), 1)
	}},
	{"id-remembered", "LimitRequest.ID", "A limiter remembers an ID at least as long as the call is within the longest Window and is one of the newest N, for the largest N.", func(e *limits) {
		first := recovery.LimitRequest{Key: random(), Policy: e.policy(2, 2, 4, 16), ID: random()}
		other := recovery.LimitRequest{Key: first.Key, Policy: first.Policy}
		e.wantAllowed("the first request", e.countAllowed(1, first), 1)
		e.advance(e.ticks(8))
		e.wantAllowed("the first request again, after the shorter window", e.countAllowed(2, first), 2)
		e.wantAllowed("requests without an ID, at a limit of 2 in 2 ticks, 8 ticks after one with an ID and just after its repetition, which must not put it back into that window (the repeated request moves nothing)",
			e.countAllowed(3, other), 2)
		e.advance(e.ticks(2.5))
		e.wantAllowed("the first request again, when its call is the fourth", e.countAllowed(1, first), 1)
		e.wantAllowed("requests without an ID, at a limit of 4 in 16 ticks, of which one with an ID, repeated, and two others are used up", e.countAllowed(3, other), 1)
		if e.timing.exact() {
			e.wantAllowed("a request with an ID, again, when it is the oldest of the four that a limit of 4 in 16 ticks allows", e.countAllowed(1, first), 1)
		}
	}},
	{"id-any-text", "LimitRequest.ID", "An ID is any text, and is compared byte by byte.", func(e *limits) {
		name := random()
		texts := []string{
			name, strings.ToLower(name), name + " ", " " + name, name + "\n", name + "\x00", name + "x", name[1:], "*", "%", "0", "-", ",", `\`, `'"`,
			"\u00e4" + name, "a\u0308" + name, "\xff" + name, strings.Repeat("i", 64), strings.Repeat("i", 65), strings.Repeat("i", 1000),
		}
		request := recovery.LimitRequest{Key: random(), Policy: longPolicy(len(texts) + 5)}
		for i, text := range texts {
			request.ID = text
			left := len(texts) + 4 - i
			for _, which := range []string{"new", "repeated"} {
				d := e.allow(request)[0]
				if !d.Allowed || d.Remaining != left {
					e.errorf("Allow with the %s ID %.80q, after %d other IDs, at a limit of %d: Allowed is %v and Remaining %d, want true and %d. More are left if it was taken for another ID, and fewer if it was not remembered",
						which, text, i, len(texts)+5, d.Allowed, d.Remaining, left)
				}
			}
		}
	}},
}
