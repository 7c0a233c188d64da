package docmap_test

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/docmap"
	"allim.dev/allim/notify/notifytest"
)

// greedy is a mapping whose expressions look everywhere, for everything, at every match.
const greedy = `
each: "//o | //*[contains(., 'x')]"
common: {all: "count(//*[count(.//*) > 1])"}
vars: {first: "string(//o)", deep: "count(ancestor::*//o)", sum: "sum(//n)", same: "count(//o[. = 'x'])", cut: "translate(., 'x', 'y')"}
lists: {every: ".//o"}
when: "deep >= 0"
notification: {to: {users: [kim]}, title: "{{.first}}{{range .every}}{{.}}{{end}}", body: "{{.cut}}{{.cut}}{{.cut}}"}
idempotency: "{{.first}}"
maxMatches: 10000
`

// hostile are documents of so many bytes that try to cost much.
func hostile(size int) map[string]string {
	filled := func(open, s, end string) string {
		return open + strings.Repeat(s, (size-len(open)-len(end))/len(s)) + end
	}
	nest := strings.Repeat("<o>", 30) + "x" + strings.Repeat("</o>", 30)
	return map[string]string{
		"elements":   filled("<l>", "<o/>", "</l>"),
		"texts":      filled("<l>", "<o>x</o>", "</l>"),
		"nested":     filled("<l>", nest, "</l>"),
		"too deep":   filled("", "<o>", ""),
		"attributes": filled("<o ", "a='' ", "/>"),
		"distinct attributes": func() string {
			var b strings.Builder
			b.WriteString("<o ")
			for i := 0; b.Len() < size-20; i++ {
				fmt.Fprintf(&b, "a%d='' ", i)
			}
			return b.String() + "/>"
		}(),
		"one text":       filled("<o>", "x", "</o>"),
		"CDATA":          filled("<o>", "<![CDATA[x]]>", "</o>"),
		"comments":       filled("<o>x", "<!---->", "</o>"),
		"references":     filled("<o>", "&#120;", "</o>"),
		"namespaces":     filled("<l>", "<o xmlns:a='b' xmlns:c='d' a:x='1'>x</o>", "</l>"),
		"a DTD":          filled("<!DOCTYPE o [", "<!ENTITY a 'b'>", "]><o/>"),
		"JSON":           filled(`{"l":[`, `{"o":"x"},`, `0]}`),
		"JSON array":     filled("[", "1,", "1]"),
		"JSON deep":      filled("", "[", ""),
		"JSON escapes":   filled(`{"o":"`, `\u0078`, `"}`),
		"wrong encoding": "<?xml version='1.0' encoding='iso-2022-jp'?>" + filled("<o>", "\x1b$B", "</o>"),
		"UTF-16":         "\xff\xfe" + filled("<\x00o\x00>\x00", "x\x00", "<\x00/\x00o\x00>\x00"),
	}
}

// slowest is far more than any of them takes, on a busy machine and under the race detector too: BenchmarkHostile says
// how long they take.
const slowest = 20 * time.Second

// TestHostileDocuments: none panics, none is more than a moment's work, and none makes much garbage.
func TestHostileDocuments(t *testing.T) {
	for name, yaml := range map[string]string{"greedy": greedy, "plain": erp} {
		m := compile(t, yaml)
		for what, doc := range hostile(200 << 10) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			_, err := m.Apply(t.Context(), notify.Foreign{Data: []byte(doc)})
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if took > slowest {
				t.Errorf("%s, %s: took %s", name, what, took)
			}
			if made := after.TotalAlloc - before.TotalAlloc; made > 1<<28 {
				t.Errorf("%s, %s: allocated %d MiB", name, what, made>>20)
			}
			switch notify.CodeOf(err) {
			case "", notify.CodeInvalid, notify.CodeMalformed, notify.CodeTooLarge:
			default:
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
	}
}

func BenchmarkHostile(b *testing.B) {
	m, err := docmap.Compile("greedy", notifytest.YAML(greedy), docmap.Options{})
	if err != nil {
		b.Fatal(err)
	}
	for what, doc := range hostile(1 << 20) {
		b.Run(strings.ReplaceAll(what, " ", "_"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = m.Apply(b.Context(), notify.Foreign{Data: []byte(doc)}) // most are refused
			}
		})
	}
}

// FuzzMapping applies mappings to anything. What is taken must be the same when it is read again.
func FuzzMapping(f *testing.F) {
	var mappings []*docmap.Mapping
	for _, yaml := range []string{erp, greedy, `
namespaces: {env: "http://schemas.xmlsoap.org/soap/envelope/"}
each: "env:Envelope/env:Body/* | /orders/* | //item"
vars: {a: "@a", b: "normalize-space(.)", c: "number(c)", d: "boolean(d)", e: "substring-before(., 'x')", f: "round(number(n) * 2)"}
lists: {l: "*"}
when: 'a != "skip" and not any(l, # == "none")'
notification:
  to: {users: ["{{.a}}", "{{range .l}}{{.}}\n{{end}}"]}
  title: "{{cut 20 .b}}"
  body: "{{comma .c}} {{.d}} {{default \"?\" .e}} {{upper .b}}"
  badge: "{{.f}}"
reply: {contentType: "text/xml; charset=euc-kr", body: "<r>{{range .matches}}{{.a}}{{.b}}{{.id}}{{end}}</r>"}
`} {
		m, err := docmap.Compile("fuzz", notifytest.YAML(yaml), docmap.Options{})
		if err != nil {
			f.Fatal(err)
		}
		mappings = append(mappings, m)
	}
	for _, doc := range []string{orders, `{"orders":[{"no":1,"c":2.5,"n":3},[],{"a":"b"}]}`,
		`<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body><x a="1"><c>12</c>y</x></S:Body></S:Envelope>`,
		"<?xml version='1.0' encoding='euc-kr'?><item a='\xb0\xa1'>\xb0\xa1</item>", "\xff\xfe<\x00i\x00t\x00e\x00m\x00/\x00>\x00",
		`<a:b xmlns:a="x" xmlns="y"><item xmlns=""><![CDATA[<]]>&lt;<!-- - --><?p i?></item></a:b>`} {
		f.Add([]byte(doc), "text/xml", uint8(0))
		f.Add([]byte(doc), "application/json; charset=shift_jis", uint8(2))
	}
	f.Fuzz(func(t *testing.T, doc []byte, contentType string, which uint8) {
		m := mappings[int(which)%len(mappings)]
		d := notify.Foreign{Data: bytes.Clone(doc), ContentType: contentType}
		start := time.Now()
		r, err := m.Apply(t.Context(), d)
		if took := time.Since(start); took > slowest {
			t.Fatalf("took %s", took)
		}
		switch notify.CodeOf(err) {
		case "":
		case notify.CodeInvalid, notify.CodeMalformed, notify.CodeTooLarge, notify.CodeUnsupportedMedia:
			return
		default:
			t.Fatal(err)
		}
		again, err := m.Apply(t.Context(), d)
		if err != nil || len(again.Items) != len(r.Items) {
			t.Fatalf("%d, then %d: %v", len(r.Items), len(again.Items), err)
		}
		accepted := make([]notify.Acceptance, len(r.Items))
		for i := range r.Items {
			accepted[i].Notification.ID = fmt.Sprint("n", i)
			if !bytes.Equal(r.Items[i].Idempotency.BodyHash, again.Items[i].Idempotency.BodyHash) {
				t.Fatal("the same document has another hash")
			}
		}
		if _, _, err := m.Reply(r, accepted); err != nil && !strings.Contains(err.Error(), "is longer than") {
			t.Fatal(err)
		}
	})
}

// FuzzExpressions compiles whatever stands in a configuration, and applies what compiles.
func FuzzExpressions(f *testing.F) {
	f.Add("//o:Order", "number(o:Amount)", "v > 1", "{{.v}}")
	f.Add("/*[last()] | //a", "concat(name(), @b)", `v matches "a+"`, "{{if .v}}{{cut 3 .v}}{{else}}{{printf \"%5s\" .v}}{{end}}")
	f.Add("ancestor::*/following-sibling::node()", "sum(//a) div 0", "len(v) in [1, 2]", "{{with $.v}}{{.}}{{end}}")
	f.Fuzz(func(t *testing.T, each, v, when, title string) {
		quoted := func(s string) string {
			return "'" + strings.NewReplacer("'", "''", "\n", " ", "\r", " ").Replace(s) + "'"
		}
		m, err := docmap.Compile("fuzz", notifytest.YAML("namespaces: {o: 'urn:erp:order'}\neach: "+quoted(each)+"\nvars: {v: "+quoted(v)+"}\nwhen: "+quoted(when)+
			"\nnotification: {to: {users: [kim]}, title: "+quoted(title)+"}\n"), docmap.Options{})
		if err != nil {
			return
		}
		for _, doc := range []string{orders, `{"a":[{"b":1},{"b":"x"}]}`} {
			start := time.Now()
			_, err := m.Apply(t.Context(), notify.Foreign{Data: []byte(doc)})
			if took := time.Since(start); took > slowest {
				t.Fatalf("took %s: %v", took, err)
			}
		}
	})
}
