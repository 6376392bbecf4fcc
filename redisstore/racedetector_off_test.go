//go:build !race

package redisstore_test

// raceDetector says that everything costs ten times as much.
const raceDetector = false
