package clientaddr

import (
	"net/netip"
	"slices"
	"strings"
)

// maxForwarded limits the bytes of one line of Forwarded that are read.
const maxForwarded = maxHops * maxHop

// lastForwarded is find for the lines of a Forwarded field (RFC 7239).
func (r *Resolver) lastForwarded(lines []string, addr netip.Addr) (last netip.Addr, forwards bool) {
	hops := 0
	for i, line := range slices.Backward(lines) {
		if len(line) > maxForwarded {
			return netip.Addr{}, true
		}
		elements, ok := forwardedFor(line)
		if !ok {
			return netip.Addr{}, true
		}
		for j, hop := range slices.Backward(elements) {
			if hops++; hops > maxHops {
				return netip.Addr{}, true
			}
			if addr = parseHop(hop); !r.isTrusted(addr) {
				return addr, i+j > 0
			}
		}
	}
	return addr, false
}

// forwardedFor returns the node of the parameter "for" of each element, or an
// empty string for an element without it. It reports false if the line does not
// have the syntax of RFC 7239, section 4. A client can begin a quoted string in
// what it sends, so a line is read from its beginning, as a whole or not at all.
func forwardedFor(line string) (nodes []string, ok bool) {
	rest := line
	for {
		rest = strings.TrimLeft(rest, " \t")
		if rest == "" {
			return nodes, true
		}
		if rest[0] == ',' { // an empty element does not count (RFC 9110, 5.6.1)
			rest = rest[1:]
			continue
		}
		var node string
		if node, rest, ok = forwardedElement(rest); !ok {
			return nil, false
		}
		nodes = append(nodes, node)
	}
}

// forwardedElement reads the pairs up to the comma after them. A parameter that
// occurs twice is malformed.
func forwardedElement(s string) (node, rest string, ok bool) {
	found := false
	for {
		n := tokenLength(s)
		if n == 0 || n == len(s) || s[n] != '=' {
			return "", "", false
		}
		name, value := s[:n], ""
		if value, s, ok = forwardedValue(s[n+1:]); !ok {
			return "", "", false
		}
		if strings.EqualFold(name, "for") {
			if found {
				return "", "", false
			}
			found, node = true, value
		}
		s = strings.TrimLeft(s, " \t")
		switch {
		case s == "":
			return node, "", true
		case s[0] == ',':
			return node, s[1:], true
		case s[0] != ';':
			return "", "", false
		}
		s = strings.TrimLeft(s[1:], " \t") // no RFC allows the space, and proxies write it
	}
}

// forwardedValue reads a token or a quoted string (RFC 9110, 5.6.4). It also
// reads an address with colons and brackets that is not quoted: RFC 7239 asks
// for quotes, and proxies forget them.
func forwardedValue(s string) (value, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		n := len(s) - len(strings.TrimLeftFunc(s, func(r rune) bool { return isToken(r) || strings.ContainsRune(":[]", r) }))
		return s[:n], s[n:], n > 0
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:], true
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

func tokenLength(s string) int {
	return len(s) - len(strings.TrimLeftFunc(s, isToken))
}

// isToken reports whether a token may have the character (RFC 9110, 5.6.2).
func isToken(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r < 0x80 && strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}
