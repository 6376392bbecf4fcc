// Package redistest starts real Redis servers, Clusters and Sentinels for tests
// and benchmarks, and makes them fail on purpose.
//
//	server := redistest.Start(t)
//	client := server.Client(t)
//	server.Freeze()
//
// [Start] runs one redis-server. [StartCluster] runs three masters with a
// replica each. [StartSentinel] runs a master with two replicas and three
// sentinels. [StartMasterReplica] runs a master with replicas, over links that
// can be stalled. A [Proxy] between a client and a server loses, delays and
// cuts messages.
//
// # What a test needs
//
// A test needs a redis-server of version 7 or later on the PATH. Without one,
// [Require] skips the test with one line, and fails it if
// RECOVERY_REQUIRE_REDIS is 1.
//
// # What a test leaves behind
//
// A test leaves nothing behind. Servers and proxies end with the test that
// started them. On Linux the kernel kills the servers when the test process
// dies, also by a panic or by the timeout of go test. Data is kept in the
// test's temporary directory. No port is fixed, so tests of several packages
// can run at the same time.
//
// # Concurrency and failures
//
// Methods that act on one process or proxy (Kill, Freeze, Restart, the methods
// of Proxy) may be called from any goroutine, and report failures with Errorf.
// So one goroutine can cause faults while others work. Functions that look up
// or wait have a parameter of type [TB] and call its Fatalf, so only the
// goroutine of that test may call them. Every function returns within 30
// seconds, or later on a slow machine.
//
// # Programs
//
// [TB] is the part of testing.TB that this package uses. So a program can start
// servers without package testing: see [Run].
package redistest
