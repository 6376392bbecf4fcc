// Package routers shows the library in applications with common routers: chi,
// echo and gin, with sessions of alexedwards/scs, and net/http with the
// CookieStore of gorilla/sessions.
//
// [Chi], [Echo] and [Gin] differ only in how a router mounts an [http.Handler]
// and writes its access log. In all of them [recovery.HideTokens] is outermost,
// so that the log of the router has no token. The API and the pages are mounted
// at their paths without [http.StripPrefix].
//
// [Gorilla] has sessions that are held by browsers alone, which nobody can
// delete. Each has a stamp from the user's row, and a reset changes the row.
//
// [Host] is what all applications have in common: users, log-in and mail.
package routers
