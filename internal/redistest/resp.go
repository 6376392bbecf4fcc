package redistest

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
)

// errProtocol reports bytes that are not the Redis protocol (RESP 2 and 3).
var errProtocol = errors.New("redistest: not RESP")

// readCommand reads one command, as an array of strings or inline, and returns
// its bytes and its name in upper case. An empty inline command, to which Redis
// does not reply, has no name.
func readCommand(r *bufio.Reader) (raw []byte, name string, err error) {
	raw, err = readLine(r, nil)
	if err != nil {
		return nil, "", err
	}
	if raw[0] != '*' {
		if f := bytes.Fields(raw); len(f) > 0 {
			name = strings.ToUpper(string(f[0]))
		}
		return raw, name, nil
	}
	n, err := length(raw)
	if err != nil {
		return nil, "", err
	}
	for i := range n {
		start := len(raw)
		if raw, err = readReply(r, raw); err != nil {
			return nil, "", err
		}
		if i == 0 {
			_, first, _ := bytes.Cut(raw[start:], []byte("\r\n"))
			name = strings.ToUpper(string(bytes.TrimSuffix(first, []byte("\r\n"))))
		}
	}
	return raw, name, nil
}

// readReply reads one reply, with all nested ones, and appends it to raw.
func readReply(r *bufio.Reader, raw []byte) ([]byte, error) {
	start := len(raw)
	raw, err := readLine(r, raw)
	if err != nil {
		return nil, err
	}
	line := raw[start:]
	nested := 1
	switch line[0] {
	case '+', '-', ':', '_', ',', '#', '(':
		return raw, nil
	case '$', '=', '!':
		n, err := length(line)
		if err != nil || n < 0 { // -1 is the null of RESP 2
			return raw, err
		}
		body := len(raw)
		raw = slices.Grow(raw, n+2)[:body+n+2]
		_, err = io.ReadFull(r, raw[body:])
		return raw, err
	case '*', '~', '>':
	case '%':
		nested = 2
	case '|':
		// Attributes come before the reply to which they belong.
		if raw, err = readNested(r, raw, line, 2); err != nil {
			return nil, err
		}
		return readReply(r, raw)
	default:
		return nil, errProtocol
	}
	return readNested(r, raw, line, nested)
}

func readNested(r *bufio.Reader, raw, line []byte, each int) ([]byte, error) {
	n, err := length(line)
	if err != nil {
		return nil, err
	}
	for range n * each {
		if raw, err = readReply(r, raw); err != nil {
			return nil, err
		}
	}
	return raw, nil
}

// readLine appends a line and its end to raw.
func readLine(r *bufio.Reader, raw []byte) ([]byte, error) {
	for {
		part, err := r.ReadSlice('\n')
		raw = append(raw, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return raw, err
		}
	}
}

// length parses the number in "*3\r\n".
func length(line []byte) (int, error) {
	n, err := strconv.Atoi(string(bytes.TrimSpace(line[1:])))
	if err != nil || n > 1<<30 {
		return 0, errProtocol
	}
	return n, nil
}
