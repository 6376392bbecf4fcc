// Package recoverytest proves that what a team plugs into package recovery
// keeps to its contracts, and has fakes for tests of what is built on it.
//
// # Suites
//
// There is a suite for each interface: [TestLeadStore], [TestTokenStore],
// [TestLimiter], [TestNotifier] and [TestQueue]. Each runs one subtest for
// every sentence of the contract that can be tested, on a fresh implementation
// that the harness makes, and a failure prints the sentence:
//
//	func TestUsers(t *testing.T) {
//		recoverytest.TestLeadStore(t, recoverytest.LeadStoreHarness{
//			New:      func(t *testing.T) recovery.LeadStore { return users.Open(testDB(t)) },
//			Add:      insertUser,
//			ReadHash: selectHash,
//		})
//	}
//
// Run them with -race. A single clause is run by its name, as any subtest is:
// -run TestUsers/write-unknown.
//
// Suites never empty a store and do not mind what else is in it: what they put
// has random names, so that runs can share a server.
//
// # Time
//
// Clauses about time need it to pass. Three kinds of harness let it:
//
//   - what lives in this process sets Bubble to synctest.Test: every clause runs
//     in a bubble of its own, and time costs nothing;
//   - a simulated server whose clock the test moves sets Advance, and that clock
//     stands still otherwise;
//   - a real server sets neither. The suite then sleeps, in units of Tick, and
//     repeats a clause that failed while the machine stood still.
//
// A suite starts subtests, which a bubble does not allow: call it outside of
// one, and set Bubble.
//
// With Another the suite spreads its calls over two instances that share what
// they hold, as several processes do.
//
// # Fakes
//
// [Leads] is a user store in memory and [Outbox] a notifier that keeps what it
// is given. Both pass the suites, and fail, block or panic on demand. For
// tokens, limits and jobs use [recovery.MemoryTokenStore],
// [recovery.MemoryLimiter] and [recovery.MemoryQueue], which need no fakes.
//
// # Compatibility
//
// A later version may add clauses, where a contract says something that no
// clause tests yet; a harness that sets what it sets today goes on compiling if
// its fields are named.
package recoverytest
