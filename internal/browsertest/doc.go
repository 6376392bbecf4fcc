// Package browsertest drives a real Chromium in tests as a person does, with a
// mouse and a keyboard, and records what the browser does.
//
//	tab := browsertest.Start(t).Open(t)
//	tab.Load(server.URL)
//	tab.Click("#name")
//	tab.Type("Jane")
//	tab.Follow(func() { tab.Press(kb.Enter) })
//
// [Start] runs a Chromium for one test. A [Shared] runs one for all tests of a
// package. A [Tab] has a profile of its own, and records every request and
// every complaint of the browser.
//
// # What a test must have
//
// Chromium must be on the PATH. If it is not, [Require] skips the test with one
// line, or fails it where RECOVERY_REQUIRE_CHROMIUM is 1. The same holds for
// Node and for packages of npm, such as axe-core: see [Package].
//
// # The network
//
// Every host name leads to 127.0.0.1. So the servers of a test can have the
// names of different sites, and nothing leaves the machine. Certificates are
// not checked. The browser listens on no port, so several can run at once.
//
// # Concurrency and failures
//
// Several tests may use one [Browser] at the same time, each with its own tabs.
// A Tab belongs to the goroutine of its test. It ends the test with Fatal when
// something takes more than 40 seconds. The limit is longer on a machine that
// was busy when the tab was opened.
//
// # Where the tests are
//
// browsertest is a separate module, so that the main module does not require
// chromedp. The directories portal, messages, leadsquared, loginradius and i18n have the
// tests of these packages that need a browser or Node. With RECOVERY_LONG=1 they check every
// combination of page, language, width and colours. Without it they check a
// part that has each of these at least once.
package browsertest
