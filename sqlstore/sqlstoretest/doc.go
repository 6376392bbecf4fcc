// Package sqlstoretest tests package sqlstore on real databases, through real
// drivers. It is a module of its own, so that sqlstore requires no driver.
package sqlstoretest
