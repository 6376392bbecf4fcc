package smtpnotifier

import "net"

// tlsHandshake is the first byte of a TLS connection's first record (RFC 8446,
// section 5.1). No SMTP command begins with it.
const tlsHandshake = 0x16

// A wire is the connection below SMTP and TLS. It is used by one goroutine at a
// time, but for Close, which ends whatever is under way.
//
// It adds what clients of SMTP leave out: a bound on what the server may say,
// and that nothing said before TLS is read after it.
type wire struct {
	net.Conn

	storage [4096]byte
	buf     []byte // of storage: was read from Conn and not asked for yet
	secured bool   // TLS has begun
	left    int    // how many bytes the server may still send
}

// expect allows the server n bytes from now on.
func (w *wire) expect(n int) { w.left = n }

// Read reads no further than it has to. Before TLS that is one byte at a time:
// a reader of lines then never holds more than the line that it was asked for,
// and a server, or somebody on the way, who sends further replies behind the
// one to STARTTLS finds them taken for the handshake, which fails, and not for
// replies that came over TLS (CVE-2021-38371).
func (w *wire) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if w.left <= 0 {
		return 0, errTalkative
	}
	if len(w.buf) == 0 {
		n, err := w.Conn.Read(w.storage[:min(len(w.storage), w.left)])
		if n == 0 {
			return 0, err
		}
		w.buf = w.storage[:n]
	}
	if !w.secured {
		p = p[:1]
	}
	n := copy(p, w.buf)
	w.buf, w.left = w.buf[n:], w.left-n
	return n, nil
}

// Write notices when TLS begins.
func (w *wire) Write(p []byte) (int, error) {
	if len(p) > 0 && p[0] == tlsHandshake {
		w.secured = true
	}
	return w.Conn.Write(p)
}
