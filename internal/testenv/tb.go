package testenv

import "context"

// TB is the part of [testing.TB] that packages for tests use. Every *testing.T,
// *testing.B and *testing.F implements it, and so can a program that is no test,
// such as the benchmarks. Nothing outside package testing can implement
// testing.TB itself.
type TB interface {
	Helper()
	Name() string
	Context() context.Context
	Cleanup(func())
	TempDir() string
	Failed() bool
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
}
