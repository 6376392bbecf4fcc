// Package leadsquared serves the password endpoints of the LeadSquared portal
// API, so that portals written for the vendor recover passwords from a
// [recovery.Service] without a change to their code.
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
// The handler expects paths that begin with /api/ and answers everything, also
// what it does not know. It is best given a host of its own, as the vendor has
// it. Mounted at "/api/" of an [http.ServeMux] it works too, but then the mux
// comes first: it knows case, so /API/... does not get here, and it answers
// unclean paths with a redirect of its own. [http.StripPrefix] takes a prefix
// off.
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
// Reset Password, with what the link carried:
//
//	POST /api/Authentication/v2/ResetPassword          /api/Authentication/ResetPassword
//
//	{"Password":"...","LeadId":"...","TemporaryPassword":"<64 lower-case hex>"}
//
//	200 {"IsSuccessful":true,"ResponseText":"Password changed successfully"}
//
// v2 calls carry Authorization (the public key, with no scheme in front),
// x-lsq-registertoken and x-lsq-portalid, all of the same portal. v1 calls
// carry Authorization alone, and only portals with [Portal.AllowV1] take them.
// Each header is given once.
//
// Both public values can be read by servers that hold a key pair, in the
// headers x-LSQ-AccessKey and x-LSQ-SecretKey, or, since the vendor documents
// it so, in the query, where it ends up in the access log of every proxy on the
// way. Given in both places it must be the same.
//
//	GET /api/Access/PublicToken?accessKey=A&secretKey=S        200 {"PublicAuthKey":"..."}
//	GET /api/Access/GetRegisterToken?accessKey=A&secretKey=S   200 "..."
//
// Paths are matched without ASCII case and otherwise as they were sent: a
// trailing or doubled slash, a dot segment or a percent escape makes a 404.
// Names in bodies are matched without ASCII case, null counts as absent, and
// unknown names are ignored; two keys that fold to one name are an error.
//
// What is wrong is found in this order: path, method, credentials, content type
// and body, limits, and then what the Service finds. All errors have one shape,
// to which those of Reset Password add "IsSuccessful":false:
//
//	{"Status":"Error","ExceptionType":"MXInvalidInputException","ExceptionMessage":"..."}
//
//	status         ExceptionType                            when
//	400            MXMandatoryAttributeMissingException     a required name is missing or empty
//	400            MXInvalidInputException                  malformed body, unknown schema name, weak password, bad proof, step-up
//	401            MXUnAuthorizedAccessException            keys wrong or missing
//	404            MXResourceNotFoundException              no such path
//	405, 413, 415  MXInvalidInputException                  other method, more than 16 KiB, not application/json
//	429            MXAPIRateLimitExceededException          "API calls exceeded the limit of 25 in 5 second(s)"
//	500, 503       MXInternalServerException                the detail is in the log
//
// 429 and 503 carry Retry-After. Answers that were counted carry RateLimit and
// RateLimit-Policy where the Service reports them: on success and on 429.
//
// Pages of the origins in [Portal.Origins] may call Forgot and Reset and read
// the answers, never with cookies. A preflight cannot say which portal it is
// for and is answered if any portal lists the origin; so is a 401, for which no
// portal was found. The other answers go by the list of the portal that the
// credentials chose. The Access endpoints are not for browsers.
//
// # Threat model
//
// The three public values identify a portal and authenticate nobody: they sit
// in the JavaScript of every visitor and never expire. Whoever calls Forgot or
// Reset is therefore anybody, and is counted by client address as well as by
// portal (A82). What protects an account is the mailbox: Forgot answers the
// same bytes whether or not a lead matched (A20), and the LeadId and
// TemporaryPassword that Reset wants are in the link and nowhere else.
//
// The vendor's Forgot page says in its prose that the response returns a LeadId
// and a TemporaryPassword, while the sample under it shows only Status and
// Message. The prose is from the oldest generation, in which anybody who knew
// an address could take the account; the vendor's newer Reset page says to read
// both from the URL in the mail. This package does what the sample shows, and
// no option turns the prose on (A38).
//
// A caller chooses the field that is searched and the one that receives, by
// name, among those that [recovery.Options.Fields] declares for it. A message
// goes only to a value that is stored on the lead and marked verified (A81).
//
// A key pair proves a server; its secret is drawn at random. The two Access
// endpoints count every attempt by client address, 25 in 5 s for each process,
// before they compare anything, and log refused ones. A pair hands out only
// what is public anyway.
//
// All comparisons of keys look at all portals and take the same time for a near
// miss as for a far one. Logs hold no credential, no body and no URL.
//
// # Differences from the vendor
//
//   - Forgot never returns LeadId and TemporaryPassword, and answers alike for
//     everybody; see above.
//   - Unknown lead, wrong, used, superseded and expired TemporaryPassword are
//     one answer, a 400.
//   - The limits of [recovery.Limits] on clients hold besides 25 in 5 s, so a
//     429 can name other numbers.
//   - A password the policy refuses is a 400 with the reasons; the link lives on.
//   - Schema names are declared by the host; any other is a 400.
//   - Keys can be rotated, in the query and in headers they must agree, and a
//     header that is given twice is a 401.
//   - Bodies with trailing data, duplicate names, invalid UTF-8, more than 8
//     levels or 16 KiB are refused.
//
// # Migrating
//
// Take over the portal's id, public key and register token as they are and the
// portal's pages need a new API host, nothing else. The vendor's pages read
// leadId and tmpPassword from the link: set [Portal.LeadIDParam] and
// [Portal.TemporaryPasswordParam] to these. A page that reads them from the
// answer to Forgot has to read them from the link; it was never safe. Set
// [Portal.AllowV1] for pages of the first generation, and drop it when the last
// one is gone, because their one key is the weaker filter.
//
// Links that the vendor mailed do not work here; people ask again. Passwords
// shorter than the policy's go on working where they are checked, and cannot be
// chosen anew.
//
// To rotate a key, append the new one to its list on every instance, then move
// it to the front, from where PublicToken and GetRegisterToken hand it out, and
// drop the old one when no page uses it any more.
package leadsquared
