// Package portal is the pages on which a person who forgot a password chooses a
// new one, for applications that have none of their own.
//
// # Quick start
//
//	service, err := recovery.New(leads, tokens, notifier, recovery.Options{
//		Keys:  keys,
//		Link:  recovery.Link{URL: "https://acme.example/account/reset"},
//		NotMe: recovery.Link{URL: "https://acme.example/account/not-me"},
//		// ...
//	})
//	pages, err := portal.New(service, portal.Options{
//		BaseURL: "https://acme.example/account",
//		Keys:    keys,
//		Product: "Acme",
//		SignIn:  "/sign-in",
//	})
//	mux.Handle("/account/", pages)
//	mux.Handle("/.well-known/change-password", pages)
//
// # The pages
//
// Below BaseURL:
//
//	/forgot   asks for an address, or a phone number
//	/sent     "check your inbox"
//	/code     takes a code, where Options.Phone is set
//	/reset    takes the new password; links lead here
//	/done     says that it was changed
//	/not-me   "this was not me"; links lead here
//	/told     says what was done about it
//
// /reset takes links with LeadId and TemporaryPassword (the LeadSquared wire),
// with vtype=reset and vtoken (LoginRadius), and with token (the Service's own);
// /not-me takes token. Any page takes lang, one of en, es, fr, de, pt, hi, ar,
// zh and ja: /forgot?lang=de is the German page.
//
// A page is one response of 10 to 17 KB, with style and script in it; a logo and
// a font are the only other files, from the same origin. Without JavaScript
// everything works; the script shows the password, says which rules it meets
// while it is typed, takes a code out of what is pasted, and keeps a second
// click from sending a form twice. It sends nothing. The pages need cookies, and
// say so to a browser that keeps none.
//
// Forms need a browser that says where they come from: Chrome 76, Firefox 90 and
// Safari 16.4, or later. Under no-referrer, older ones send a form with "Origin:
// null" and nothing else, as an attacker's page does.
//
// The language is the one chosen on the page, then the lead's, then what the
// browser asks for. All errors are in it, and tell what to do.
//
// # Threat model
//
//   - The token leaves the URL with the first response, which stores it sealed
//     in a cookie (__Host-, Secure, HttpOnly, SameSite=Lax) and answers 303. So
//     it stands in no history, no Referer and no screenshot (A03); a host keeps
//     the query of /reset and /not-me out of its own access log.
//   - To look changes nothing: GET and HEAD, of scanners that run scripts as
//     well, consume no link; the form has to be sent (A04).
//   - A link that is not valid takes the place of none that is: a stray or forged
//     one, which any site can have a browser open, costs the person nothing.
//   - Where another link has taken the cookie since a form was shown, sending it
//     changes nothing and shows the page of the other link: with two tabs, no
//     account gets a password that was meant for another.
//   - What another site sends is refused with 403 on every path, by
//     [http.CrossOriginProtection] (A70). Nothing is framed (A71) or opened with
//     a window of another site attached (A73), and no script or style runs but
//     those of the page, by nonce (A72). Templates escape all that they show.
//   - /done and /told are shown to the browser that did what they say, and to no
//     other: a link to them would be good for a phishing mail.
//   - No page says whether an account exists. /sent is the same for everybody,
//     and a link that works no longer is one page, whatever the reason.
//   - Nobody is signed in, and no session is touched but to end it.
//
// Whoever holds a valid link is shown the account's address: so a person sees
// whose password it is, and a password manager keeps the two together.
//
// # Templates
//
// Options.Templates is a file system with any of
//
//	layout.html  forgot.html  sent.html  code.html  reset.html  done.html
//	not-me.html  told.html  dead.html  problem.html  style.css  script.js
//
// Each replaces the built-in file of that name, of which those in the directory
// templates of this package are the best example; *.html are html/template on
// [Data]. layout.html is the frame; it calls {{template "main" .}} where the
// page's own file goes, and defines "alert", which the built-in pages call. [New]
// renders everything in every language, and refuses a form without its fields,
// an error that is not shown, a resource of another site, a style or script
// element without the nonce, and an attribute such as onclick or style, which
// the pages' policy would keep from working. The built-in script finds what it
// works on by the ids password, show, username, code and status and by
// data-rule; what is not there it leaves out. A style or script with "</" in it is
// refused. Should a host's template fail all the same while it is shown, the
// error is logged and a built-in page says so.
//
// # Operating
//
// A mux that answers every path must leave the probe URL of the well-known
// change-password specification a 404, and a service worker of the host's must
// leave these pages alone. Behind a proxy, BaseURL is what people see; nothing is taken from a request's
// Host. The pages answer 429 with Retry-After when the Service's limits are
// met, and 503 when a store does not answer. They need https: only on localhost
// and loopback addresses http will do, and the cookies then have no __Host-.
// Set Strict-Transport-Security for the whole site, which no library should do.
package portal
