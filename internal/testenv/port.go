package testenv

import (
	"errors"
	"net"
	"os"
	"strconv"
	"sync/atomic"
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

// next is the next port to try. Two tests must not get one port: the second
// one's server would fail to start, and the first one's would answer in its place.
// So each port is tried once. Processes that run side by side begin at different
// ports: their IDs are often neighbours, so these are spread over the range.
var next atomic.Int64

func init() { next.Store(int64(os.Getpid()) * 331 % (highestPort - lowestPort)) }

// FreePort returns a loopback port that no earlier call of this process returned,
// unless it has been through all 12,700. A moment ago no
// program listened on it, or on the ports that are higher by one of offsets.
// Another program can get the port before it is used, so callers that start a
// program try again. Several goroutines may call FreePort at once.
func FreePort(offsets ...int) (int, error) {
	for range highestPort - lowestPort {
		port := lowestPort + int(next.Add(1)%(highestPort-lowestPort))
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
