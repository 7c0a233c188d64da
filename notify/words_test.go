package notify

import "testing"

func TestWordsByLanguageAndPrivacy(t *testing.T) {
	mail := Notification{Template: string(MailReceived), Params: map[string]string{"fromName": "{subject}", "from": "lee@example.com",
		"subject": "예산"}, Content: Content{URL: "https://mail/1", Data: map[string]string{"event": "e"}}}
	for _, c := range []struct {
		n           Notification
		v           Variant
		title, body string
	}{
		{mail, Variant{Locale: "ko-KR"}, "{subject}", "예산"},
		{mail, Variant{Locale: "en-US", Privacy: PrivacySender}, "{subject}", "New mail"},
		{mail, Variant{Locale: "ko", Privacy: PrivacyNone}, "새 메일", ""},
		{mail, Variant{Locale: "fr"}, "{subject}", "예산"},
		{Notification{Template: string(MailReceived)}, Variant{Locale: "en"}, "New mail", "(no subject)"},
		{Notification{Content: Content{Title: "T", Body: "B"}}, Variant{}, "T", "B"},
		{Notification{Content: Content{Title: "T", Body: "B"}}, Variant{Privacy: PrivacyNone}, "New notice", ""},
		{Notification{Content: Content{Title: "T", Body: "B"}, Privacy: PrivacySender}, Variant{Privacy: PrivacyFull}, "T", ""},
	} {
		got := c.n.In(c.v)
		if got.Title != c.title || got.Body != c.body {
			t.Errorf("%+v: %q, %q; want %q, %q", c.v, got.Title, got.Body, c.title, c.body)
		}
	}
	if hidden := mail.In(Variant{Privacy: PrivacyNone}); hidden.URL != "" || hidden.Data != nil {
		t.Errorf("privacy none tells %q, %v", hidden.URL, hidden.Data)
	}
}

// Every template has every language and level, so that no notice comes out empty.
func TestTemplatesAreWhole(t *testing.T) {
	for name, byLanguage := range templates {
		for _, lang := range languages {
			for _, p := range []Privacy{PrivacyFull, PrivacySender, PrivacyNone} {
				if name == posted && p == PrivacyFull {
					continue
				}
				if len(byLanguage[lang][p].title) == 0 {
					t.Errorf("template %s lacks %s, %s", name, lang, p)
				}
			}
		}
	}
}
