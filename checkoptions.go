package recovery

import (
	"cmp"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/seed-51359b35/recovery/internal/ascii"
	"github.com/seed-51359b35/recovery/internal/clientaddr"
	"github.com/seed-51359b35/recovery/internal/httpapi"
	"github.com/seed-51359b35/recovery/internal/masterkey"
	"github.com/seed-51359b35/recovery/password"
)

// withDefaults returns the options with a default for each zero field. It
// copies slices, so that the caller may change its own later.
func (o Options) withDefaults() Options {
	keys := make([][]byte, len(o.Keys))
	for i, k := range o.Keys {
		keys[i] = slices.Clone(k)
	}
	o.Keys = keys
	o.Prefix = cmp.Or(o.Prefix, "recovery")
	o.Fields = slices.Clone(o.Fields)
	if len(o.Fields) == 0 {
		o.Fields = []Field{{Name: "EmailAddress", Type: FieldTypeEmail, Search: true, Receive: true}}
	}
	if o.EmailField == "" {
		o.EmailField = defaultEmailField(o.Fields)
	}
	o.Link.Fixed = slices.Clone(o.Link.Fixed)
	o.NotMe.Fixed = slices.Clone(o.NotMe.Fixed)
	o.Invitations.Link.Fixed = slices.Clone(o.Invitations.Link.Fixed)
	o.ReturnTo = slices.Clone(o.ReturnTo)
	o.Tokens.LinkTTL = cmp.Or(o.Tokens.LinkTTL, time.Hour)
	o.Tokens.InvitationTTL = cmp.Or(o.Tokens.InvitationTTL, 7*24*time.Hour)
	o.Tokens.ForcedResetTTL = cmp.Or(o.Tokens.ForcedResetTTL, 24*time.Hour)
	o.Tokens.CodeTTL = cmp.Or(o.Tokens.CodeTTL, 10*time.Minute)
	o.Tokens.CodeTries = cmp.Or(o.Tokens.CodeTries, 5)
	o.Tokens.CodeFailures = cmp.Or(o.Tokens.CodeFailures, 100)
	o.ClientAddress.TrustedProxies = slices.Clone(o.ClientAddress.TrustedProxies)
	o.ClientAddress.ServerCallers = slices.Clone(o.ClientAddress.ServerCallers)
	o.ClientAddress.IPv6Prefix = cmp.Or(o.ClientAddress.IPv6Prefix, 64)
	if o.Captcha.Fields = slices.Clone(o.Captcha.Fields); o.Captcha.Verify != nil && o.Captcha.Fields == nil {
		o.Captcha.Fields = defaultCaptchaFields()
	}
	o.StoreTimeout = cmp.Or(o.StoreTimeout, 5*time.Second)
	def := defaultLimits(o.Tokens.LinkTTL)
	defaults := def.policies()
	for i, own := range o.Limits.policies() {
		if len(own.policy.Limits) == 0 && own.policy.ThenOneEvery == 0 {
			*own.policy = *defaults[i].policy
		}
		own.policy.Limits = slices.Clone(own.policy.Limits)
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// sameQueue reports whether two options hold one queue, as far as Go can compare
// them.
func sameQueue(a, b Queue) bool {
	return a != nil && b != nil && reflect.TypeOf(a) == reflect.TypeOf(b) && reflect.TypeOf(a).Comparable() &&
		reflect.ValueOf(a).Comparable() && a == b
}

func (f Field) isEmailKey() bool { return f.Search && f.Type == FieldTypeEmail }

func defaultEmailField(fields []Field) string {
	first := ""
	for _, f := range fields {
		switch {
		case f.isEmailKey() && f.Name == "EmailAddress":
			return f.Name
		case f.isEmailKey() && first == "":
			first = f.Name
		}
	}
	return first
}

type namedPolicy struct {
	name   string
	policy *LimitPolicy
}

func (l *Limits) policies() []namedPolicy {
	return []namedPolicy{
		{"Caller", &l.Caller}, {"ClientForgot", &l.ClientForgot}, {"ClientReset", &l.ClientReset},
		{"ClientCheck", &l.ClientCheck}, {"Identifier", &l.Identifier}, {"Lead", &l.Lead},
		{"Recipient", &l.Recipient}, {"Issue", &l.Issue}, {"Device", &l.Device}, {"LeadDevices", &l.LeadDevices},
		{"SecondFactor", &l.SecondFactor}, {"Change", &l.Change},
		{"EmailBudget", &l.EmailBudget}, {"SMSBudget", &l.SMSBudget},
	}
}

// validate reports every mistake at once. o must have its defaults.
func (o Options) validate(leads LeadStore, tokens TokenStore, notifier Notifier) error {
	var mistakes OptionErrors
	checkCollaborators(&mistakes, leads, tokens, notifier)
	o.checkKeys(&mistakes)
	o.checkLinks(&mistakes)
	o.checkReturnTo(&mistakes)
	o.checkDevelopment(&mistakes, notifier)
	checkChannels(&mistakes, notifier, o.Fields)
	o.checkSessions(&mistakes)
	checkFields(&mistakes, o.Fields)
	o.API.check(&mistakes)
	o.Captcha.check(&mistakes)
	o.SecondFactor.check(&mistakes)
	o.MailCodes.check(&mistakes)
	o.Brands.check(&mistakes)
	if sameQueue(o.Queue, o.DeliveryQueue) {
		mistakes.Add("DeliveryQueue", "must be another queue than Queue, or strangers can tell by its fullness who has an account")
	}
	if o.EmailField != "" && !slices.ContainsFunc(o.Fields, func(f Field) bool { return f.Name == o.EmailField && f.isEmailKey() }) {
		mistakes.Add("EmailField", "%q must be one of Fields, with type FieldTypeEmail and Search", o.EmailField)
	}
	if o.SignInField != "" && !slices.ContainsFunc(o.Fields, func(f Field) bool { return f.Name == o.SignInField }) {
		mistakes.Add("SignInField", "%q must be one of Fields", o.SignInField)
	}
	o.Passwords.checkBound(&mistakes)
	mistakes.CheckInt("Passwords.History", o.Passwords.History, 0, 24)
	if _, ok := leads.(PasswordHistoryLeadStore); o.Passwords.History > 0 && leads != nil && !ok {
		mistakes.Add("Passwords.History", "needs a LeadStore that implements PasswordHistoryLeadStore, and %T does not", leads)
	}
	mistakes.CheckDuration("Tokens.LinkTTL", o.Tokens.LinkTTL, time.Minute, 24*time.Hour)
	mistakes.CheckDuration("Tokens.InvitationTTL", o.Tokens.InvitationTTL, minTTL, maxTTL)
	mistakes.CheckDuration("Tokens.ForcedResetTTL", o.Tokens.ForcedResetTTL, minTTL, maxTTL)
	o.Invitations.check(&mistakes, leads)
	o.Change.check(&mistakes, leads)
	mistakes.CheckDuration("Tokens.CodeTTL", o.Tokens.CodeTTL, time.Minute, maxCodeTTL)
	mistakes.CheckInt("Tokens.CodeTries", o.Tokens.CodeTries, 1, 10)
	mistakes.CheckInt("Tokens.CodeFailures", o.Tokens.CodeFailures, 10, 100)
	mistakes.CheckDuration("StoreTimeout", o.StoreTimeout, time.Millisecond, time.Minute)
	for _, l := range o.Limits.policies() {
		if l.policy.Limits == nil && l.policy.ThenOneEvery == 0 {
			continue // a budget that is not set
		}
		if reason := l.policy.check(); reason != "" {
			mistakes.Add("Limits."+l.name, "%s", reason)
		}
	}
	if _, err := clientaddr.New(o.ClientAddress.resolver()); err != nil {
		mistakes.Add("ClientAddress", "%v", err)
	}
	return mistakes.Err()
}

func checkCollaborators(mistakes *OptionErrors, leads LeadStore, tokens TokenStore, notifier Notifier) {
	if leads == nil {
		mistakes.Add("leads", "is required: the host's user store")
	}
	if tokens == nil {
		mistakes.Add("tokens", "is required: NewMemoryTokenStore() for one instance, package redisstore for several")
	}
	if f, ok := notifier.(NotifierFunc); notifier == nil || ok && f == nil {
		mistakes.Add("notifier", "is required: what sends the mail")
	}
}

// maxBytes returns how long a password may be for the hasher, or zero if the
// hasher sets no bound.
func (o PasswordOptions) maxBytes() int {
	if h, ok := o.Hasher.(password.BoundedHasher); ok {
		return h.MaxPasswordBytes()
	}
	return 0
}

// checkBound checks that the policy accepts no password that the hasher refuses.
// The person would be told another rule than the page shows (A64).
func (o PasswordOptions) checkBound(mistakes *OptionErrors) {
	if bound := o.maxBytes(); bound > 0 && o.Policy != nil && o.Policy.MaxBytes() > bound {
		mistakes.Add("Passwords.Policy", "accepts passwords of %d bytes, and %T only hashes %d: set MaxBytes of the policy to %d",
			o.Policy.MaxBytes(), o.Hasher, bound, bound)
	}
}

func (o APIOptions) check(mistakes *OptionErrors) {
	if err := httpapi.CheckMount(o.Path); err != nil {
		mistakes.Add("API.Path", "%v", err)
	}
	for i, origin := range o.Origins {
		if _, err := httpapi.NewCORS([]string{origin}); err != nil {
			mistakes.Add(fmt.Sprintf("API.Origins[%d]", i), "%v", err)
		}
	}
}

func (o Options) checkKeys(mistakes *OptionErrors) {
	if len(o.Keys) == 0 {
		mistakes.Add("Keys", "is required: one key of 32 random bytes from the host's secret store, the same on every instance; NewKey makes one, and ParseKey reads it from text")
	}
	for _, mistake := range masterkey.Check(o.Keys) {
		mistakes.Add("Keys", "%s", mistake)
	}
	if len(o.Keys) > 8 {
		mistakes.Add("Keys", "has %d keys, at most 8", len(o.Keys))
	}
	if len(o.Prefix) > 32 || strings.ContainsFunc(o.Prefix, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", r)
	}) {
		mistakes.Add("Prefix", "must be 1 to 32 of a-z, A-Z, 0-9, '.', '_' and '-'")
	}
}

func (o Options) checkLinks(mistakes *OptionErrors) {
	if err := o.Link.Validate(); err != nil {
		mistakes.Add("Link", "%v", err)
	}
	if o.NotMe.URL == "" && o.NotMe.params()[0] == "token" && len(o.NotMe.Fixed) == 0 {
		return // not set
	}
	if err := o.NotMe.Validate(); err != nil {
		mistakes.Add("NotMe", "%v", err)
	} else if o.NotMe.isSplit() {
		mistakes.Add("NotMe", "must carry one token: LeadIDParam and SecretParam must be empty, and {LeadId} and {TemporaryPassword} not be in its URL")
	}
}

func (o Options) checkSessions(mistakes *OptionErrors) {
	if f, ok := o.Sessions.(SessionEnderFunc); ok && f == nil {
		o.Sessions = nil
	}
	if o.Sessions == nil && !o.DangerouslyKeepSessions {
		mistakes.Add("Sessions", "is required: how to end a lead's sessions after a reset, or DangerouslyKeepSessions")
	}
	if o.Sessions != nil && o.DangerouslyKeepSessions {
		mistakes.Add("Sessions", "must not be set together with DangerouslyKeepSessions")
	}
}

// checkChannels adds a mistake for each field that receives and that the notifier
// says it cannot reach. Without it, whatever goes there would fail later, for one
// person after the other.
func checkChannels(mistakes *OptionErrors, notifier Notifier, fields []Field) {
	for _, f := range fields {
		switch {
		case !f.Receive || notifier == nil:
		case f.Type == FieldTypeEmail && !serves(notifier, ChannelEmail):
			mistakes.Add("notifier", "cannot send mails, and the field %s receives them. Pass ByChannel with a notifier for ChannelEmail, such as that of package smtpnotifier, or leave Receive out", f.Name)
		case f.Type == FieldTypePhone && !serves(notifier, ChannelSMS):
			mistakes.Add("notifier", "cannot send text messages, and the field %s receives them. Pass ByChannel with a notifier for ChannelSMS, such as that of package smsnotifier, or leave Receive out", f.Name)
		}
	}
}

func checkFields(mistakes *OptionErrors, fields []Field) {
	seen := map[string]bool{}
	search := false
	for _, f := range fields {
		if !ascii.IsName(f.Name, 1, 64) {
			mistakes.Add("Fields", "name %q must be 1 to 64 characters of printable ASCII without spaces", f.Name)
		}
		if f.Name == LeadIDField {
			mistakes.Add("Fields", "the name %s is reserved", LeadIDField)
		}
		if f.Trusted && !f.Receive {
			mistakes.Add("Fields", "%s: Trusted is for fields with Receive", f.Name)
		}
		if seen[f.Name] {
			mistakes.Add("Fields", "%s is declared twice", f.Name)
		}
		seen[f.Name] = true
		search = search || f.Search
		switch f.Type {
		case FieldTypeEmail, FieldTypePhone:
			if f.IgnoreCase {
				mistakes.Add("Fields", "%s: IgnoreCase is for type FieldTypeText", f.Name)
			}
		case FieldTypeText:
			if f.Receive {
				mistakes.Add("Fields", "%s: type FieldTypeText cannot receive", f.Name)
			}
		default:
			mistakes.Add("Fields", "%s: type %q must be FieldTypeEmail, FieldTypePhone or FieldTypeText", f.Name, f.Type)
		}
	}
	if !search {
		mistakes.Add("Fields", "at least one must have Search")
	}
}

// warnOfOldKeys warns of keys that are accepted only so that they can be changed.
func (o Options) warnOfOldKeys() {
	for i, k := range o.Keys {
		if weakness := masterkey.Weakness(k); weakness != "" {
			o.Logger.Warn("recovery: an old key in option Keys "+weakness+", so it may be guessed. Remove it once what was made with it has expired: after a day, after eight days if NotMe is set, or after 30 days if you send invitations or call SendToAll", "key", i)
		}
	}
}

// tellOfMemoryQueue says at the start what is lost without Shutdown. Nothing can say
// so later: a program that ends without it runs no code of ours, and the next one
// does not know what waited.
func (o Options) tellOfMemoryQueue() {
	_, asked := o.Queue.(*MemoryQueue)
	_, sent := o.DeliveryQueue.(*MemoryQueue)
	if asked || sent {
		o.Logger.Info("recovery: mails that wait are in memory. They are lost unless Shutdown of the Service is called before the program ends, at SIGTERM too. Service.ListenAndServe does this")
	}
}

// warnOfIdleWorkers warns if the delivery queue has more workers than the
// notifier can use at a time.
func (o Options) warnOfIdleWorkers(notifier Notifier) {
	workers, deliveries := maxConcurrent(o.DeliveryQueue), maxConcurrent(notifier)
	if deliveries > 0 && workers > deliveries {
		o.Logger.Warn("recovery: the delivery queue has more workers than the notifier can use at a time, so the others only wait; "+
			"give it fewer workers, or the notifier more connections", "workers", workers, "deliveries", deliveries)
	}
}
