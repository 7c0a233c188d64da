package apns

import (
	"allim.dev/allim/adapters/push/h2"
	"allim.dev/allim/notify"
)

// Preview implements notify.Previewer.
func (a *Adapter) Preview(d notify.Delivery) (notify.Request, error) {
	r := a.request(d, a.clock.Now())
	var to h2.Request
	fillRequest(&to, &r)
	return notify.Request{Target: "POST " + to.Path, Header: append(to.Shared, to.Own...), Body: to.Body}, nil
}
