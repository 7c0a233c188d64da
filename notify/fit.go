package notify

import (
	"bytes"
	"fmt"
)

// A text that is too long for a platform is cut, and its reader sees the ellipsis. Data that is cut is wrong, and its app
// cannot know: so data that a platform could not carry is refused when it is posted.

// DataChecker is an adapter that keeps some keys of the data for itself. Errors: CodeInvalid with the field "data".
type DataChecker interface {
	CheckData(data map[string]string) error
}

// dataFitsAnyway is how much data fits into every platform's payload beside whatever else there is, in bytes.
const dataFitsAnyway = 512

// checkData refuses data that one of the lanes of the audience cannot carry: beside the shortest title, for every longer
// text can be cut. CodeInvalid names the field.
func (h *Hub) checkData(n Notification) error {
	size := 0
	for k, v := range n.Content.Data {
		size += len(k) + len(v)
	}
	if size == 0 || n.Privacy != PrivacyFull {
		return nil
	}
	var p problems
	for _, name := range h.lanesFor(n.To) {
		adapter := h.lanes[name].adapter
		if c, ok := adapter.(DataChecker); ok {
			if err := c.CheckData(n.Content.Data); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		if size > dataFitsAnyway && !carries(adapter, n) {
			p.add("data", "its %d bytes do not fit into what %s takes; narrow the audience with to.platforms, or send less", size, name)
		}
	}
	return p.err("the notification is too large for a platform")
}

// carries tells whether an adapter has room for the data. Adapters leave out what does not fit: then the payload is the
// same as without.
func carries(adapter Adapter, n Notification) bool {
	n.Template = ""
	n.Content.Title, n.Content.Subtitle, n.Content.Body, n.Content.Image = "·", "", "", ""
	with, fault := adapter.Render(n, Variant{})
	n.Content.Data = nil
	without, err := adapter.Render(n, Variant{})
	switch {
	case err != nil: // something else is too large: that is told at the delivery
		return true
	case fault != nil:
		return false
	}
	return !bytes.Equal(with.Body, without.Body)
}
