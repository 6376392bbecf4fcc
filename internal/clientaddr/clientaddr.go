// Package clientaddr finds the network address that a request counts against.
//
// The address decides whose quota is spent, so a client must not be able to
// choose it. The peer of the connection is the client, unless the host
// application has said which proxies stand in front of it; only then is
// X-Forwarded-For read, and only as far as trusted proxies vouch for it. No
// other header (Forwarded, X-Real-IP, True-Client-IP, CF-Connecting-IP) is ever
// read: a proxy that sets one of them passes on whatever the client put into
// the others.
package clientaddr

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

const (
	// maxHops bounds the elements of X-Forwarded-For that are looked at, and
	// with maxHop the bytes. No sane chain of proxies comes near.
	maxHops = 32
	// maxHop is the longest element in bytes, the white space around it
	// included. "[" + 45 bytes of IPv6 + zone + "]:65535" leaves much room.
	maxHop = 128

	defaultV6Bits = 64
	minV6Bits     = 48
)

// A Resolver knows the trusted proxies. It is immutable and safe for concurrent
// use. The zero Resolver is not valid; use [New].
type Resolver struct {
	trusted []netip.Prefix
	v6bits  int
}

// New returns a Resolver that believes X-Forwarded-For from the proxies whose
// addresses are in trusted, and from nobody if there are none.
//
// IPv6 clients share a bucket by their first v6bits bits, 48 to 64; zero means
// 64, which is what one customer is given at the least. Customers who are given
// more (a /56 or a /48) have as many buckets as they have /64 networks.
//
// New reports every mistake at once. A prefix of zero bits is one: if everybody
// is a trusted proxy, everybody chooses their own address.
func New(trusted []netip.Prefix, v6bits int) (*Resolver, error) {
	var errs []error
	switch {
	case v6bits == 0:
		v6bits = defaultV6Bits
	case v6bits < minV6Bits || v6bits > 64:
		errs = append(errs, fmt.Errorf("IPv6 prefix length %d is not between %d and 64", v6bits, minV6Bits))
	}
	r := &Resolver{trusted: make([]netip.Prefix, 0, len(trusted)), v6bits: v6bits}
	for i, p := range trusted {
		q, err := canonicalPrefix(p)
		if err != nil {
			errs = append(errs, fmt.Errorf("trusted proxy %d: %w", i, err))
			continue
		}
		r.trusted = append(r.trusted, q)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return r, nil
}

// canonicalPrefix brings p into the form in which it matches canonical
// addresses. An IPv4-mapped prefix would otherwise silently match none.
func canonicalPrefix(p netip.Prefix) (netip.Prefix, error) {
	if !p.IsValid() {
		return p, errors.New("invalid prefix")
	}
	if a := p.Addr(); a.Is4In6() {
		if p.Bits() < 96 {
			return p, fmt.Errorf("%v is wider than all of IPv4", p)
		}
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	if p.Bits() == 0 {
		return p, fmt.Errorf("%v trusts every client", p)
	}
	return p.Masked(), nil
}

// Addr returns the address of the client that sent req: the peer of the
// connection, or, if that is a trusted proxy, the last hop in X-Forwarded-For
// that is not. Of a chain of nothing but trusted proxies it is the first. The
// address is never IPv4-mapped and has no zone.
//
// It is the zero Addr if the peer has no IP address (a Unix domain socket), if
// the walk meets a hop that is not one ("unknown"), or if it does not come to
// an end within 32 hops. Such clients share a single bucket: what cannot be
// told apart is counted together, not let off.
func (r *Resolver) Addr(req *http.Request) netip.Addr {
	addr := parseHop(req.RemoteAddr)
	if !r.isTrusted(addr) {
		return addr
	}
	// The header may be given on several lines, which are one list
	// (RFC 9110, 5.3). Each proxy appends the peer that it saw, so only the
	// right end is beyond a client's reach.
	hops := 0
	for _, line := range slices.Backward(req.Header["X-Forwarded-For"]) {
		for more := true; more; {
			if hops++; hops > maxHops {
				return netip.Addr{}
			}
			var hop string
			var ok bool
			if line, hop, more, ok = cutLast(line); !ok {
				return netip.Addr{}
			}
			if hop == "" { // an empty list element is none (RFC 9110, 5.6.1)
				continue
			}
			if addr = parseHop(hop); !r.isTrusted(addr) {
				return addr // the zero Addr is never trusted
			}
		}
	}
	return addr
}

// cutLast cuts the last element off a list. It looks at no more than maxHop
// bytes, however long the list; ok is false if the element is longer.
func cutLast(list string) (rest, last string, more, ok bool) {
	start := max(0, len(list)-maxHop-1)
	i := strings.LastIndexByte(list[start:], ',')
	if i >= 0 {
		i += start
		return list[:i], strings.Trim(list[i+1:], " \t"), true, true
	}
	if len(list) > maxHop {
		return "", "", false, false
	}
	return "", strings.Trim(list, " \t"), false, true
}

// parseHop parses an address that may have a port, and an IPv6 address that may
// have brackets. It returns the zero Addr for anything else.
func parseHop(s string) netip.Addr {
	if len(s) > maxHop {
		return netip.Addr{}
	}
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return canonical(ap.Addr())
	}
	if inner, ok := strings.CutPrefix(s, "["); ok {
		if inner, ok = strings.CutSuffix(inner, "]"); !ok || !strings.Contains(inner, ":") {
			return netip.Addr{}
		}
		s = inner
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return canonical(a)
}

// canonical makes one address of the several that name the same host.
func canonical(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

func (r *Resolver) isTrusted(a netip.Addr) bool {
	for _, p := range r.trusted {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// Bucket returns the name under which a client is counted: the address itself
// for IPv4 ("192.0.2.1/32"), its network for IPv6 ("2001:db8::/64"), and
// "unknown" for the zero Addr.
func (r *Resolver) Bucket(a netip.Addr) string {
	if !a.IsValid() {
		return "unknown"
	}
	a = canonical(a)
	bits := r.v6bits
	if a.Is4() {
		bits = 32
	}
	return netip.PrefixFrom(a, bits).Masked().String()
}
