package redistest

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports are below the range that systems use for the local ends of outgoing
// connections (32768 and up on Linux, 49152 on others). A port that the kernel
// chooses is from inside that range. While its server is down, another
// connection can get this port, and the restart fails. A client can even
// connect to itself. The bus of a Cluster listens on a port that is busOffset
// higher, which is also below the range.
const (
	lowestPort  = 10_000
	highestPort = 22_700
	busOffset   = 10_000
)

// freePort returns a loopback port. A moment ago no program listened on it, or
// on the port that is busOffset higher. Another program can get the port before
// it is used, so callers try again.
func freePort() (int, error) {
	for range 200 {
		port := lowestPort + rand.IntN(highestPort-lowestPort)
		if isFree(port) && isFree(port+busOffset) {
			return port, nil
		}
	}
	return 0, errors.New("redistest: no free port")
}

func isFree(port int) bool {
	l, err := net.Listen("tcp4", loopback(port))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

func loopback(port int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}
