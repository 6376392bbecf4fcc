// Package recoverytest tests whether an implementation of one of package
// recovery's interfaces keeps the contract of that interface. It also has fakes
// for tests of programs that use package recovery.
//
// # Suites
//
// There is a suite for each interface: [TestLeadStore], [TestTokenStore],
// [TestLimiter], [TestNotifier] and [TestQueue]. Each runs one subtest, called
// a clause, for every sentence of the contract that can be tested. Every clause
// gets a new implementation from the harness. A failure prints the sentence, the
// name in package recovery whose documentation has it, the line of the clause,
// what it did, what it saw and what it wanted:
//
//	func TestUsers(t *testing.T) {
//		recoverytest.TestLeadStore(t, recoverytest.LeadStoreHarness{
//			New:      func(t *testing.T) recovery.LeadStore { return users.Open(testDB(t)) },
//			Add:      insertUser,
//			ReadHash: selectHash,
//		})
//	}
//
// Run the suites with -race. A single clause is run by its name, as any subtest
// is: -run TestUsers/write-unknown.
//
// A clause that needs a hook which the harness does not have is skipped, and says
// which. The hooks that make an implementation's server fail are worth their
// lines: most faults that hurt people show only then. Stall makes the server not
// answer, Break makes it refuse, and Mend ends that.
//
// Suites never empty a store, and a store may contain other things. All that
// suites add has random names, so that runs can share a server.
//
// # Time
//
// Some clauses need time to pass. There are three kinds of harness for that:
//
//   - An implementation that lives in this process sets Bubble to
//     synctest.Test. Every clause then runs in a bubble of its own, where time
//     passes at once. A call must take no time there, because the suite judges
//     to the millisecond. One that sleeps, to be like a server, makes clauses
//     fail for which it is right. Test it on a real clock. A goroutine that is
//     left when a clause has ended, and that nothing can wake, is a failure.
//   - A simulated server whose clock the test moves sets Advance. That clock
//     must not move otherwise.
//   - A real server sets neither. The suite then sleeps, in units of Tick. It
//     measures how long a call takes and chooses a Tick that is longer.
//
// On a real clock a clause whose calls took long compared with Tick is run again
// with a longer one, before the implementation is blamed. If it still fails so,
// the failure says that it may be the machine's fault, and which Tick to set. A
// clause that lets no time pass is not run again, because a race that is lost in
// one run of two is a fault.
//
// A suite takes about 15 s on a server nearby, and a minute or so on one that is
// 20 ms away. With Parallel of the harness clauses run side by side. The suites of leads,
// tokens and limits on a PostgreSQL 20 ms away then took half a minute together,
// with -parallel=12, and 211 s one clause after the other. With -short a suite leaves out what needs time
// to pass on a real clock, and says what it left out with -v.
//
// Call a suite outside of a bubble, and set Bubble: a suite starts subtests,
// which is not possible in a bubble.
//
// With Another the suite spreads its calls over two instances that share their
// contents, as several processes do.
//
// # Fakes
//
// [Leads] is a user store in memory, and [Outbox] is a notifier that keeps the
// messages that it gets. Both pass the suites, and fail, block or panic on
// demand. For tokens, limits and jobs use [recovery.MemoryTokenStore],
// [recovery.MemoryLimiter] and [recovery.MemoryQueue], which need no fakes.
//
// # Compatibility
//
// A later version may add clauses, for sentences of a contract that no clause
// tests yet. It may add fields to a harness, so a program that names the fields
// goes on compiling.
package recoverytest
