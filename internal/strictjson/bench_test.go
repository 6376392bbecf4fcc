package strictjson_test

import (
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery/internal/strictjson"
)

func BenchmarkParse(b *testing.B) {
	var wide strings.Builder
	wide.WriteString(`{"":0`)
	for i := range 2000 {
		wide.WriteString(`,"`)
		wide.WriteString(strings.Repeat("k", i%3))
		wide.WriteString(string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676)))
		wide.WriteString(`":0`)
	}
	wide.WriteString(`}`)
	for name, body := range map[string]string{
		"email":   `{"EmailAddress":"johnwick@example.com"}`,
		"search":  `{"SearchKeyData":{"SchemaName":"Phone","Value":"+14-157415569"},"RecipientField":{"SchemaName":"Phone"}}`,
		"reset":   `{"Password":"Samplepassword@123","LeadId":"a822e018-80a4-4a86-bd9d-9855710109ff","TemporaryPassword":"12078b6f730c675484812414f8cd806a154b87735472460e1ff46126eed3f14c"}`,
		"hostile": wide.String(),
	} {
		b.Run(name, func(b *testing.B) {
			data := []byte(body)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := strictjson.Parse(data, strictjson.Options{FoldNames: true, NullIsAbsent: true}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
