package phones_test

import (
	"fmt"

	"github.com/seed-51359b35/recovery/portal"
	"github.com/seed-51359b35/recovery/portal/phones"
)

func ExampleIn() {
	national, err := phones.In("DE")
	if err != nil {
		panic(err)
	}
	options := portal.Options{ // and what else the pages need
		PhoneField:    "Phone",
		NationalPhone: national,
	}
	fmt.Println(options.NationalPhone("01711234567"))
	// Output: +491711234567
}
