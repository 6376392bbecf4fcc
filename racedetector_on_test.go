//go:build race

package recovery_test

// raceDetector says that everything costs ten times as much.
const raceDetector = true

// slower divides what a test does many times.
const slower = 4
