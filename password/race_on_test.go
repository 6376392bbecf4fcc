//go:build race

package password_test

// raceEnabled is true if argon2 takes several times as long.
const raceEnabled = true
