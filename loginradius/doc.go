// Package loginradius serves LoginRadius' forgotten-password API on a
// [recovery.Service]. Clients written for the vendor, its own SDKs among them,
// work without a change.
//
//	h, err := loginradius.New(loginradius.Options{Apps: []loginradius.App{{
//		APIKey:    "5d2f0c6e-7a41-4d0b-9a55-0e6b6f3c1f10",
//		Secrets:   []recovery.Secret{recovery.NewSecret(os.Getenv("LOGINRADIUS_SECRET"))},
//		Service:   svc,
//		ResetURLs: []string{"https://www.example.com/reset"},
//	}}})
//	if err != nil {
//		return err
//	}
//	mux.Handle("/identity/", h)
//
// # Wire
//
// Success is 200. Names in the query, in headers and in JSON are matched
// without ASCII case. Paths are matched exactly, but for a second slash before
// identity, which an SDK sends whose base URL ends in a slash. (A ServeMux answers
// that with a redirect, before this handler sees it.) A boolean is true, false, 1
// or 0 in any ASCII case, or empty for false. The key is the parameter apikey of
// the query or the header X-LoginRadius-ApiKey. The secret is the header
// X-LoginRadius-ApiSecret or, if the [App] allows it, the parameter apisecret of
// the query.
//
//	POST /identity/v2/manage/account/forgot/token    key and secret
//	     query   sendemail, resetpasswordurl, emailtemplate, prevent_webhook
//	     header  X-PreventWebhook, which takes precedence over the query
//	     body    {"Username"} or {"Email"}
//	     answer  {"ForgotToken":"...","IdentityProviders":["google"]}
//	POST /identity/v2/auth/password                  key
//	     query   resetpasswordurl, emailtemplate
//	     body    {"email"} or {"username"}
//	PUT  /identity/v2/auth/password/reset            key
//	PUT  /identity/v2/auth/password                  key
//	     body    {"resettoken","password"}, {"otp","email","password"}
//	             or {"otp","username","password"}
//	POST /identity/v2/auth/password/otp              key
//	     query   smstemplate, isvoiceotp
//	     body    {"phone"}
//	PUT  /identity/v2/auth/password/otp              key
//	     body    {"phone","otp","password"}
//
// The endpoints that send messages to the public also take the fields of a CAPTCHA,
// in the query or in the body, if the Service has one verified: see
// [recovery.CaptchaOptions]. The query may have 24 KiB in all, and the body 16 KiB.
//
// A server that calls a public endpoint for a person passes on the person's
// address in X-Origin-IP, as the vendor's server SDKs do. It is believed from
// ServerCallers of [recovery.ClientAddressOptions], and from whoever sends the
// secret along. From others it is ignored.
//
// All endpoints but the first answer {"IsPosted":true}. A mailed link is one of
// [App.ResetURLs] with vtype=reset and vtoken. vtoken has the same value as
// ForgotToken. A client sends it back as resettoken.
//
// Every error, also a 404 or 405, has the vendor's five keys, because an SDK of
// the vendor's looks only for ErrorCode:
//
//	{"Description":"...","ErrorCode":938,"Message":"User does not exist",
//	 "IsProviderError":false,"ProviderErrorResponse":null}
//
//	ErrorCode   status     when
//	901, 902    403, 401   unknown key (901); wrong secret (902)
//	908         400        a parameter is missing, malformed or given twice,
//	                       or stands for something that is not offered;
//	                       Description names it. A CAPTCHA was not solved
//	908         404, 405   unknown path (404); wrong method (405)
//	908         429        too many calls
//	909         403        a browser at the first endpoint; a further proof
//	                       is required
//	938         403        no such lead (first endpoint only)
//	950         500, 503   the operation failed
//	965, 1079   400, 413   the body of a POST (965) or PUT (1079) is not one
//	                       JSON object, or is larger than 16 KiB
//	1063        403        the token is invalid, used or expired
//	1083        400, 415   the body is not declared as JSON (400), or is
//	                       compressed (415)
//	1089        400        no password
//	1122, 1178  403        a limit on mails (1122) or on tokens (1178) is
//	                       exceeded (first endpoint only)
//	1134        403        the password is refused; the answer has Errors too
//	1185        403        the code is invalid, used or expired
//	1216, 1315  403        the password is well known (1216) or breached (1315)
//
// # Threat model
//
// The API key is public: every browser knows it. It identifies an app and
// authenticates nobody (A82). So the endpoints that need only the key are as
// good as anonymous. They are limited by the pair of key and client address and
// by the client's own limits, and they answer every identifier with the same
// bytes (A20 to A26). Only the answer of the first endpoint holds a token
// (A38).
//
// The secret gives access to the first endpoint. Whoever has its token can take
// the account over (A80). The secret is compared in constant time. A request
// from a browser is refused before anything else is checked, and CORS is never
// answered at this endpoint. The limit of the key counts a request after the
// secret was checked, so that strangers cannot use up the limit. One client
// address may present 25 different secrets in 5 s
// ([recovery.Service.AllowSecret]). Still, a secret must be drawn at random.
//
// resetpasswordurl chooses among the host's URLs and never adds to them. It is
// compared byte by byte up to its query, its query is ignored, and the message
// carries the configured string (A01, A02). Names of templates are looked up in
// the App's list (A66). prevent_webhook works only at the endpoint that
// requires the secret: whoever resets somebody else's password must not be able
// to suppress the event that reports it.
//
// This package writes no query, header or body to a log. The host's access log
// may hold the query, unless [recovery.HideTokens] is mounted outermost.
// Therefore a secret in the query is refused by default.
// The handler limits bodies to 16 KiB. The host sets the timeouts of its
// [http.Server].
//
// # Differences from the vendor
//
//	what                         why                       what a client sees
//	users on public endpoints    nobody may learn who has  {"IsPosted":true} for every
//	                             an account (A20)          identifier; 938 only with the secret
//	used and expired tokens      the same (A24)            1063 in place of 974 and 975
//	wrong, used, expired codes   the same (A24)            1185, by mail and by SMS
//	disabled users, and those    no token would help       938, where the secret is known
//	without a password
//	messages                     an address that nobody    only to verified addresses; 938
//	                             proved may be a           where the secret is known and
//	                             stranger's (A81)          sendemail is true
//	ForgotToken                  it is sealed, so nobody   letters, digits, "-" and "_", and
//	                             reads or makes one        not the JWT of the vendor's sample
//	a resetpasswordurl           links lead to the host's  908 unless scheme, host, port and
//	                             pages alone (A02)         path are those of [App.ResetURLs];
//	                                                       the mail has the URL listed there
//	the secret in the query      it reaches access logs    908, unless the App has
//	                                                       DangerouslyAllowQuerySecret
//	browsers at the first        whoever has its answer    403 / 909, and no CORS
//	endpoint                     has the account (A80)
//	request signing (digest,     each SDK signs something  908, which names request signing
//	X-Request-Expires)           else
//	two values of a parameter,   two servers may read      908; a key or secret that differs
//	email with username, or      different ones (A12)      from its header is a wrong one
//	resettoken with otp
//	bodies with two meanings     parsers that differ have  965 or 1079 for a name given twice,
//	                             let attackers through     invalid UTF-8, trailing data, more
//	                             (A60, A61)                than 8 levels or 16 KiB; then the
//	                                                       connection is closed
//	paths in another spelling    a gateway could overlook  404 / 908 for other case, a slash
//	                             it (A52)                  at the end, a dot segment, an escape
//	pages of other origins       any page could send its   no CORS, unless [App.Origins] lists
//	                             visitors' browsers here   them; no page can read the answer
//	                                                       to an unknown key
//	templates                    the host writes its       908 unless the App registers the
//	                             messages (A66)            name
//	resetPasswordEmailTemplate,  the host writes the       no effect: the usual notice is sent
//	welcomeEmailTemplate         notice of a reset
//	the first endpoint with a    its answer is a link      a link, with the usual template
//	template for codes           token
//	1123 (limit on SMS)          the endpoint that tells   does not occur
//	                             of limits sends no SMS
//	isVoiceOtp                   no calls are made         908, and no SMS in its place
//	codes                        fewer could be guessed    eight digits, dead after a few wrong
//	                             (A34)                     ones, by default five
//	new passwords                short ones are guessed    1134, with all reasons, below the
//	                                                       host's policy, by default 15
//	                                                       characters; the token still works
//	security questions           ASVS v5.0.0-6.4.2         404 / 908
//	a CAPTCHA                    the host verifies it      908 "The CAPTCHA is missing or was
//	                                                       not solved."
//	X-Origin-IP                  whoever may write it has  no effect, unless the server is
//	                             the limits of anybody     listed or sends the secret (A50)
//	limits                       those of this library     429 / 908 with the vendor's text
//	                             are added to 25 in 5 s    and other numbers, and the
//	                                                       connection is closed, on which an
//	                                                       SDK waits
//	prevent_webhook in public    nobody may hide whose     no effect
//	                             password they reset
//	a step-up                    the vendor has none       403 / 909
//	a second factor              no call of the vendor     403 / 909 "A further proof is
//	                             can carry one             required." for whoever needs one
//	                                                       ([recovery.SecondFactorOptions]):
//	                                                       they choose the password on the
//	                                                       pages of package portal, or by the
//	                                                       library's own API
//	other errors                 an SDK looks only for     all have the five keys, also 404,
//	                             ErrorCode                 405, 413 and 503
//	names of providers           two SDKs take them for    those with "Description" or
//	                             failures                  "rrorCode" in them are left out
//	other endpoints of the API,  they belong to the host   404 / 908, or what [Options].Next
//	such as PINs                                           answers
//
// # Migrating
//
// Point the SDK's base URL at the host. Keep key and secret, or issue new ones.
// Set [App.DangerouslyAllowQuerySecret] to accept secrets in the query as well,
// as the vendor's documentation shows them, until the clients are changed.
// Register the e-mail templates under their old names, with [TemplateCode] for
// those of the one-time-password flow. Declare the fields Username (type Text,
// IgnoreCase), EmailAddress and Phone in [recovery.Options], or name other
// fields in [App]. Links and codes that the vendor sent before the change are
// not known here; they are answered with 1063 and 1185.
package loginradius
