//go:build race

package password_test

// raceEnabled says that argon2 takes several times as long.
const raceEnabled = true
