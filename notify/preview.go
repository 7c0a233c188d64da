package notify

import (
	"errors"
	"fmt"
)

// Preview is what one lane's platform would get of a notification.
type Preview struct {
	Lane    Lane
	Request Request
	Err     error // why it cannot be told there
}

// previewToken stands where a device's own address would.
const previewToken = "…"

// Previews shows what the platforms of the audience would get, by the code that sends it. n is one as it would be posted,
// or a stored one. CodeInvalid as Send. A lane that cannot tell it says so in its Preview.
func (h *Hub) Previews(n Notification, v Variant) ([]Preview, error) {
	if n.ID == "" {
		var err error
		if n, err = h.admit(n, h.clock.Now()); err != nil {
			return nil, err
		}
	}
	n.Words = h.opts.Templates
	var out []Preview
	for _, name := range h.lanesFor(n.To) {
		p := Preview{Lane: name}
		p.Request, p.Err = preview(h.lanes[name].adapter, name, n, v)
		out = append(out, p)
	}
	return out, nil
}

// preview makes one lane's; a panic over one notification ends no page.
func preview(a Adapter, name Lane, n Notification, v Variant) (r Request, err error) {
	defer func() {
		if recover() != nil {
			r, err = Request{}, errors.New("the adapter panicked over it")
		}
	}()
	payload, err := a.Render(n, v)
	if err != nil {
		return r, err
	}
	p, ok := a.(Previewer)
	if !ok {
		return Request{Header: payload.Header, Body: payload.Body}, nil
	}
	d := Delivery{ID: DeliveryID(n.Seq, 0), Device: Device{App: name.App, Platform: name.Platform, Token: previewToken}, Payload: payload,
		Expires: n.ExpiresAt, Attempt: 1}
	if r, err = p.Preview(d); err != nil {
		return r, fmt.Errorf("make the request: %w", err)
	}
	return r, nil
}
