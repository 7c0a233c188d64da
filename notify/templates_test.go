package notify_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

func templateOf(id string, fill func(*notify.TemplateSettings)) notify.TemplateConfig {
	return notify.TemplateConfig{ID: id, Section: notifytest.Section[notify.TemplateSettings](fill)}
}

func text(s ...string) (a notify.Alternatives) {
	for _, one := range s {
		var b notify.Alternatives
		_ = b.UnmarshalLiteral(one) // never an error
		a = append(a, b...)
	}
	return a
}

func compiled(t *testing.T, list ...notify.TemplateConfig) *notify.Templates {
	t.Helper()
	all, err := notify.NewTemplates(list)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func approval(s *notify.TemplateSettings) {
	s.Params, s.Optional = []string{"no"}, []string{"amount"}
	s.Words = map[string]notify.TemplateWords{
		"ko": {Title: text("결재 {no}"), Body: text("{amount}원", "금액 미정")},
		"en": {Title: text("Approval {no}"), Body: text("{amount} won", "no amount"),
			None: &notify.TemplateLevel{Title: text("An approval waits")}},
		"ja": {Title: text("決裁 {no}")},
	}
}

// TestTemplatesByLanguage: the person's language chooses, with the fallback for all others; privacy hides the words.
func TestTemplatesByLanguage(t *testing.T) {
	all := compiled(t, templateOf("approval", approval))
	n := notify.Notification{Template: "approval", Params: map[string]string{"no": "7"}, Words: all}
	for _, c := range []struct {
		locale  string
		privacy notify.Privacy
		want    string
	}{
		{"ko-KR", "", "결재 7 | 금액 미정"}, {"en-GB", "", "Approval 7 | no amount"}, {"ja", "", "決裁 7 | "}, {"fr-FR", "", "Approval 7 | no amount"},
		{"", "", "Approval 7 | no amount"}, {"ko", notify.PrivacySender, "결재 7 | "}, {"ko", notify.PrivacyNone, "새 알림 | "},
		{"en", notify.PrivacyNone, "An approval waits | "},
	} {
		got := n.In(notify.Variant{Locale: c.locale, Privacy: c.privacy})
		if s := got.Title + " | " + got.Body; s != c.want {
			t.Errorf("%s %s: %q, want %q", c.locale, c.privacy, s, c.want)
		}
	}
	fallback := compiled(t, templateOf("approval", func(s *notify.TemplateSettings) { approval(s); s.Fallback = "ja" }))
	n.Words = fallback
	if got := n.In(notify.Variant{Locale: "fr"}).Title; got != "決裁 7" {
		t.Error(got)
	}
}

// TestTemplatesTakeTheHubsPlace: its own words change where the configuration has others, and stay where not.
func TestTemplatesTakeTheHubsPlace(t *testing.T) {
	all := compiled(t, templateOf(string(notify.MailReceived), func(s *notify.TemplateSettings) {
		s.Words = map[string]notify.TemplateWords{"ko": {Title: text("{fromName}님의 메일", "메일"), Body: text("{subject}", "")}}
	}))
	n := notify.Notification{Template: string(notify.MailReceived), Params: map[string]string{"fromName": "Lee", "subject": "Hi"}, Words: all}
	for v, want := range map[notify.Variant]string{
		{Locale: "ko"}: "Lee님의 메일 | Hi", {Locale: "en"}: "Lee | Hi", {Locale: "ko", Privacy: notify.PrivacyNone}: "새 메일 | ",
		{Locale: "ko", Privacy: notify.PrivacySender}: "Lee | 새 메일이 도착했습니다",
	} {
		if got := n.In(v); got.Title+" | "+got.Body != want {
			t.Errorf("%v: %q %q, want %q", v, got.Title, got.Body, want)
		}
	}
}

// TestTemplatesAtAcceptance: what is missing or not known is named at once.
func TestTemplatesAtAcceptance(t *testing.T) {
	all := compiled(t, templateOf("approval", approval))
	n := notify.Notification{Template: "approval", Params: map[string]string{"no": "", "amout": "3"}, Words: all, To: notify.Audience{All: true}}
	_, err := n.Validate(notify.Normalizer{}, time.Time{})
	want := "invalid-input: the notification is not valid; params.no: is required by the template approval; " +
		"params.amout: is not a param of the template approval; known are: amount, no"
	if fmt.Sprint(err) != want {
		t.Errorf("%v\nwant %s", err, want)
	}
	n.Params = map[string]string{"no": "1"}
	if _, err := n.Validate(notify.Normalizer{}, time.Time{}); err != nil {
		t.Error(err)
	}
	n.Template = "approvel"
	if _, err := n.Validate(notify.Normalizer{}, time.Time{}); err == nil || !strings.Contains(err.Error(), `template: there is no template "approvel"`) {
		t.Error(err)
	}
	n.Template, n.Words = string(notify.MailReceived), nil
	if _, err := n.Validate(notify.Normalizer{}, time.Time{}); err != nil {
		t.Error(err)
	}
}

func TestWhatIsWrongWithATemplate(t *testing.T) {
	for want, fill := range map[string]func(*notify.TemplateSettings){
		"words: is required":                      func(s *notify.TemplateSettings) { s.Words = nil },
		"words.ko: needs a title":                 func(s *notify.TemplateSettings) { s.Words["ko"] = notify.TemplateWords{} },
		"words.klingonish-x: is not a language":   func(s *notify.TemplateSettings) { s.Words["klingonish-x"] = notify.TemplateWords{Title: text("a")} },
		`words.ko.title: there is no param "who"`: func(s *notify.TemplateSettings) { s.Words["ko"] = notify.TemplateWords{Title: text("{who}", "a")} },
		"words.ko.title: one of the texts must":   func(s *notify.TemplateSettings) { s.Words["ko"] = notify.TemplateWords{Title: text("{amount}")} },
		"words.ko.body: a { must be followed": func(s *notify.TemplateSettings) {
			s.Words["ko"] = notify.TemplateWords{Title: text("a"), Body: text("{no")}
		},
		"words.ko.body: a } stands without": func(s *notify.TemplateSettings) {
			s.Words["ko"] = notify.TemplateWords{Title: text("a"), Body: text("no}")}
		},
		"words.ko.none: needs a title": func(s *notify.TemplateSettings) {
			s.Words["ko"] = notify.TemplateWords{Title: text("a"), None: &notify.TemplateLevel{}}
		},
		"fallback: is not a language of words": func(s *notify.TemplateSettings) { s.Fallback = "fr" },
		"params[1]: a param's name":            func(s *notify.TemplateSettings) { s.Params = []string{"no", "a b"} },
		"optional[0]: is among params":         func(s *notify.TemplateSettings) { s.Optional = []string{"no", "amount"} },
	} {
		_, err := notify.NewTemplates([]notify.TemplateConfig{templateOf("approval", func(s *notify.TemplateSettings) { approval(s); fill(s) })})
		if !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := notify.NewTemplates([]notify.TemplateConfig{templateOf("posted", approval)}); err == nil {
		t.Error("the hub's own name was taken")
	}
}
