package riverqueue_test

import (
	"reflect"
	"testing"

	"github.com/seed-51359b35/recovery/riverqueue"
)

// A field of any type can be added to the options later, because a first field
// of type [0]func() makes == a compile error.
func TestOptionsCannotBeCompared(t *testing.T) {
	typ := reflect.TypeFor[riverqueue.Options]()
	if typ.Comparable() {
		t.Errorf("%v can be compared with ==", typ)
	}
	if first := typ.Field(0); first.Name != "_" || first.Type != reflect.TypeFor[[0]func()]() {
		t.Errorf("%v begins with the field %s of type %v, want _ [0]func()", typ, first.Name, first.Type)
	}
}
