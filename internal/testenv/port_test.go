package testenv_test

import (
	"net"
	"sync"
	"testing"

	"github.com/seed-51359b35/recovery/internal/testenv"
)

// Tests run side by side, and each starts its own server.
func TestNoPortIsGivenTwice(t *testing.T) {
	var wg sync.WaitGroup
	var seen sync.Map
	for range 8 {
		wg.Go(func() {
			for range 100 {
				addr := testenv.FreeAddr(t)
				if _, twice := seen.LoadOrStore(addr, true); twice {
					t.Errorf("%s was given twice", addr)
				}
			}
		})
	}
	wg.Wait()
}

func TestFreePortAsksForItsOffsets(t *testing.T) {
	listening := testenv.FreeAddr(t)
	l, err := net.Listen("tcp4", listening)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	high := l.Addr().(*net.TCPAddr).Port
	for range 200 {
		port, err := testenv.FreePort(1)
		if err != nil {
			t.Fatal(err)
		}
		if port+1 == high {
			t.Fatalf("%d is free, and %d is not", port, high)
		}
	}
}
