package redistest

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports are drawn from below the range from which the usual systems take the
// local ends of outgoing connections (32768 and up on Linux, 49152 on others).
// A port got by binding to 0 is from inside that range: while its server is
// down, a client's connection to something else can take it, and the restart
// fails; worse, a client can connect to itself. The bus of a Cluster listens
// busOffset higher, still below.
const (
	lowestPort  = 10_000
	highestPort = 22_700
	busOffset   = 10_000
)

// freePort returns a loopback port that nobody listened on a moment ago, nor
// on the one busOffset higher. Somebody can take it before it is used, so
// callers try again.
func freePort() (int, error) {
	for range 200 {
		port := lowestPort + rand.IntN(highestPort-lowestPort)
		if free(port) && free(port+busOffset) {
			return port, nil
		}
	}
	return 0, errors.New("redistest: no free port")
}

func free(port int) bool {
	l, err := net.Listen("tcp4", loopback(port))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

func loopback(port int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}
