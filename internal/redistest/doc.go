// Package redistest starts real Redis servers, Clusters and Sentinels for tests
// and benchmarks, and breaks them on purpose.
//
//	server := redistest.Start(t)
//	client := server.Client(t)
//	server.Freeze()
//
// [Start] runs one redis-server, [StartCluster] three masters with a replica
// each, [StartSentinel] a master with two replicas watched by three sentinels,
// and [StartMasterReplica] plain replication over links that can be stalled. A
// [Proxy] between a client and a server loses, delays and cuts what passes.
//
// # What a test must have
//
// A redis-server, version 7 or later, on the PATH: [Require] skips the test with
// one line where there is none, and fails it where RECOVERY_REQUIRE_REDIS is 1.
//
// # What is left behind
//
// Nothing. Servers and proxies end with the test that started them, and on Linux
// the kernel kills the servers when the test process dies, even of a panic or
// of the timeout of go test. Data lives in the test's temporary directory. No
// port is fixed: tests of several packages can run at the same time.
//
// # Concurrency and failures
//
// What acts on one process or proxy (Kill, Freeze, Restart, the methods of
// Proxy) may be called from any goroutine and reports trouble with Errorf, so
// that a goroutine can break things while others work. What looks up or waits
// takes a [TB], calls its Fatalf, and so belongs to that test's goroutine.
// Everything gives up within 30 seconds, later on a slow machine.
//
// # Programs
//
// [TB] is the part of testing.TB that is used here, so that a program can start
// servers without linking package testing: see [Run].
package redistest
