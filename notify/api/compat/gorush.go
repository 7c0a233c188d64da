package compat

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"allim.dev/allim/notify"
)

// maxGorush is how many notifications one request may hold, and addresses in all.
const maxGorush = 1000

// gorushBody is gorush's request (README, "POST /api/push").
type gorushBody struct {
	Notifications []json.RawMessage `json:"notifications"` // counted before they are read
}

type gorushPush struct {
	ID               string           `json:"notif_id"`
	Tokens           []string         `json:"tokens"`
	Platform         int              `json:"platform"` // 1 iOS, 2 Android, 3 Huawei
	Message          text             `json:"message"`
	Title            text             `json:"title"`
	Subtitle         text             `json:"subtitle"`
	Image            text             `json:"image"`
	Priority         text             `json:"priority"`
	ContentAvailable flag             `json:"content_available"`
	Sound            json.RawMessage  `json:"sound"` // a name, or {name, critical, volume}
	Data             map[string]text  `json:"data"`
	Badge            *int             `json:"badge"`
	Category         text             `json:"category"`
	ThreadID         text             `json:"thread-id"`
	CollapseID       text             `json:"collapse_id"`
	CollapseKey      text             `json:"collapse_key"`
	Expiration       *int64           `json:"expiration"`   // Unix seconds
	TimeToLive       *int64           `json:"time_to_live"` // seconds
	To               string           `json:"to"`           // of Android: one token, or /topics/NAME
	Topic            string           `json:"topic"`        // of iOS: the app; of Android: a topic
	Condition        string           `json:"condition"`
	Development      flag             `json:"development"`
	Alert            *gorushAlert     `json:"alert"`
	Notification     *gcmNotification `json:"notification"`
	DryRun           flag             `json:"dry_run"`
}

type gorushAlert struct {
	Title    text `json:"title"`
	Subtitle text `json:"subtitle"`
	Body     text `json:"body"`
}

// gorushAnswer is gorush's answer. Counts are the addresses of the request; logs are those that are told nothing.
type gorushAnswer struct {
	Counts  int         `json:"counts"`
	Logs    []gorushLog `json:"logs"`
	Success string      `json:"success"`
}

type gorushLog struct {
	ID       string `json:"notif_id,omitempty"`
	Type     string `json:"type"`
	Platform string `json:"platform"`
	Token    string `json:"token"`
	Message  string `json:"message"`
	Error    string `json:"error"`
}

// serveGorush answers POST /api/push: all notifications of the request are accepted, or none.
func (c *Compat) serveGorush(w http.ResponseWriter, a *Ask) {
	out, err := gorushAnswer{}, a.Err
	if err == nil {
		out, err = c.gorush(a)
	}
	if err == nil {
		c.count(serviceGorush, resultOK)
		for _, l := range out.Logs {
			c.count(serviceGorush, l.Error)
		}
		writeJSON(w, http.StatusOK, out)
		return
	}
	t := troubleOf(err, http.StatusTooManyRequests)
	c.count(serviceGorush, strconv.Itoa(t.status))
	if t.retryAfter != "" {
		w.Header().Set("Retry-After", t.retryAfter)
	}
	writeJSON(w, t.status, struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}{t.status, t.text})
}

func (c *Compat) gorush(a *Ask) (gorushAnswer, error) {
	out := gorushAnswer{Logs: []gorushLog{}, Success: "ok"}
	var in gorushBody
	if err := readJSON(a, &in); err != nil {
		return out, err
	}
	if in.Notifications == nil {
		return out, notify.Errorf(notify.CodeInvalid, "Missing `notifications` field.")
	}
	if n := len(in.Notifications); n == 0 {
		return out, notify.Errorf(notify.CodeInvalid, "Notifications field is empty.")
	} else if n > maxGorush {
		return out, notify.Errorf(notify.CodeInvalid, "Number of notifications(%d) over limit(%d)", n, maxGorush)
	}
	p := notify.Posting{By: a.Key.ID}
	for i, raw := range in.Notifications {
		item, heard, err := c.gorushItem(a, i, raw, &out)
		if err != nil {
			return out, err
		}
		if heard {
			p.Items = append(p.Items, item)
		}
	}
	if len(p.Items) == 0 {
		return out, nil
	}
	_, _, err := c.hub.SendAll(a.Context(), p)
	return out, err
}

// gorushItem makes one notification; heard tells whether there is anybody to tell.
func (c *Compat) gorushItem(a *Ask, i int, raw json.RawMessage, out *gorushAnswer) (item notify.Submission, heard bool, err error) {
	where := "notifications[" + strconv.Itoa(i) + "]"
	var in gorushPush
	if err := json.Unmarshal(raw, &in); err != nil {
		return item, false, wrongJSON(err, where+".", 0)
	}
	m, err := in.message(where, c.clock.Now())
	if err != nil {
		return item, false, err
	}
	if out.Counts += len(m.ids) + len(m.topics); out.Counts > maxGorush {
		return item, false, notify.Errorf(notify.CodeInvalid, "Number of tokens(%d) over limit(%d)", out.Counts, maxGorush)
	}
	results, heard, err := c.look(a.Context(), m)
	if err != nil {
		return item, false, err
	}
	for k, r := range results {
		if r.word != "" {
			out.Logs = append(out.Logs, gorushLog{ID: in.ID, Type: "failed-push", Platform: in.platform(), Token: in.token(m, k),
				Message: string(in.Message), Error: r.word})
		}
	}
	item = notify.Submission{Notification: m.n, Where: where}
	item.Notification.Partial = true
	item.Idempotency, err = a.idempotency("#" + strconv.Itoa(i))
	return item, heard && !bool(in.DryRun), err
}

// token gives an address as it was sent.
func (in *gorushPush) token(m *message, i int) string {
	if i < len(in.Tokens) {
		return in.Tokens[i]
	}
	return m.ids[i]
}

func (in *gorushPush) platform() string {
	return [...]string{1: "ios", 2: "android", 3: "huawei"}[in.Platform]
}

func (in *gorushPush) message(where string, now time.Time) (*message, error) {
	m := &message{ids: slices.Clone(in.Tokens)}
	switch in.Platform {
	case 1:
		m.kind, m.platforms = string(notify.APNs), []notify.Platform{notify.APNs}
		for i, t := range m.ids {
			m.ids[i] = strings.ToLower(t) // as adapters/apns keeps them
		}
	case 2:
		m.kind, m.platforms = notify.KindGCM, []notify.Platform{notify.FCM}
		if err := in.address(m, where); err != nil {
			return m, err
		}
	case 3:
		m.kind = "huawei"
	default:
		return m, notify.Errorf(notify.CodeInvalid, "%s.platform must be 1 (iOS), 2 (Android) or 3 (Huawei)", where)
	}
	if len(m.ids)+len(m.topics) == 0 {
		return m, notify.Errorf(notify.CodeInvalid, "%s.tokens: the message must specify at least one registration ID", where)
	}
	in.content(m)
	return m, in.life(m, where, now)
}

// address takes what only Android has: one token, topics and conditions.
func (in *gorushPush) address(m *message, where string) error {
	g := gcmMessage{To: in.To, Condition: in.Condition}
	if in.Topic != "" && in.To == "" && in.Condition == "" {
		g.To = topicPrefix + strings.TrimPrefix(in.Topic, topicPrefix)
	}
	if g.To == "" && g.Condition == "" {
		return nil
	}
	if len(m.ids) > 0 {
		return notify.Errorf(notify.CodeInvalid, "%s: use tokens, or to, topic or condition, not both", where)
	}
	return g.address(m)
}

func (in *gorushPush) content(m *message) {
	data := make(map[string]string, len(in.Data))
	for k, v := range in.Data {
		data[k] = string(v)
	}
	m.n = dataMessage(data)
	c := &m.n.Content
	if n := in.Notification; n != nil {
		n.put(&m.n)
	}
	alert := gorushAlert{Title: in.Title, Subtitle: in.Subtitle, Body: in.Message}
	if in.Alert != nil {
		alert = gorushAlert{Title: either(in.Alert.Title, in.Title), Subtitle: either(in.Alert.Subtitle, in.Subtitle),
			Body: either(in.Alert.Body, in.Message)}
	}
	c.Title = string(either(alert.Title, text(c.Title)))
	c.Subtitle = string(either(alert.Subtitle, text(c.Subtitle)))
	c.Body = string(either(alert.Body, text(c.Body)))
	c.Image = string(either(in.Image, text(c.Image)))
	c.Category = string(either(in.Category, text(c.Category)))
	c.Thread = string(in.ThreadID)
	if in.Badge != nil {
		c.Badge = in.Badge
	}
	if sound := soundOf(in.Sound); sound != "" {
		c.Sound = sound
	}
	m.n.Silent = c.Title == "" && c.Body == ""
	m.n.CollapseKey = string(either(in.CollapseID, either(in.CollapseKey, text(m.n.CollapseKey))))
	m.n.Priority = notify.PriorityHigh // gorush's default for both platforms
	if in.Priority == "normal" || in.Priority == "NORMAL" || in.Priority == "5" {
		m.n.Priority = notify.PriorityNormal
	}
}

// life says how long it is worth telling.
func (in *gorushPush) life(m *message, where string, now time.Time) error {
	switch {
	case in.TimeToLive != nil:
		ttl, ok := readTTL(strconv.FormatInt(*in.TimeToLive, 10))
		if !ok {
			return notify.Errorf(notify.CodeInvalid, "%s.time_to_live must be 0 to %d seconds", where, maxTTL)
		}
		m.n.TTL = ttl
	case in.Expiration != nil && *in.Expiration > 0:
		m.n.TTL = min(max(0, time.Unix(*in.Expiration, 0).Sub(now)), notify.MaxTTL)
	}
	return nil
}

func either(a, b text) text {
	if a != "" {
		return a
	}
	return b
}

// soundOf reads a sound's name, which APNs also takes as an object.
func soundOf(raw json.RawMessage) string {
	var name string
	if len(raw) == 0 || json.Unmarshal(raw, &name) == nil {
		return name
	}
	var object struct{ Name string }
	if json.Unmarshal(raw, &object) != nil {
		return ""
	}
	return object.Name
}
