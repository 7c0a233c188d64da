package notify

import (
	"strings"

	"golang.org/x/text/language"
)

// words are the texts of the notices that the hub itself makes of events, by language. A title or body is a pattern of
// {param}; the first pattern whose params are all there is taken.
type words struct{ title, body []string }

// level picks the words of one privacy level.
type levels map[Privacy]words

// templates are keyed by template name (for events: the event type) and language.
var templates = map[string]map[string]levels{
	string(MailReceived): {
		"en": {
			PrivacyFull:   {[]string{"{fromName}", "{from}", "New mail"}, []string{"{subject}", "(no subject)"}},
			PrivacySender: {[]string{"{fromName}", "{from}", "New mail"}, []string{"New mail"}},
			PrivacyNone:   {[]string{"New mail"}, []string{""}},
		},
		"ko": {
			PrivacyFull:   {[]string{"{fromName}", "{from}", "새 메일"}, []string{"{subject}", "(제목 없음)"}},
			PrivacySender: {[]string{"{fromName}", "{from}", "새 메일"}, []string{"새 메일이 도착했습니다"}},
			PrivacyNone:   {[]string{"새 메일"}, []string{""}},
		},
	},
	posted: {
		"en": {PrivacySender: {[]string{"{title}"}, []string{""}}, PrivacyNone: {[]string{"New notice"}, []string{""}}},
		"ko": {PrivacySender: {[]string{"{title}"}, []string{""}}, PrivacyNone: {[]string{"새 알림"}, []string{""}}},
	},
}

// posted is the template of notices that were posted with their own words: it only serves to hide them.
const posted = "posted"

var (
	languages = []string{"en", "ko"} // in the order of the matcher's tags
	matcher   = language.NewMatcher([]language.Tag{language.English, language.Korean})
)

// HasTemplate tells whether there is a template of that name.
func HasTemplate(name string) bool { _, ok := templates[name]; return ok }

// Language gives the language of the hub's own words for a BCP 47 locale: "en" or "ko".
func Language(locale string) string {
	tag, err := language.Parse(locale)
	if err != nil {
		return languages[0]
	}
	_, i, _ := matcher.Match(tag)
	return languages[i]
}

// In gives the content in the variant's language and at its privacy: what an adapter renders.
func (n Notification) In(v Variant) Content {
	c := n.Content
	privacy := stricter(n.Privacy, v.Privacy)
	name := n.Template
	params := n.Params
	if name == "" {
		if privacy == PrivacyFull {
			return c
		}
		name, params = posted, map[string]string{"title": c.Title}
	}
	w := templates[name][Language(v.Locale)][privacy]
	c.Title, c.Body = fill(w.title, params), fill(w.body, params)
	if privacy != PrivacyFull {
		c.Subtitle, c.Image, c.Data = "", "", nil
	}
	if privacy == PrivacyNone {
		c.URL, c.Thread = "", ""
	}
	return c
}

func stricter(a, b Privacy) Privacy {
	rank := map[Privacy]int{PrivacyFull: 0, PrivacySender: 1, PrivacyNone: 2}
	if rank[b] > rank[a] {
		return b
	}
	if a == "" {
		return PrivacyFull
	}
	return a
}

func fill(patterns []string, params map[string]string) string {
	for _, p := range patterns {
		if s, ok := fillOne(p, params); ok {
			return s
		}
	}
	return ""
}

// fillOne replaces each {name} by its param; false when one is missing or empty. Params are not searched for patterns.
func fillOne(pattern string, params map[string]string) (string, bool) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(pattern, "{")
		b.WriteString(before)
		if !found {
			return b.String(), true
		}
		name, after, _ := strings.Cut(rest, "}")
		value := params[name]
		if value == "" {
			return "", false
		}
		b.WriteString(value)
		pattern = after
	}
}
