// Package loginradius serves LoginRadius' forgotten-password API on a
// [recovery.Service], so that clients written for the vendor, its own SDKs
// among them, work unmodified.
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
// without ASCII case; paths are exact. A key is the query's apikey or the
// header X-LoginRadius-ApiKey, a secret the header X-LoginRadius-ApiSecret or,
// where an [App] allows it, the query's apisecret.
//
//	POST /identity/v2/manage/account/forgot/token    key and secret
//	     query   sendemail, resetpasswordurl, emailtemplate, prevent_webhook
//	     header  X-PreventWebhook, which wins over the query
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
//	     query   smstemplate
//	     body    {"phone"}
//	PUT  /identity/v2/auth/password/otp              key
//	     body    {"phone","otp","password"}
//
// All but the first answer {"IsPosted":true}. A mailed link is one of
// [App.ResetURLs] with vtype=reset and vtoken, which is the same string as
// ForgotToken and is redeemed as resettoken.
//
// Every error, also a 404 or 405, has the vendor's five keys, because an SDK of
// theirs looks for ErrorCode and at nothing else:
//
//	{"Description":"...","ErrorCode":938,"Message":"User does not exist",
//	 "IsProviderError":false,"ProviderErrorResponse":null}
//
//	ErrorCode   status     when
//	901, 902    403, 401   unknown key; wrong secret
//	908         400        a parameter is missing, malformed or given twice;
//	                       Description names it
//	908         404, 405   unknown path; wrong method
//	908         429        too many calls
//	909         403        a browser at the first endpoint; a step-up
//	938         403        no such lead (first endpoint only)
//	950         500, 503   failed
//	965, 1079   400, 413   the body of a POST, a PUT is not one JSON object, or
//	                       over 16 KiB
//	1063        403        the token is invalid, used or expired
//	1083        400, 415   the body is not declared as JSON; is compressed
//	1089        400        no password
//	1122, 1178  403        a limit on mails, on tokens (first endpoint only)
//	1134        403        the password is refused; adds Errors
//	1185        403        the code is invalid, used or expired
//	1216, 1315  403        the password is refused as well known; as breached
//
// # Threat model
//
// The API key is public: it sits in browsers, identifies an app and
// authenticates nobody (A82). What it opens is as good as anonymous, is limited
// by the pair of key and client address and by the client's own limits, and
// answers every identifier with the same bytes (A20 to A26). No answer but the
// first endpoint's holds a token (A38).
//
// The secret opens the first endpoint, whose token takes an account over (A80).
// It is compared in constant time, a request that comes from a browser is
// refused before anything else is looked at, and CORS is never answered there.
// The key's own limit counts after the secret was checked, so that strangers
// cannot spend it. Failed guesses are not limited; this is why a secret is
// drawn at random.
//
// resetpasswordurl chooses among the host's URLs and never adds to them: up to
// its query it is compared byte by byte, its query is not looked at, and the
// message carries the configured string (A01, A02). Names of templates are
// looked up in the App's list (A66). prevent_webhook is honoured only where the
// secret was proved: whoever resets somebody else's password must not be able
// to silence the event that tells of it.
//
// Nothing here writes a query, a header or a body to a log. The host's access
// log may; that is why a secret in the query is off by default. The handler
// limits bodies to 16 KiB; the host sets the timeouts of its [http.Server].
//
// # Differences from the vendor
//
//   - Public endpoints do not tell whether a user exists.
//   - Every bad token is 1063. 974 and 975 (used, expired) do not occur: the
//     Service cannot tell these apart, so that nobody else can (A24). Every bad
//     code is 1185, whether it came by mail or SMS.
//   - 1123 does not occur, because the endpoint that reports limits on messages
//     sends no SMS.
//   - A disabled lead and one without a password are 938.
//   - resetpasswordurl has to be configured, not only its domain.
//   - A parameter given twice is 908, equal or not; a key or secret that
//     differs between query and header is as wrong as an unknown one.
//   - The first endpoint always returns a link token, and the mail that it
//     sends always carries a link, also with a template for codes, in whose
//     place the usual one then stands.
//   - Security questions are not offered (ASVS v5.0.0-6.4.2).
//   - A short code has eight digits.
//
// # Migrating
//
// Point the SDK's base URL at the host and keep key and secret, or issue new
// ones; [VendorCompatible] also takes secrets in the query, as the vendor's
// documentation shows them, until the clients are changed. Register the
// e-mail templates under their old names, with [TemplateCode] for those of the
// one-time-password flow. Declare the fields Username (type Text, IgnoreCase),
// EmailAddress and Phone in [recovery.Options], or name others in [App]. Links
// and codes that the vendor sent before the change are not known here and
// answer 1063 and 1185.
package loginradius
