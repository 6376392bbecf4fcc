// Package leadsquared serves the password endpoints of the LeadSquared portal
// API on a [recovery.Service]. Portals written for the vendor work without a
// change to their code.
//
// # Quick start
//
//	service, err := recovery.New(leads, tokens, notifier, recovery.Options{ ... })
//	handler, err := leadsquared.New(leadsquared.Options{
//		Portals: []leadsquared.Portal{{
//			ID:             "3f0b8c7e-5d8f-4f0e-9a3c-2f1f6f7f7b10",
//			Service:        service,
//			PublicAuthKeys: []string{publicAuthKey},
//			RegisterTokens: []string{registerToken},
//			ResetURL:       "https://portal.example.com/reset",
//			Origins:        []string{"https://portal.example.com"},
//		}},
//	})
//	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second}
//
// The handler expects paths that begin with /api/ and answers every request,
// also for paths that it does not know, unless [Options].Next serves those.
// [Paths] lists its own. It is best to give it a host name of
// its own, as the vendor does. It also works at "/api/" of an [http.ServeMux],
// with two differences: the mux compares case, so a request for /API/... does
// not reach the handler, and the mux answers unclean paths with a redirect of
// its own. If clients call with a prefix before /api/, set [Options].Path to it.
//
// # Wire
//
// Forgot Password, in two generations and two spellings:
//
//	POST /api/Authentication/v2/SecureForgotPassword   /api/Authentication/v2/ForgotPassword
//	POST /api/Authentication/SecureForgotPassword      /api/Authentication/ForgotPassword
//
//	{"EmailAddress":"johnwick@example.com"}
//	{"SearchKeyData":{"SchemaName":"Phone","Value":"+14-157415569"}}
//	{"SearchKeyData":{"SchemaName":"Phone","Value":"+14-157415569"},"RecipientField":{"SchemaName":"Phone"}}
//
//	200 {"Status":"Success","Message":"Reset link sent successfully"}
//
// If the Service has a CAPTCHA verified, its fields stand beside the others in the
// body: see [recovery.CaptchaOptions].
//
// Reset Password, with the values from the link:
//
//	POST /api/Authentication/v2/ResetPassword          /api/Authentication/ResetPassword
//
//	{"Password":"...","LeadId":"...","TemporaryPassword":"<64 lower-case hex>"}
//
//	200 {"IsSuccessful":true,"ResponseText":"Password changed successfully"}
//
// v2 calls carry Authorization (the public key, with no scheme in front),
// x-lsq-registertoken and x-lsq-portalid, all of the same portal. v1 calls
// carry Authorization alone, and only portals with [Portal.AllowV1] accept
// them. Each header must be given exactly once. The oldest portals send a key
// pair in place of Authorization, as in the next paragraph; that is for
// [Portal.DangerouslyAllowAccessKeys].
//
// Servers that hold a key pair can read both public values. A server sends the
// pair in the headers x-LSQ-AccessKey and x-LSQ-SecretKey. It may also send the
// pair in the query, because the vendor documents that; but then the pair gets
// into the access log of every proxy on the way. A value that is given in both
// places must be the same in both.
//
//	GET /api/Access/PublicToken?accessKey=A&secretKey=S        200 {"PublicAuthKey":"..."}
//	GET /api/Access/GetRegisterToken?accessKey=A&secretKey=S   200 "..."
//
// Paths are matched without ASCII case and otherwise exactly as the client sent
// them: a trailing or doubled slash, a dot segment or a percent escape makes a
// 404. Names in bodies are matched without ASCII case, null counts as absent,
// and unknown names are ignored. Two names in one object that differ only in
// case are an error.
//
// The handler checks in this order: path, method, credentials, content type and
// body, limits, and then everything that the Service checks. All errors have
// one shape. Those of Reset Password also have "IsSuccessful":false:
//
//	{"Status":"Error","ExceptionType":"MXInvalidInputException","ExceptionMessage":"..."}
//
//	status         ExceptionType                         when
//	400            MXMandatoryAttributeMissingException  a required name is missing or empty
//	400            MXInvalidInputException               malformed body or not application/json,
//	                                                     unknown schema name, CAPTCHA not solved,
//	                                                     weak password, invalid proof, step-up
//	401            MXUnAuthorizedAccessException         credentials wrong or missing; a missing
//	                                                     header is named
//	404            MXResourceNotFoundException           no such path
//	405, 408, 413  MXInvalidInputException               other method, body too slow, more than
//	                                                     16 KiB
//	429            MXAPIRateLimitExceededException       "API calls exceeded the limit of 25 in 5
//	                                                     second(s)"
//	500, 503       MXInternalServerException             failure; the log has the details
//
// 429 and 503 carry Retry-After. Answers to requests that were counted carry
// RateLimit and RateLimit-Policy if the Service reports them, which it does on
// success and on 429.
//
// Pages of the origins in [Portal.Origins] may call Forgot and Reset and read
// the answers, but never with cookies. A preflight does not tell which portal
// it is for, so it is allowed if any portal lists the origin. The same holds
// for a 401, because no portal was found. All other answers use the list of the
// portal that the credentials belong to. The Access endpoints are for browsers
// only if [Portal.DangerouslyAllowAccessKeys] is set.
//
// # Threat model
//
// The three public values identify a portal and authenticate nobody: they are
// in the JavaScript that every visitor gets, and they never expire. So anybody
// can call Forgot and Reset, and the limits count by client address as well as
// by portal (A82). The mailbox protects an account. Forgot answers the same
// bytes whether or not a lead matched (A20), and only the link holds the LeadId
// and the TemporaryPassword that Reset requires.
//
// The text of the vendor's page on Forgot says that the response returns a
// LeadId and a TemporaryPassword, while the sample on that page shows only
// Status and Message. The text describes the oldest generation of the API, in
// which anybody who knew an address could take over the account. The vendor's
// newer page on Reset says to read both values from the URL in the mail. This
// package does what the sample shows, and no option makes it do what the text
// says (A38).
//
// A caller chooses by name the field to search and the field that receives. It
// can choose only fields that [recovery.Options.Fields] declares for that
// purpose. A message is sent only to a value that is stored on the lead and
// marked as verified (A81).
//
// A server proves itself with a key pair, whose secret is drawn at random. The
// two Access endpoints, and v1 calls with a pair, count the pair by client
// address before they compare anything: 25 different pairs in 5 s for each process
// ([recovery.Service.AllowSecret]). They log refused pairs. The values that the
// endpoints return are public anyway. With
// [Portal.DangerouslyAllowAccessKeys] the pair is public too, and proves no more
// than a public key does.
//
// Every comparison of keys looks at all portals, and its time does not tell how
// close a guess came. Logs hold no credential, no body and no URL.
//
// # Differences from the vendor
//
// What, why, and what a client sees:
//
//	Forgot returns no LeadId and no TemporaryPassword
//	     why   whoever knew an address could take the account (A38)
//	     seen  Status and Message alone; both values are in the link
//	Forgot answers alike whether or not a lead matched
//	     why   the answer would tell who has an account (A20)
//	     seen  200 for unknown leads, for leads without a password, for those
//	           who get no more messages, and before the message is sent
//	one answer for every TemporaryPassword that does not work
//	     why   strangers would learn which links were used (A24)
//	     seen  400 for an unknown lead, and for a wrong, used, superseded or
//	           expired TemporaryPassword
//	TemporaryPassword does not sign in
//	     why   a link in a mailbox would be a password
//	     seen  it works in Reset alone, once, until the link expires
//	new passwords follow the policy of the host, 15 characters by default
//	     why   short passwords are guessed
//	     seen  400 with all reasons; the link still works
//	schema names are declared by the host, and compared exactly
//	     why   a caller must not choose who gets the link (A81)
//	     seen  400 that names what is not declared, not searched, or does not
//	           receive
//	messages go only to verified addresses that are stored on the lead
//	     why   an address that nobody has proved may be a stranger's (A81)
//	     seen  200, and no message
//	a phone as RecipientField gets the link by text message
//	     why   this API has no way to redeem a code
//	     seen  the same answer
//	EmailAddress and SearchKeyData exclude each other; RecipientField goes with
//	SearchKeyData
//	     why   two readers would understand such a body differently (A12)
//	     seen  400
//	bodies have one meaning: no trailing data, no name twice (also in other
//	case), valid UTF-8, strings where strings belong, 8 levels, 16 KiB, not
//	compressed
//	     why   parsers that differ have let attackers through (A60, A61)
//	     seen  400, or 413 for more than 16 KiB
//	a header or parameter that is given twice, or differently in header and
//	query, is no credential
//	     why   a server on the way may have read the other one
//	     seen  401
//	v1 is off unless AllowV1 is set
//	     why   one key is a weaker filter than three
//	     seen  401 at paths without v2
//	a key pair instead of Authorization is off unless
//	DangerouslyAllowAccessKeys is set, and is never accepted by v2
//	     why   every visitor of such a portal has the pair
//	     seen  401 that names the Authorization header
//	pages of other origins call only if they are listed, and the Access
//	endpoints only with DangerouslyAllowAccessKeys
//	     why   any page could send its visitors' browsers here
//	     seen  no CORS headers, so the browser shows an error
//	a 401 names the headers that are missing or wrong
//	     why   the vendor's "Check your AccessKey and SecretKey" names what most
//	           portals do not send; it is kept where a pair was sent
//	     seen  the vendor's first sentence, and then another one
//	limits count the client address too, beside 25 in 5 s for each portal and
//	client
//	     why   the keys are public, so one visitor could use up a limit of the
//	           portal (A82); mailboxes are protected by limits of their own
//	     seen  429 may name other numbers than 25 and 5; Retry-After, RateLimit
//	           and RateLimit-Policy say when to try again
//	paths have one spelling, but for case
//	     why   a gateway could overlook another spelling (A52)
//	     seen  404 for a slash at the end or two in a row, a dot segment or an
//	           escape
//	a 500 says nothing of its cause
//	     why   the vendor's "Check the exception message to get more details" would
//	           show strangers what failed inside (A83)
//	     seen  "The API call failed."; the details are in the log
//	a CAPTCHA, if the host wants one
//	     why   it keeps programs from asking, beside the limits
//	     seen  400 "The CAPTCHA is missing or was not solved."
//	X-Origin-IP names the person for whom a server calls, from servers that the
//	host lists (ServerCallers of [recovery.ClientAddressOptions])
//	     why   the people of one server would share the limit of one client; a
//	           key pair in a page proves no server (A50)
//	     seen  nothing; from others it has no effect
//	a step-up, if the host asks for one
//	     why   the vendor has none
//	     seen  400 with the host's text
//	a second factor, for whoever needs one ([recovery.SecondFactorOptions])
//	     why   no call of the vendor can carry one; these people choose the password
//	           on the pages of package portal, or by the library's own API
//	     seen  400 "A further proof is required."
//	405, 408, 413 and 503 have the vendor's body
//	     why   its clients read the body before the status
//	     seen  ExceptionType and ExceptionMessage
//	sign-in, sign-up, change of password and all else are not served
//	     why   this library recovers passwords
//	     seen  404, or what [Options].Next answers
//	keys can be rotated: two of each may be live
//	     why   a key that leaked can be replaced without a stop
//	     seen  nothing; PublicToken and GetRegisterToken return the first
//
// # Migrating
//
// If you keep the portal's id, public key and register token, the portal's
// pages need only a new API host. The vendor's pages read leadId and
// tmpPassword from the link: set [Portal.LeadIDParam] and
// [Portal.TemporaryPasswordParam] to these names. Change a page that reads the
// two values from the answer to Forgot, which was never safe: it must read them
// from the link. For pages that read the path of the link, [Portal.ResetURL] has
// placeholders. [Options].Next serves what is not served here, so that pages
// keep one base URL. Set [Portal.AllowV1] for pages of the first generation, and
// remove it when no such page is left, because their one key is the weaker
// filter.
//
// Links that the vendor mailed do not work here; people request a new one.
// Existing passwords that are shorter than the policy allows still work when
// people sign in, but nobody can choose such a password as a new one.
//
// To rotate a key, append the new key to its list on every instance. Then move
// it to the front, so that PublicToken and GetRegisterToken return it. Remove
// the old key when no page uses it any more.
package leadsquared
