// Package snippets_test has the code that the pages in docs quote and that is
// part of no whole program. Its tests run that code.
package snippets_test
