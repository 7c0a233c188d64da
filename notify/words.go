package notify

import (
	"strings"

	"golang.org/x/text/language"
)

// words are the texts of the notices that the hub itself makes of events, by language. A title or body is a pattern of
// {param}; the first pattern whose params are all there is taken. {?param} only asks for it and shows nothing.
type words struct{ title, body []string }

// levels has the words of each privacy level.
type levels map[Privacy]words

// template is the words of one sort of notice.
type template struct {
	// derive makes further params of an event's own, such as {when}; nil: there are none.
	derive func(params map[string]string, r reader) map[string]string
	// zoned: the words show times, so that they depend on the reader's time zone.
	zoned bool
	by    map[string]levels // by language
}

// templateNamed finds the words by a template's name; for events the event type is the name. It is the one place that
// knows where templates come from.
func templateNamed(name string) (template, bool) {
	if t, ok := calendarWords[name]; ok {
		return t, true
	}
	t, ok := noticeWords[name]
	return t, ok
}

// noticeWords are the words of mails, feeds and posted notices.
var noticeWords = map[string]template{
	string(MailReceived): {by: map[string]levels{
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
	}},
	string(FeedPublished): {by: map[string]levels{
		"en": {
			PrivacyFull:   {[]string{"{feed}", "New notice"}, []string{"{title}", "{summary}", "(no title)"}},
			PrivacySender: {[]string{"{feed}", "New notice"}, []string{"New notice"}},
			PrivacyNone:   {[]string{"New notice"}, []string{""}},
		},
		"ko": {
			PrivacyFull:   {[]string{"{feed}", "새 소식"}, []string{"{title}", "{summary}", "(제목 없음)"}},
			PrivacySender: {[]string{"{feed}", "새 소식"}, []string{"새 소식이 있습니다"}},
			PrivacyNone:   {[]string{"새 소식"}, []string{""}},
		},
	}},
	bundleTemplate: {by: map[string]levels{
		"en": {
			PrivacyFull:   {[]string{"{count} new mails", "New mail"}, []string{"{names}", ""}},
			PrivacySender: {[]string{"{count} new mails", "New mail"}, []string{"{names}", ""}},
			PrivacyNone:   {[]string{"{count} new mails", "New mail"}, []string{""}},
		},
		"ko": {
			PrivacyFull:   {[]string{"새 메일 {count}통", "새 메일"}, []string{"{names}", ""}},
			PrivacySender: {[]string{"새 메일 {count}통", "새 메일"}, []string{"{names}", ""}},
			PrivacyNone:   {[]string{"새 메일 {count}통", "새 메일"}, []string{""}},
		},
	}},
	posted: {by: map[string]levels{
		"en": {PrivacySender: {[]string{"{title}"}, []string{""}}, PrivacyNone: {[]string{"New notice"}, []string{""}}},
		"ko": {PrivacySender: {[]string{"{title}"}, []string{""}}, PrivacyNone: {[]string{"새 알림"}, []string{""}}},
	}},
}

// posted is the template of notices that were posted with their own words: it only serves to hide them.
const posted = "posted"

var (
	languages = []string{"en", "ko"} // in the order of the matcher's tags
	matcher   = language.NewMatcher([]language.Tag{language.English, language.Korean})
)

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
	t, _ := n.Words.find(name)
	r := newReader(v, n.CreatedAt)
	w := t.by[t.language(v.Locale, r.lang)][privacy]
	if t.derive != nil && privacy == PrivacyFull {
		params = t.derive(params, r)
	}
	c.Title, c.Body = fill(w.title, params), fill(w.body, params)
	if privacy != PrivacyFull {
		c.Subtitle, c.Image, c.Data = "", "", nil
	}
	if privacy == PrivacyNone {
		c.URL, c.Thread = "", ""
	}
	return c
}

// VariantFor gives the variant of a reader. The time zone is part of it only where the words show a time, so that a notice
// to many has few variants.
func (n Notification) VariantFor(locale, timeZone, environment string) Variant {
	v := Variant{Locale: locale, Privacy: n.Privacy, Environment: environment}
	if t, _ := n.Words.find(n.Template); t.zoned && stricter(n.Privacy, "") == PrivacyFull {
		v.TimeZone = timeZone
	}
	return v
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
		name, only := strings.CutPrefix(name, "?")
		value := params[name]
		if value == "" {
			return "", false
		}
		if !only {
			b.WriteString(value)
		}
		pattern = after
	}
}
