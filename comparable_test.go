package recovery_test

import (
	"reflect"
	"testing"
	"unsafe"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/leadsquared"
	"github.com/seed-51359b35/recovery/loginradius"
	"github.com/seed-51359b35/recovery/messages"
	"github.com/seed-51359b35/recovery/password"
	portalpages "github.com/seed-51359b35/recovery/portal"
	"github.com/seed-51359b35/recovery/redisstore"
	"github.com/seed-51359b35/recovery/smsnotifier"
	"github.com/seed-51359b35/recovery/smsnotifier/httpsms"
	"github.com/seed-51359b35/recovery/smtpnotifier"
	"github.com/seed-51359b35/recovery/webhook"
)

// Two secrets or proofs that are equal would differ under ==, which compares
// pointers. Options cannot be compared either, so that a field of any type can
// be added to them later. In these structs a first field of type [0]func()
// makes == a compile error. At the end of a struct the field would cost space.
func TestStructsThatCannotBeCompared(t *testing.T) {
	for _, typ := range []reflect.Type{
		reflect.TypeFor[recovery.Secret](),
		reflect.TypeFor[recovery.Proof](),
		reflect.TypeFor[recovery.Options](),
		reflect.TypeFor[recovery.PasswordOptions](),
		reflect.TypeFor[recovery.TokenOptions](),
		reflect.TypeFor[recovery.MessageOptions](),
		reflect.TypeFor[recovery.APIOptions](),
		reflect.TypeFor[recovery.ClientAddressOptions](),
		reflect.TypeFor[recovery.Limits](),
		reflect.TypeFor[recovery.Settings](),
		reflect.TypeFor[recovery.MemoryLimiterOptions](),
		reflect.TypeFor[recovery.MemoryQueueOptions](),
		reflect.TypeFor[leadsquared.Options](),
		reflect.TypeFor[leadsquared.Portal](),
		reflect.TypeFor[loginradius.App](),
		reflect.TypeFor[loginradius.Options](),
		reflect.TypeFor[messages.Options](),
		reflect.TypeFor[password.Argon2idOptions](),
		reflect.TypeFor[password.Attempt](),
		reflect.TypeFor[password.BcryptOptions](),
		reflect.TypeFor[password.HIBPOptions](),
		reflect.TypeFor[password.PolicyOptions](),
		reflect.TypeFor[portalpages.Options](),
		reflect.TypeFor[redisstore.Options](),
		reflect.TypeFor[smsnotifier.ConversionOptions](),
		reflect.TypeFor[smsnotifier.Options](),
		reflect.TypeFor[httpsms.Options](),
		reflect.TypeFor[smtpnotifier.Options](),
		reflect.TypeFor[smtpnotifier.Server](),
		reflect.TypeFor[webhook.Endpoint](),
		reflect.TypeFor[webhook.Options](),
	} {
		if typ.Comparable() {
			t.Errorf("%v can be compared with ==", typ)
		}
		if first := typ.Field(0); first.Name != "_" || first.Type != reflect.TypeFor[[0]func()]() {
			t.Errorf("%v begins with the field %s of type %v, want _ [0]func()", typ, first.Name, first.Type)
		}
	}
}

// Hosts use these as keys of maps and compare them with ==.
func TestStructsThatCanBeCompared(t *testing.T) {
	for _, typ := range []reflect.Type{
		reflect.TypeFor[recovery.Decision](),
		reflect.TypeFor[recovery.LeadKey](),
		reflect.TypeFor[recovery.Limit](),
		reflect.TypeFor[recovery.LinkParam](),
	} {
		if !typ.Comparable() {
			t.Errorf("%v cannot be compared with ==", typ)
		}
	}
}

// The blank field costs no space.
func TestSecretIsAsSmallAsAPointer(t *testing.T) {
	if got, want := unsafe.Sizeof(recovery.Secret{}), unsafe.Sizeof(uintptr(0)); got != want {
		t.Errorf("a Secret has %d bytes, want %d", got, want)
	}
}
