package sqlite

import (
	"encoding/json"
	"time"

	"allim.dev/allim/notify"
)

// document is the part of a notification that no query looks at.
type document struct {
	Title     string              `json:"title,omitempty"`
	Subtitle  string              `json:"subtitle,omitempty"`
	Body      string              `json:"body,omitempty"`
	URL       string              `json:"url,omitempty"`
	Image     string              `json:"image,omitempty"`
	Data      map[string]string   `json:"data,omitempty"`
	Badge     *int                `json:"badge,omitempty"`
	Sound     string              `json:"sound,omitempty"`
	Thread    string              `json:"thread,omitempty"`
	Category  string              `json:"category,omitempty"`
	Platforms []notify.Platform   `json:"platforms,omitempty"`
	Apps      []string            `json:"apps,omitempty"`
	Collapse  string              `json:"collapse,omitempty"`
	Priority  notify.Priority     `json:"priority,omitempty"`
	Urgent    bool                `json:"urgent,omitempty"`
	Silent    bool                `json:"silent,omitempty"`
	TTL       int64               `json:"ttl,omitempty"` // milliseconds
	Rate      int                 `json:"rate,omitempty"`
	Template  string              `json:"template,omitempty"`
	Params    map[string]string   `json:"params,omitempty"`
	Privacy   notify.Privacy      `json:"privacy,omitempty"`
	Partial   bool                `json:"partial,omitempty"`
	By        string              `json:"by,omitempty"`
	Skipped   []notify.FieldError `json:"skipped,omitempty"`
}

func encodeDoc(n notify.Notification) string {
	c := n.Content
	return toJSON(document{Title: c.Title, Subtitle: c.Subtitle, Body: c.Body, URL: c.URL, Image: c.Image, Data: c.Data,
		Badge: c.Badge, Sound: c.Sound, Thread: c.Thread, Category: c.Category, Platforms: n.To.Platforms, Apps: n.To.Apps,
		Collapse: n.CollapseKey, Priority: n.Priority, Urgent: n.Urgent, Silent: n.Silent, TTL: n.TTL.Milliseconds(), Rate: n.Rate,
		Template: n.Template, Params: n.Params, Privacy: n.Privacy, Partial: n.Partial, By: n.By, Skipped: n.Skipped})
}

func decodeDoc(text []byte, n *notify.Notification) error {
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		return err
	}
	n.Content = notify.Content{Title: d.Title, Subtitle: d.Subtitle, Body: d.Body, URL: d.URL, Image: d.Image, Data: d.Data,
		Badge: d.Badge, Sound: d.Sound, Thread: d.Thread, Category: d.Category}
	n.To.Platforms, n.To.Apps = d.Platforms, d.Apps
	n.CollapseKey, n.Priority, n.Urgent, n.Silent = d.Collapse, d.Priority, d.Urgent, d.Silent
	n.TTL, n.Rate = time.Duration(d.TTL)*time.Millisecond, d.Rate
	n.Template, n.Params, n.Privacy, n.Partial, n.By, n.Skipped = d.Template, d.Params, d.Privacy, d.Partial, d.By, d.Skipped
	return nil
}
