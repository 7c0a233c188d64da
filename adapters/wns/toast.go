package wns

import (
	"encoding/xml"
	"net/url"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/language"

	"allim.dev/allim/notify"
)

// toast is the XML of a toast, its parts in the schema's order: "Toast schema", "App notification content". A toast that
// breaks the schema is answered with 200 and dropped on the device, so nothing doubtful goes in.
type toast struct {
	XMLName    xml.Name     `xml:"toast"`
	Launch     string       `xml:"launch,attr"` // first: see placeholders
	Activation string       `xml:"activationType,attr,omitempty"`
	Duration   string       `xml:"duration,attr,omitempty"`
	Timestamp  string       `xml:"displayTimestamp,attr,omitempty"`
	Visual     visual       `xml:"visual"`
	Audio      audio        `xml:"audio"`
	Header     *toastHeader `xml:"header"`
}

type visual struct {
	Lang    string  `xml:"lang,attr,omitempty"`
	Binding binding `xml:"binding"`
}

type binding struct {
	Template string   `xml:"template,attr"`
	Text     []string `xml:"text"` // three at most
	Image    *image   `xml:"image"`
}

type image struct {
	Placement string `xml:"placement,attr"`
	Src       string `xml:"src,attr"`
}

type audio struct {
	Src    string `xml:"src,attr,omitempty"`
	Silent bool   `xml:"silent,attr,omitempty"`
}

type toastHeader struct {
	ID        string `xml:"id,attr"`
	Title     string `xml:"title,attr"`
	Arguments string `xml:"arguments,attr"`
}

// Sounds: "audio (Toast XML Schema)".
const (
	soundDefault = "ms-winsoundevent:Notification.Default"
	soundEvents  = "ms-winsoundevent:Notification."
	soundFiles   = "ms-appx:///"
)

// toast makes the XML of c.
func (a *Adapter) toast(n notify.Notification, c notify.Content, v notify.Variant) ([]byte, error) {
	t := toast{Launch: arguments(c), Visual: visual{Lang: lang(v.Locale),
		Binding: binding{Template: "ToastGeneric", Text: texts(c), Image: hero(c.Image)}}, Audio: sound(c.Sound)}
	if c.URL != "" && a.cfg.Open == openLink && opens(c.URL) {
		t.Launch, t.Activation = clean(c.URL), "protocol"
	}
	if n.Urgent {
		t.Duration = "long"
	}
	if !n.CreatedAt.IsZero() {
		t.Timestamp = n.CreatedAt.UTC().Format(time.RFC3339)
	}
	if title := oneLine(c.Thread); title != "" {
		t.Header = &toastHeader{ID: tag(c.Thread), Title: title, Arguments: "thread=" + url.QueryEscape(c.Thread)}
	}
	return xml.Marshal(t)
}

// texts are the lines of a toast: the first is the title. One is always there, or nothing would be shown.
func texts(c notify.Content) []string {
	var list []string
	for _, s := range []string{oneLine(c.Title), oneLine(c.Subtitle), clean(c.Body)} {
		if s != "" {
			list = append(list, s)
		}
	}
	if list == nil {
		list = []string{""}
	}
	return list
}

// hero is the big picture on top. A src that Windows cannot read drops the whole toast.
func hero(src string) *image {
	u, err := url.Parse(src)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || clean(src) != src {
		return nil
	}
	return &image{Placement: "hero", Src: src}
}

// sound gives the sound of a name: none, one of Windows' own or of the app's by its full name, else the default one.
func sound(name string) audio {
	switch {
	case name == "" || name == "none":
		return audio{Silent: true}
	case clean(name) == name && !strings.ContainsAny(name, " \n") && (strings.HasPrefix(name, soundEvents) && !strings.Contains(name, "Looping") ||
		strings.HasPrefix(name, soundFiles)):
		return audio{Src: name}
	}
	return audio{Src: soundDefault}
}

// opens tells whether Windows may be asked to open an address: only what leads to a browser, a mail or a telephone. All
// other schemes (file:, ms-settings:, …) could start what a sender has no business with: the app gets them and decides.
func opens(address string) bool {
	u, err := url.Parse(address)
	if err != nil || clean(address) != address {
		return false
	}
	switch u.Scheme {
	case "https", "http":
		return u.Host != ""
	case "mailto", "tel":
		return true
	}
	return false
}

// lang gives a locale as BCP 47, else nothing.
func lang(locale string) string {
	t, err := language.Parse(locale)
	if err != nil || t == language.Und {
		return ""
	}
	return t.String()
}

// oneLine is clean without line ends.
func oneLine(s string) string { return strings.Join(strings.Fields(clean(s)), " ") }

// clean takes out of a text what XML 1.0 has no room for (section 2.2), control characters but line ends, and those that
// turn the writing direction of what follows (UAX #9), with which a sender could make a name look like another one.
func clean(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == unicode.ReplacementChar, r&0xfffe == 0xfffe,
			r >= 0xfdd0 && r <= 0xfdef:
			return -1
		}
		return r
	}, s)
}
