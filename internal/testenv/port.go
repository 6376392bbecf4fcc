package testenv

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// Ports are below the range that systems use for the local ends of outgoing
// connections (32768 and up on Linux, 49152 on others). A port that the kernel
// chooses is from inside that range. While its server is down, another
// connection can get this port, and the restart fails. A client can even connect
// to itself. The bus of a Redis Cluster listens on a port that is 10,000 higher,
// which is also below the range.
const (
	lowestPort  = 10_000
	highestPort = 22_700
)

// given are the ports that this process got. Two tests must not get one port:
// the second one's server would fail to start, and the first one's server would
// answer in its place.
var given sync.Map

// FreePort returns a loopback port that no earlier call returned. A moment ago no
// program listened on it, or on the ports that are higher by one of offsets.
// Another program can get the port before it is used, so callers that start a
// program try again. Several goroutines may call FreePort at once.
func FreePort(offsets ...int) (int, error) {
	for range 1000 {
		port := lowestPort + rand.IntN(highestPort-lowestPort)
		if _, taken := given.LoadOrStore(port, true); taken {
			continue
		}
		free := isFree(port)
		for _, offset := range offsets {
			free = free && isFree(port+offset)
		}
		if free {
			return port, nil
		}
	}
	return 0, errors.New("no free port between " + strconv.Itoa(lowestPort) + " and " + strconv.Itoa(highestPort))
}

// FreeAddr is [FreePort] as an address of the loopback interface, for a program
// that a test starts.
func FreeAddr(t TB) string {
	t.Helper()
	port, err := FreePort()
	if err != nil {
		t.Fatalf("%v", err)
	}
	return Loopback(port)
}

// Loopback returns 127.0.0.1 with port.
func Loopback(port int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

func isFree(port int) bool {
	l, err := net.Listen("tcp4", Loopback(port))
	if err != nil {
		return false
	}
	return l.Close() == nil
}
