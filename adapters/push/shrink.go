package push

import (
	"sort"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"allim.dev/allim/notify"
)

// ellipsis stands where a text was cut.
const ellipsis = "…"

// worthReading is how many bytes of a body are kept rather than its image and data.
const worthReading = 160

// Shrink gives the payload that build makes of c, in at most limit bytes. What is too long loses, until it fits: the end
// of its body; its image; its data; all of its body; the ends of its subtitle and of its title. The URL stays. Texts are
// cut between the characters that a reader sees. Errors: CodeTooLarge when even the shortest form does not fit, and
// build's own.
func Shrink(c notify.Content, limit int, build func(notify.Content) ([]byte, error)) ([]byte, error) {
	f := fitter{content: c, limit: limit, build: build}
	for _, step := range []func(){
		func() {},
		func() { f.cut(&f.content.Body, worthReading) },
		func() { f.content.Image = "" },
		func() { f.content.Data = nil },
		func() { f.cut(&f.content.Body, 0) },
		func() { f.cut(&f.content.Subtitle, 0) },
		func() { f.cut(&f.content.Title, 0) },
	} {
		step()
		if f.fits() || f.err != nil {
			return f.out, f.err
		}
	}
	return nil, notify.Errorf(notify.CodeTooLarge,
		"the notification takes %d bytes even in its shortest form; the platform's limit is %d", len(f.out), limit)
}

type fitter struct {
	content notify.Content
	limit   int
	build   func(notify.Content) ([]byte, error)
	out     []byte
	err     error
}

func (f *fitter) fits() bool {
	f.out, f.err = f.build(f.content)
	return f.err == nil && len(f.out) <= f.limit
}

// cut leaves as much of *text (a field of f.content) as fits, but at least its first floor bytes.
func (f *fitter) cut(text *string, floor int) {
	whole := *text
	if len(whole) <= floor {
		return
	}
	// How much of a text fits cannot be reckoned: JSON writes some bytes as six.
	tooMuch := sort.Search(len(whole)-floor, func(n int) bool {
		*text = Truncate(whole, floor+n)
		return !f.fits()
	})
	*text = Truncate(whole, floor+max(tooMuch-1, 0))
}

// maxCluster is the longest character that is kept whole, in bytes: greater than any emoji. What is longer is a letter
// under a heap of accents, which may be torn.
const maxCluster = 64

// Truncate gives s in at most limit bytes, its end replaced by an ellipsis where it was longer, cut between the
// characters that a reader sees (Unicode grapheme clusters, UAX #29), so that no syllable, flag or emoji is torn. A limit
// with no room for one character and the ellipsis gives "".
func Truncate(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	room := limit - len(ellipsis)
	end, state := 0, -1
	for rest := s; rest != ""; {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if end+len(cluster) > room {
			break
		}
		end += len(cluster)
	}
	if first, _, _, _ := uniseg.FirstGraphemeClusterInString(s, -1); end == 0 && len(first) > maxCluster {
		for _, r := range s {
			if end+utf8.RuneLen(r) > room {
				break
			}
			end += max(utf8.RuneLen(r), 1)
		}
	}
	if end == 0 {
		return ""
	}
	return s[:end] + ellipsis
}
