package clientaddr

import (
	"net/http"
	"net/netip"
	"strings"
)

// originIP is X-Origin-IP, as [http.Header] spells it.
const originIP = "X-Origin-Ip"

// PassedOn returns the address of the person for whom a server sent req, if the
// server is believed. sender is what [Resolver.Addr] returned for req. proven
// says that the sender has proved a secret. ok is false if no address is passed
// on by somebody who is believed: then sender is the client.
//
// If the server passes on anything but one address, PassedOn returns the zero
// Addr: such people share one bucket, as they do in Addr.
func (r *Resolver) PassedOn(req *http.Request, sender netip.Addr, proven bool) (person netip.Addr, ok bool) {
	if !PassesOn(req) || !proven && !r.isServer(req, sender) {
		return netip.Addr{}, false
	}
	values := req.Header[originIP]
	if len(values) > 1 {
		return netip.Addr{}, true // nothing shows which one is right
	}
	return parseHop(strings.Trim(values[0], " \t")), true
}

// PassesOn reports whether the sender of req names a person for whom it calls,
// believed or not.
func PassesOn(req *http.Request) bool {
	values := req.Header[originIP]
	return len(values) > 1 || len(values) == 1 && values[0] != ""
}

// isServer reports whether sender is one of the host's servers. A field of a
// proxy that was not read, or not to its beginning, says that sender is a proxy,
// and perhaps one that the host has not listed. Behind it is anybody, so it is not
// believed: a host that lists a server must not thereby believe what strangers
// write, because a proxy runs on that machine too (A50).
func (r *Resolver) isServer(req *http.Request, sender netip.Addr) bool {
	if !contains(r.servers, sender) {
		return false
	}
	ignored, _ := r.Ignored(req)
	_, forwards := r.find(req)
	return ignored == "" && !forwards
}
