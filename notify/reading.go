package notify

import (
	"context"
	"strings"
	"time"
)

// What a person reads on one page or device is read everywhere.

const (
	readMost = 500              // ids in one call
	readTTL  = 24 * time.Hour   // a device that comes later has nothing to clear
	readData = "read"           // the key of a silent notice's data: ids, separated by commas
	tagsData = "readTags"       // the same as the devices know them: by their collapse keys
	readEach = 25               // ids in one silent notice: it must fit into every platform's payload
	readBy   = "read elsewhere" // who sent it
)

// MarkInbox marks what a person saw on an open page, or has read. Reading tells the person's other pages, and clears the
// notices on the person's devices, unless the person does not want that. Errors: CodeInvalid, CodeUnknownUser.
func (h *Hub) MarkInbox(ctx context.Context, user string, ids []string, read bool) error {
	if len(ids) == 0 {
		return nil
	}
	if len(ids) > readMost {
		return &Error{Code: CodeInvalid, Detail: "too many at once", Fields: []FieldError{{Path: "ids", Message: "are more than 500"}}}
	}
	changed, err := h.store.MarkInbox(ctx, user, ids, read, h.clock.Now())
	if err != nil || len(changed) == 0 {
		return err
	}
	if !read {
		return nil
	}
	h.bundles.forget(user, changed)
	h.bus.Wake(SubjectMarks(user))
	p, err := h.store.Preferences(ctx, user)
	if err != nil || p.KeepRead {
		return err
	}
	return h.clear(ctx, user, changed)
}

// clear has the devices take away what was read. It is best effort: the read state itself is stored.
func (h *Hub) clear(ctx context.Context, user string, ids []string) error {
	devices, err := h.store.DevicesOf(ctx, user)
	if err != nil {
		return err
	}
	reachable := false
	for _, d := range devices {
		reachable = reachable || d.State == DeviceActive && clears(d.Platform)
	}
	if !reachable {
		return nil
	}
	for len(ids) > 0 {
		some := ids[:min(readEach, len(ids))]
		ids = ids[len(some):]
		tags := make([]string, 0, len(some))
		for _, id := range some {
			n, err := h.store.Notification(ctx, id)
			if err == nil {
				tags = append(tags, n.Collapse())
			}
		}
		_, _, err := h.Send(ctx, Notification{To: Audience{Users: []string{user}, Platforms: []Platform{APNs, FCM, WebPush}},
			Silent: true, Priority: PriorityNormal, TTL: readTTL, By: readBy,
			Content: Content{Data: map[string]string{readData: strings.Join(some, ","), tagsData: strings.Join(tags, ",")}}}, Idempotency{})
		if err != nil {
			return err
		}
	}
	return nil
}

// clears tells whether an app on the platform can take a notice away again.
func clears(p Platform) bool { return p == APNs || p == FCM || p == WebPush }
