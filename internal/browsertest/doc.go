// Package browsertest drives a real Chromium in tests, as a person does: with
// a mouse and a keyboard, and with eyes on what the browser did meanwhile.
//
//	tab := browsertest.Start(t).Open(t)
//	tab.Load(server.URL)
//	tab.Click("#name")
//	tab.Type("Jane")
//	tab.Follow(func() { tab.Press(kb.Enter) })
//
// [Start] runs a Chromium for one test; a [Shared] runs one for all tests of a
// package. A [Tab] has a profile of its own, and records every request, and all
// that the browser complains of.
//
// # What a test must have
//
// Chromium on the PATH: [Require] skips the test with one line where there is
// none, and fails it where RECOVERY_REQUIRE_CHROMIUM is 1. It is the same with
// axe-core for [Axe].
//
// # The network
//
// Every host name leads to 127.0.0.1, so that servers of a test can have the
// names of different sites, and nothing leaves the machine. Certificates are
// not looked at. The browser listens on no port, so that several run at once.
//
// # Concurrency and failures
//
// Several tests may use one [Browser] at the same time, each with tabs of its
// own. A Tab belongs to the goroutine of its test, which it ends with Fatal
// when something takes more than 40 seconds, or longer on a machine that was
// busy when the tab was opened.
//
// # Where the tests are
//
// This is a module of its own, so that the main one does not require chromedp.
// The directories portal and messages have the tests of these packages that
// need a browser. RECOVERY_LONG=1 has them see every combination of page,
// language, width and colours; else they see a covering part.
package browsertest
