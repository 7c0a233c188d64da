package webhook

import (
	"context"
	"maps"
	"net/url"
	"slices"

	"allim.dev/allim/notify"
)

// Preview implements notify.Previewer.
func (a *Adapter) Preview(d notify.Delivery) (notify.Request, error) {
	sent := a.request(context.Background(), &url.URL{}, &d, a.clock.Now())
	sent.Header.Del(headerSignature)
	r := notify.Request{Target: "POST " + d.Device.Token, Body: addressed(&d)}
	for _, name := range slices.Sorted(maps.Keys(sent.Header)) {
		r.Header = append(r.Header, notify.Header{Name: name, Value: sent.Header.Get(name)})
	}
	return r, nil
}
