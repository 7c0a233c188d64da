package compat

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"allim.dev/allim/notify"
)

// gcmMessage is GCM's and FCM's legacy JSON. What today's devices cannot be told (icons, colours, keys of translated
// texts) is taken and not used.
type gcmMessage struct {
	To               string           `json:"to"`
	NotificationKey  string           `json:"notification_key"` // an older word for to
	RegistrationIDs  []string         `json:"registration_ids"`
	Condition        string           `json:"condition"`
	CollapseKey      text             `json:"collapse_key"`
	Priority         text             `json:"priority"` // high, normal; some clients send 10 and 5
	ContentAvailable flag             `json:"content_available"`
	TimeToLive       text             `json:"time_to_live"`
	DryRun           flag             `json:"dry_run"`
	Data             map[string]text  `json:"data"`
	Notification     *gcmNotification `json:"notification"`
}

type gcmNotification struct {
	Title       text `json:"title"`
	Subtitle    text `json:"subtitle"`
	Body        text `json:"body"`
	Image       text `json:"image"`
	Sound       text `json:"sound"`
	Badge       text `json:"badge"`
	Tag         text `json:"tag"`
	ClickAction text `json:"click_action"`
}

// message makes the hub's message; word is what GCM has against all of it. Errors: CodeMalformed, for what GCM answered
// with 400.
func (in *gcmMessage) message() (m *message, word string, err error) {
	m = &message{kind: notify.KindGCM, platforms: []notify.Platform{notify.FCM}, dry: bool(in.DryRun)}
	if err := in.address(m); err != nil {
		return m, "", err
	}
	data := make(map[string]string, len(in.Data))
	for k, v := range in.Data {
		data[k] = string(v)
	}
	m.n = dataMessage(data)
	m.n.CollapseKey = string(in.CollapseKey)
	if in.ContentAvailable {
		m.n.Silent = true
	}
	if in.Notification != nil {
		in.Notification.put(&m.n)
	}
	switch in.Priority {
	case "high", "HIGH", "10":
		m.n.Priority = notify.PriorityHigh
	case "normal", "NORMAL", "5":
		m.n.Priority = notify.PriorityNormal
	}
	ttl, ok := readTTL(string(in.TimeToLive))
	if !ok {
		return m, wordTTL, nil
	}
	m.n.TTL = ttl
	return m, dataWord(data), nil
}

// put takes the words of a notification: they are shown, whatever the data says, and at once unless the message says
// otherwise (the default of FCM for such messages).
func (g *gcmNotification) put(n *notify.Notification) {
	c := &n.Content
	c.Title, c.Subtitle, c.Body = string(g.Title), string(g.Subtitle), string(g.Body)
	c.Image, c.Sound, c.Category = string(g.Image), string(g.Sound), string(g.ClickAction)
	if badge, err := strconv.Atoi(string(g.Badge)); err == nil && badge >= 0 {
		c.Badge = &badge
	}
	if g.Tag != "" {
		n.CollapseKey = string(g.Tag)
	}
	n.Silent = c.Title == "" && c.Body == ""
	n.Priority = notify.PriorityHigh
}

const topicPrefix = "/topics/"

// address finds to whom a message goes: one address, up to a thousand, a topic, or a condition of topics.
func (in *gcmMessage) address(m *message) error {
	to := in.To
	if to == "" {
		to = in.NotificationKey
	}
	ways := 0
	for _, given := range []bool{to != "", in.RegistrationIDs != nil, in.Condition != ""} {
		if given {
			ways++
		}
	}
	switch {
	case ways == 0:
		return notify.Errorf(notify.CodeMalformed, "%s: one of to, registration_ids and condition is needed", wordMissing)
	case ways > 1:
		return notify.Errorf(notify.CodeMalformed, "Must use either \"registration_ids\" field or \"to\", or \"condition\", not both")
	case in.RegistrationIDs != nil && len(in.RegistrationIDs) == 0:
		return notify.Errorf(notify.CodeMalformed, "\"registration_ids\" field cannot be empty")
	case len(in.RegistrationIDs) > maxAddresses:
		return notify.Errorf(notify.CodeMalformed, "Number of messages on bulk (%d) exceeds maximum allowed (%d)",
			len(in.RegistrationIDs), maxAddresses)
	case in.RegistrationIDs != nil:
		m.ids = in.RegistrationIDs
	case in.Condition != "":
		return in.condition(m)
	case strings.HasPrefix(to, topicPrefix):
		m.topics = []string{strings.TrimPrefix(to, topicPrefix)}
	default:
		m.ids = []string{to}
	}
	return nil
}

var inTopic = regexp.MustCompile(`^\(*\s*'([a-zA-Z0-9_.~%-]+)'\s+in\s+topics\s*\)*$`)

// maxTopics is how many topics FCM took in a condition.
const maxTopics = 5

// condition reads "'a' in topics || 'b' in topics". Nobody is told twice, so that a union is what it says; other
// conditions would tell the wrong people, and are refused.
func (in *gcmMessage) condition(m *message) error {
	for part := range strings.SplitSeq(in.Condition, "||") {
		match := inTopic.FindStringSubmatch(strings.TrimSpace(part))
		if match == nil || len(m.topics) == maxTopics {
			return notify.Errorf(notify.CodeMalformed,
				"InvalidParameters: the condition must be up to %d of 'topic' in topics, joined by ||", maxTopics)
		}
		if !slices.Contains(m.topics, match[1]) {
			m.topics = append(m.topics, match[1])
		}
	}
	return nil
}
