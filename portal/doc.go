// Package portal serves the pages on which a person who forgot a password
// chooses a new one. It is for applications without such pages of their own.
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
//	/forgot       asks for an address, a user name or a phone number
//	/sent         says "check your inbox"
//	/code         takes a code, where Options.PhoneField is set or mails carry codes
//	/reset        takes the new password; links lead here
//	/done         says that the password was changed
//	/not-me       takes "this was not me"; links lead here
//	/not-me-done  says what was done about that
//	/change-password  takes the current password and a new one from whoever is
//	              signed in, if recovery.ChangeOptions.SignedIn is set
//
// /.well-known/change-password leads whoever is signed in to /change-password, and
// everybody else to /forgot.
//
// /reset takes links with LeadId and TemporaryPassword (the LeadSquared
// format), links with vtype=reset and vtoken (the LoginRadius format), links
// with token (the Service's own), and those of [recovery.Settings].Links by
// whatever names they have. /not-me takes links with token, or as
// [recovery.Options].NotMe names it. Every
// page takes lang, which is one of en, es, fr, de, pt, hi, ar, zh and ja:
// /forgot?lang=de is the German page.
//
// /forgot takes return_to, the place where the person came from, if
// [recovery.Options].ReturnTo lists it:
// /forgot?return_to=https%3A%2F%2Fapp.example.com%2Fcart. It is kept until /done,
// which has a button "Continue to app.example.com". In the mailed link it is sealed.
// Nothing leads there by itself (A02). Any other place counts as none, and the log
// says so once.
//
// A page is one response of 10 to 17 KB, which contains its style and its
// script. The only other files are a logo and a font, from the same origin.
// Everything works without JavaScript. The script can show the password, says
// which rules the password meets while the person types, finds the code in a
// pasted text, and keeps a second click from sending a form twice. If the server
// is busy, it waits and sends the new password again, and the page says so. The
// password stays in its field. Apart from that the script sends nothing. The
// pages need cookies, and say so to a browser that keeps
// none.
//
// Forms need a browser that says where a form comes from, in Sec-Fetch-Site or Origin,
// as all do since 2020. Pages are therefore not "no-referrer", under which Safari before
// 16.4 sends forms with "Origin: null" and nothing else, as an attacker's page does.
//
// A phone number may be written as people write it: with spaces, dashes and brackets of
// all kinds, with "tel:", with "(0)" behind the country code, and in the digits of any
// script. [Options].NationalPhone reads numbers without a country code.
//
// The language that the person chose on the page comes first, then the lead's,
// then those that the browser asks for, by their weights and variety by variety: the
// reader of "de-CH,fr;q=0.9" gets German. Nobody who reads traditional Chinese
// characters gets simplified ones, unless the browser asks for them too or they are
// the default. All errors are in that language, and
// say what to do.
//
// # Threat model
//
//   - The token leaves the URL with the first response. That response stores
//     the token, sealed, in a cookie (__Host-, Secure, HttpOnly, SameSite=Lax)
//     and answers 303. So the token appears in no history, no Referer and no
//     screenshot (A03). A page whose URL may hold a token all the same, because
//     somebody has changed the link, sends its URL nowhere. Mount [recovery.HideTokens] outermost, so that it
//     does not appear in the host's access log either.
//   - Opening a page uses nothing up. GET and HEAD consume no link, even if a
//     scanner runs scripts. The form has to be sent (A04).
//   - An invalid link never replaces a valid one. Any site can make a browser
//     open a stray or forged link, and that costs the person nothing.
//   - If another link has replaced the cookie since a form was shown, sending
//     the form changes nothing and shows the page of the other link. So with
//     two tabs, no account gets a password that was meant for another.
//   - A request from another site is refused with 403 on every path, by
//     [http.CrossOriginProtection] (A70). No other site can show a page in a
//     frame (A71) or keep a hold on the window of a page (A73). Only the
//     scripts and styles of the page run, by nonce (A72). Templates escape all
//     that they show.
//   - /done and /not-me-done are shown only to the browser that did what they
//     say. A link to them would serve a phishing mail.
//   - A code works only in the browser that asked for it: the handle of the code is in
//     a sealed cookie. So nobody else can use it, replace it or spoil it by guesses
//     (A100).
//   - A second factor is asked for in the form for the new password, and only of whoever
//     has a valid link or code and needs one (A103). No page repeats a password or a
//     factor that was typed.
//   - No page says whether an account exists. /sent is the same for everybody.
//     A link that no longer works leads to one and the same page, whatever the
//     reason.
//   - The portal signs nobody in. It ends sessions. After a change of a password by
//     somebody who typed the current one, it has the host open a new session for that
//     browser (A102). It does nothing else with sessions.
//   - The form of /change-password works only for the account for which it was shown.
//     If another account has signed in since, the form changes nothing, and the page
//     for that account is shown.
//   - After a reset the browser is a known device: it keeps one more cookie, by
//     [recovery.Service.RememberDevice]. So no stranger can use up the limits
//     of the person who uses it (A58).
//
// With Options.Captcha the page forgot has the widget of a CAPTCHA, whose provider
// then learns that somebody is there. Its script could read what is typed on
// that page, which holds no token. No other page loads it. But it runs in the
// origin of the pages, and could open the page reset in a window and read that:
// choose a provider that you trust as you trust your own code.
//
// Whoever holds a valid link sees what the account signs in with, as
// [recovery.CheckProofResult] says: its user name or its address. So a person knows
// whose password it is, and a password manager stores the two together.
//
// # Templates
//
// Options.Templates is a file system with any of
//
//	layout.html  forgot.html       sent.html          code.html     reset.html
//	done.html    not-me.html       not-me-done.html   invalid-link.html
//	problem.html style.css         script.js
//	change-password.html           new-password.html
//
// Each replaces the built-in file of that name. The built-in files are in the
// directory templates of this package, and are the best example. The *.html
// files are html/template on [Data]. layout.html is the frame: it calls
// {{template "main" .}} where the page's own file goes, and defines "alert",
// which the built-in pages call. new-password.html defines "new-password", the field
// for a new password with its rules, for the forms of reset and change-password.
//
// [New] renders the host's templates in every language. It refuses:
//   - a form without one of its fields,
//   - an error that is not shown,
//   - a resource of another site, but for the script of Options.Captcha,
//   - a page forgot without {{.Captcha}}, or without the choice of link or code, if
//     there is one,
//   - a page done without a link to {{.ReturnTo}}, if [recovery.Options].ReturnTo
//     lists places,
//   - a style or script element without the nonce,
//   - an attribute such as onclick or style, which the pages' policy stops,
//   - a style or script that contains "</".
//
// The built-in script finds its elements by the ids password, show, username,
// code, status and wait, by data-rule, and the field current by its name. It works
// without those that are missing. If a template of the host fails at run time all
// the same, the error is logged and the person sees a built-in page that says so.
//
// # Brands
//
// One Handler serves many brands: shops, customers of a service that is sold under
// other names, subdomains. [Options].Brands has, for each, its host and path, its
// product, logo, colour, sentences and the like. Templates are compiled once, and
// sentences too, so a brand takes 0.1 ms at the start and 6 KB besides its files.
//
// What people ask for on the pages of a brand is asked for under its name, as
// [recovery.ForgotRequest].Brand. The links in its messages are those of the
// [recovery.Brand] of that name: they should lead to BaseURL + "/reset", "/not-me"
// and "/invitation" of the [Brand]. A link or code of any brand works on the pages of
// all brands, because it belongs to the lead.
//
// Each brand has cookies of its own, also where several share a host. A request for
// a host of no brand gets no page: 421, in plain text (A104). Without brands,
// the Handler does not look at the host. Templates find the name as {{.Brand}}. [New]
// renders them in one language, for one of all the brands that set the same fields.
//
// # Operating
//
// A mux that answers every path must answer 404 for the probe URL of the
// specification of the well-known URL for changing passwords:
//
//	/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200
//
// A service worker of the host must leave these pages alone. Behind a proxy,
// BaseURL is what people see. The portal reads nothing from a request's Host but, with
// [Options].Brands, which brand's pages are meant.
// The pages are found at the path of BaseURL, with or without
// [http.StripPrefix], and behind a proxy that takes that path or the first part
// of it off. A request that comes to a page below another path is told in the
// log, with both paths.
// The pages answer 429 with Retry-After when a limit of the Service is
// exceeded, and 503 when a store does not answer. They need https. http is
// enough only on localhost and loopback addresses, and the names of the cookies
// then have no __Host-. Set Strict-Transport-Security for the whole site: a
// library should not do that for you.
package portal
