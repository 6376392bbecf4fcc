package smtpnotifier

import "net"

// tlsHandshake is the first byte of a TLS connection's first record (RFC 8446,
// section 5.1). No SMTP command begins with it.
const tlsHandshake = 0x16

// A wire is the connection below SMTP and TLS. One goroutine at a time uses it.
// Only Close may be called at any time; it ends a Read or Write that runs.
//
// A wire adds two protections that SMTP clients lack: the server may send only
// so many bytes, and bytes that it sent before TLS are never read as if they
// had come over TLS.
type wire struct {
	net.Conn

	storage   [4096]byte
	buf       []byte // part of storage: bytes that Read has not returned yet
	secured   bool   // TLS has begun
	remaining int    // how many bytes the server may still send
}

// allowBytes sets how many bytes the server may send from now on.
func (w *wire) allowBytes(n int) { w.remaining = n }

// Read returns one byte at a time until TLS begins. A reader of lines then
// never buffers more than the line that it was asked for. If the server, or an
// attacker on the network, sends further replies behind the reply to STARTTLS,
// the TLS handshake reads them and fails. They are never taken for replies that
// came over TLS (CVE-2021-38371).
func (w *wire) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if w.remaining <= 0 {
		return 0, errTooManyBytes
	}
	if len(w.buf) == 0 {
		n, err := w.Conn.Read(w.storage[:min(len(w.storage), w.remaining)])
		if n == 0 {
			return 0, err
		}
		w.buf = w.storage[:n]
	}
	if !w.secured {
		p = p[:1]
	}
	n := copy(p, w.buf)
	w.buf, w.remaining = w.buf[n:], w.remaining-n
	return n, nil
}

// Write writes p, and records when TLS begins.
func (w *wire) Write(p []byte) (int, error) {
	if len(p) > 0 && p[0] == tlsHandshake {
		w.secured = true
	}
	return w.Conn.Write(p)
}
