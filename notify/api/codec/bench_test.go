package codec_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"allim.dev/allim/notify/api/codec"
	"allim.dev/allim/notify/api/wire"
)

// tenRecipients is the request that performance is quoted for.
func tenRecipients() wire.NotificationInput {
	in := wire.NotificationInput{Content: wire.Content{Title: "Lunch is ready", Body: "In the hall, until two", Data: map[string]string{"a": "b"}}}
	for i := range 10 {
		in.To.Users = append(in.To.Users, fmt.Sprintf("user-%04d", i))
	}
	return in
}

func BenchmarkDecode(b *testing.B) {
	var c codec.Codec
	for _, f := range []codec.Form{codec.JSON, codec.XML} {
		doc := c.Encode(f, tenRecipients())
		b.Run(f.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var in wire.NotificationInput
				if err := c.Decode(codec.Document{Form: f, Data: doc}, &in); err != nil {
					b.Fatal(err)
				}
			}
		})
		if f == codec.JSON {
			b.Run("encoding/json", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					var in wire.NotificationInput
					if err := json.Unmarshal(doc, &in); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	var c codec.Codec
	in := tenRecipients()
	for _, f := range []codec.Form{codec.JSON, codec.XML} {
		b.Run(f.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.Encode(f, in)
			}
		})
	}
}
