package recovery

import (
	"net/http"
	"slices"

	"github.com/seed-51359b35/recovery/internal/canonical"
	"github.com/seed-51359b35/recovery/internal/httpapi"
)

// secretParams are the query parameters of this module's links and wires that
// carry secrets, in lower case.
var secretParams = []string{
	"token",                  // links of a Service, and "this was not me"
	"temporarypassword",      // links of LeadSquared
	"tmppassword",            // the same, as many portals name it
	"vtoken",                 // links of LoginRadius
	"apisecret",              // servers that call LoginRadius' API
	"accesskey", "secretkey", // servers that call LeadSquared's API
}

// HideTokens keeps tokens out of access logs. Mount it outermost, around any
// middleware that logs requests:
//
//	http.ListenAndServe(addr, recovery.HideTokens(accessLog(mux)))
//
// Without it, whoever reads the access log can use the links in it while they
// live (A03). HideTokens replaces the values of query parameters that carry
// secrets by the word "hidden", in the URL, the RequestURI and the Referer field
// of the request. The parameters are those of this module's links and APIs.
// params names further ones, such as a [Link].TokenParam or SecretParam that the
// host chose. Names are compared without ASCII case. Paths and bodies are not
// touched.
//
// A proxy in front of the program may write a log of its own, which HideTokens
// cannot change. Have it log paths without their query.
//
// The handlers of this module find the values all the same. A page of the host
// that reads a token from its URL is wrapped in [ShowTokens].
func HideTokens(next http.Handler, params ...string) http.Handler {
	names := slices.Clone(secretParams)
	for _, p := range params {
		names = append(names, canonical.FoldASCII(p))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, httpapi.HideSecrets(r, names))
	})
}

// ShowTokens gives a page of the host the tokens that [HideTokens] took out of
// the query of its URL. Mount it directly around the page, so that no middleware
// sees the tokens. Without HideTokens it changes nothing.
func ShowTokens(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, httpapi.ShowSecrets(r))
	})
}
