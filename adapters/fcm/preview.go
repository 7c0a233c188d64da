package fcm

import "allim.dev/allim/notify"

// Preview implements notify.Previewer.
func (a *Adapter) Preview(d notify.Delivery) (notify.Request, error) {
	body, err := fill(d, a.clock.Now())
	if err != nil {
		return notify.Request{}, err
	}
	return notify.Request{Target: "POST " + a.sender.url.EscapedPath(), Header: shared, Body: body}, nil
}
