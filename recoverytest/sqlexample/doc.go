// Package sqlexample is the worked example of docs/own-store.md: a small
// recovery.LeadStore on SQL, a draft of it with faults, and its tests.
package sqlexample
