package fcm

import (
	"encoding/json"

	"allim.dev/allim/notify"
)

// apnsSection is for iPhones that Firebase reaches through APNs. Without it FCM would show nothing there: the text is in
// the android section, not at the top, so that each platform gets what is its own.
type apnsSection struct {
	Headers apnsHeaders `json:"headers"`
	Payload apnsPayload `json:"payload"`
	Options *apnsOption `json:"fcm_options,omitempty"`
}

type apnsHeaders struct {
	Expiration json.RawMessage `json:"apns-expiration"`
	Priority   string          `json:"apns-priority"`
	PushType   string          `json:"apns-push-type"`
	CollapseID string          `json:"apns-collapse-id"`
}

type apnsPayload struct {
	APS aps `json:"aps"`
}

type aps struct {
	Alert            *apsAlert `json:"alert,omitempty"`
	Badge            *int      `json:"badge,omitempty"`
	Sound            string    `json:"sound,omitempty"`
	Thread           string    `json:"thread-id,omitempty"`
	Category         string    `json:"category,omitempty"`
	ContentAvailable int       `json:"content-available,omitempty"`
	MutableContent   int       `json:"mutable-content,omitempty"`
}

type apsAlert struct {
	Title    string `json:"title,omitempty"`
	Subtitle string `json:"subtitle,omitempty"`
	Body     string `json:"body,omitempty"`
}

type apnsOption struct {
	Image string `json:"image"`
}

// maxCollapseID is Apple's limit, "Sending notification requests to APNs".
const maxCollapseID = 64

func apnsOf(n notify.Notification, c notify.Content) *apnsSection {
	s := &apnsSection{Headers: apnsHeaders{Expiration: slotExpiration.value, PushType: "alert", Priority: "5",
		CollapseID: n.Collapse()}}
	if !headerText(s.Headers.CollapseID) {
		s.Headers.CollapseID = hashed(s.Headers.CollapseID)
	}
	if n.Silent { // "data-only messages to iOS": anything but 5 is an error
		s.Headers.PushType, s.Payload.APS = "background", aps{ContentAvailable: 1}
		return s
	}
	if priority(n) == "HIGH" {
		s.Headers.Priority = "10"
	}
	s.Payload.APS = aps{Alert: &apsAlert{c.Title, c.Subtitle, c.Body}, Badge: c.Badge, Sound: c.Sound, Thread: c.Thread,
		Category: c.Category}
	if image := secureOnly(c.Image); image != "" {
		s.Payload.APS.MutableContent, s.Options = 1, &apnsOption{image}
	}
	return s
}

// headerText tells whether a key fits and can stand in a header as it is.
func headerText(key string) bool {
	for i := range len(key) {
		if key[i] <= 0x20 || key[i] >= 0x7f {
			return false
		}
	}
	return len(key) > 0 && len(key) <= maxCollapseID
}

// webSection is for browsers that Firebase reaches through Web Push.
type webSection struct {
	Headers      webHeaders       `json:"headers"`
	Notification *webNotification `json:"notification,omitempty"`
	Options      *webOption       `json:"fcm_options,omitempty"`
}

type webHeaders struct {
	TTL     json.RawMessage `json:"TTL"`
	Urgency string          `json:"Urgency"`
	Topic   string          `json:"Topic"`
}

type webNotification struct {
	Title string `json:"title,omitempty"`
	Body  string `json:"body,omitempty"`
	Tag   string `json:"tag"`
	Image string `json:"image,omitempty"`
}

type webOption struct {
	Link string `json:"link"` // https only
}

func webOf(n notify.Notification, c notify.Content) *webSection {
	s := &webSection{Headers: webHeaders{TTL: slotWebTTL.value, Urgency: "normal", Topic: hashed(n.Collapse())}}
	switch {
	case priority(n) == "HIGH":
		s.Headers.Urgency = "high"
	case n.Priority == notify.PriorityLow:
		s.Headers.Urgency = "low"
	}
	if n.Silent {
		return s
	}
	s.Notification = &webNotification{Title: c.Title, Body: c.Body, Tag: n.Collapse(), Image: secureOnly(c.Image)}
	if c.Subtitle != "" {
		s.Notification.Body = c.Subtitle + "\n" + c.Body
	}
	if link := secureOnly(c.URL); link != "" {
		s.Options = &webOption{link}
	}
	return s
}
