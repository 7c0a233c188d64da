package wns

import (
	"maps"
	"slices"

	"allim.dev/allim/notify"
)

// Preview implements notify.Previewer. A badge beside a toast is a push of its own, and not shown.
func (a *Adapter) Preview(d notify.Delivery) (notify.Request, error) {
	header, _ := split(d.Payload.Header)
	a.timing(header, d.Expires)
	header.Set("MS-CV", vector(d.ID, d.Attempt, 1))
	r := notify.Request{Target: "POST " + d.Device.Token, Body: addressed(d.Payload.Body, d.ID)}
	for _, name := range slices.Sorted(maps.Keys(header)) {
		r.Header = append(r.Header, notify.Header{Name: name, Value: header.Get(name)})
	}
	return r, nil
}
