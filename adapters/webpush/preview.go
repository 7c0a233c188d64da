package webpush

import (
	"bytes"
	"maps"
	"slices"

	"allim.dev/allim/notify"
)

// Preview implements notify.Previewer: as a browser gets it that takes whole messages.
func (a *Adapter) Preview(d notify.Delivery) (notify.Request, error) {
	r := notify.Request{Target: "POST " + d.Device.Token, Body: bytes.Clone(d.Payload.Body), Encrypted: true}
	address(r.Body, d.ID)
	fields := header(d.Payload.Header, a.ttl(d.Expires, stranger))
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		r.Header = append(r.Header, notify.Header{Name: name, Value: fields.Get(name)})
	}
	return r, nil
}
