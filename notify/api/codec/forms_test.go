package codec_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/codec"
	"allim.dev/allim/notify/api/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// blank lets cmp look at structs with a blank field.
var blank = cmpopts.IgnoreUnexported(wire.NotificationInput{}, wire.UserInput{}, wire.DeviceInput{}, wire.Problem{}, wire.Accepted{})

func decode(f codec.Form, doc string, into any) error {
	var c codec.Codec
	return c.Decode(codec.Document{Form: f, Data: []byte(doc)}, into)
}

func number[T any](v T) *T { return &v }

var everything = wire.NotificationInput{
	To: wire.Audience{Users: []string{"kim", "lee"}, Identities: []wire.Identity{{Kind: "email", Value: "a@b"}}, Devices: []string{"d"},
		Topics: []string{"staff"}, All: true, Platforms: []notify.Platform{notify.APNs}, Apps: []string{"corp"}},
	Content: wire.Content{Title: "점심 <시간>", Subtitle: "&", Body: "a\nb\"c\"", URL: "https://x/?a=1&b=2", Image: "https://i/",
		Data: map[string]string{"k": "v", `"q"`: "<>"}, Badge: number(0), Sound: "default", Thread: "t", Category: "c"},
	CollapseKey: "ck", Priority: notify.PriorityHigh, Urgent: true, Silent: true, TTL: number(int64(0)),
	SendAt: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), Rate: 2000, Template: "x", Params: map[string]string{"p": "1"}, Partial: true,
}

const everythingJSON = `{"to":{"users":["kim","lee"],"identities":[{"kind":"email","value":"a@b"}],"devices":["d"],` +
	`"topics":["staff"],"all":true,"platforms":["apns"],"apps":["corp"]},"title":"점심 <시간>","subtitle":"&","body":"a\nb\"c\"",` +
	`"url":"https://x/?a=1&b=2","image":"https://i/","data":{"\"q\"":"<>","k":"v"},"badge":0,"sound":"default","thread":"t",` +
	`"category":"c","collapseKey":"ck","priority":"high","urgent":true,"silent":true,"ttl":0,"sendAt":"2026-12-01T00:00:00Z",` +
	`"rate":2000,"template":"x","params":{"p":"1"},"partial":true}` + "\n"

const everythingXML = `<?xml version="1.0" encoding="UTF-8"?>
<notification xmlns="urn:allim:v1"><to><users><user>kim</user><user>lee</user></users>` +
	`<identities><identity kind="email">a@b</identity></identities><devices><device>d</device></devices>` +
	`<topics><topic>staff</topic></topics><all>true</all><platforms><platform>apns</platform></platforms><apps><app>corp</app></apps></to>` +
	`<title>점심 &lt;시간&gt;</title><subtitle>&amp;</subtitle><body>a&#xA;b&#34;c&#34;</body><url>https://x/?a=1&amp;b=2</url>` +
	`<image>https://i/</image><data><entry key="&#34;q&#34;">&lt;&gt;</entry><entry key="k">v</entry></data><badge>0</badge>` +
	`<sound>default</sound><thread>t</thread><category>c</category><collapseKey>ck</collapseKey><priority>high</priority>` +
	`<urgent>true</urgent><silent>true</silent><ttl>0</ttl><sendAt>2026-12-01T00:00:00Z</sendAt><rate>2000</rate>` +
	`<template>x</template><params><entry key="p">1</entry></params><partial>true</partial></notification>
`

func TestBothFormsOfEverything(t *testing.T) {
	var c codec.Codec
	for f, want := range map[codec.Form]string{codec.JSON: everythingJSON, codec.XML: everythingXML} {
		if d := cmp.Diff(want, string(c.Encode(f, everything))); d != "" {
			t.Errorf("%s: %s", f, d)
		}
		var got wire.NotificationInput
		if err := decode(f, want, &got); err != nil {
			t.Errorf("%s: %v", f, err)
		}
		if d := cmp.Diff(everything, got, blank); d != "" {
			t.Errorf("%s: %s", f, d)
		}
	}
	var plain map[string]any
	if err := json.Unmarshal([]byte(everythingJSON), &plain); err != nil {
		t.Error("our JSON is not JSON:", err)
	}
}

// TestTimesHaveMilliseconds: what the store rounds and what it does not look the same, and no parser trips over digits.
func TestTimesHaveMilliseconds(t *testing.T) {
	var c codec.Codec
	at := time.Date(2026, 12, 1, 9, 0, 0, 123_456_789, time.FixedZone("KST", 9*60*60))
	got := string(c.Encode(codec.JSON, wire.Notification{CreatedAt: at}))
	if !strings.Contains(got, `"createdAt":"2026-12-01T00:00:00.123Z"`) {
		t.Error(got)
	}
}

func TestProblemIsTheRFCs(t *testing.T) {
	var c codec.Codec
	got := string(c.Encode(codec.XML, wire.Problem{Type: "urn:x", Title: "T", Status: 404, Code: "c",
		Errors: []notify.FieldError{{Path: "a", Message: "b"}, {Path: "c", Message: "d"}}}))
	want := `<?xml version="1.0" encoding="UTF-8"?>
<problem xmlns="urn:ietf:rfc:7807"><type>urn:x</type><title>T</title><status>404</status><code>c</code>` +
		`<errors><i><path>a</path><message>b</message></i><i><path>c</path><message>d</message></i></errors></problem>
`
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestTaken has what people and their programs really send.
func TestTaken(t *testing.T) {
	for name, c := range map[string]struct {
		form codec.Form
		doc  string
		want wire.NotificationInput
	}{
		"null is absent":    {codec.JSON, `{"to":{"users":null},"ttl":null,"sendAt":null}`, wire.NotificationInput{}},
		"a byte order mark": {codec.JSON, "\ufeff{\"title\":\"x\"}", wire.NotificationInput{Content: wire.Content{Title: "x"}}},
		"pairs of escapes":  {codec.JSON, `{"title":"\ud83d\ude00\u00e9\/"}`, wire.NotificationInput{Content: wire.Content{Title: "😀é/"}}},
		"no namespace":      {codec.XML, `<notification><title>x</title></notification>`, wire.NotificationInput{Content: wire.Content{Title: "x"}}},
		"a prefix": {codec.XML, `<a:notification xmlns:a="urn:allim:v1"><a:title>x</a:title></a:notification>`,
			wire.NotificationInput{Content: wire.Content{Title: "x"}}},
		"printed nicely": {codec.XML, "<?xml version='1.0'?>\n<!-- hi -->\n<notification>\n <ttl> 60 </ttl>\n <urgent> 1 </urgent>\n" +
			" <priority>\n high </priority>\n <to>\n  <users>\n <user>kim</user>\n </users>\n </to>\n</notification>\n",
			wire.NotificationInput{TTL: number(int64(60)), Urgent: true, Priority: "high", To: wire.Audience{Users: []string{"kim"}}}},
		"text stays as it is": {codec.XML, "<notification><title> a <![CDATA[<b>]]>&#xA; </title></notification>",
			wire.NotificationInput{Content: wire.Content{Title: " a <b>\n "}}},
		"a schema's own attributes": {codec.XML, `<notification xmlns="urn:allim:v1" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"` +
			` xsi:schemaLocation="urn:allim:v1 allim.xsd"><ttl xsi:nil="true"/><title xml:lang="ko">x</title></notification>`,
			wire.NotificationInput{Content: wire.Content{Title: "x"}}},
		"empty elements": {codec.XML, `<notification><to><users/></to><title/><data/></notification>`,
			wire.NotificationInput{To: wire.Audience{Users: []string{}}, Content: wire.Content{Data: map[string]string{}}}},
	} {
		var got wire.NotificationInput
		if err := decode(c.form, c.doc, &got); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if d := cmp.Diff(c.want, got, blank); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// TestSubscription takes what browsers give, expirationTime included.
func TestSubscription(t *testing.T) {
	for f, doc := range map[codec.Form]string{
		codec.JSON: `{"endpoint":"https://e/","expirationTime":1.7e12,"keys":{"p256dh":"B","auth":"A"}}`,
		codec.XML: "<subscription><endpoint>https://e/</endpoint><expirationTime>1700000000000</expirationTime>" +
			"<keys><p256dh>\n B \n</p256dh><auth>A</auth></keys></subscription>",
	} {
		want := wire.Subscription{Endpoint: "https://e/", Keys: wire.SubscriptionKeys{P256dh: "B", Auth: "A"}, ExpirationTime: number(1.7e12)}
		var got wire.Subscription
		if err := decode(f, doc, &got); err != nil {
			t.Error(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		var c codec.Codec
		if again := string(c.Encode(f, got)); !strings.Contains(again, "1700000000000") {
			t.Error(again)
		}
		if err := decode(f, strings.Replace(strings.Replace(doc, "1.7e12", `"x"`, 1), "1700000000000", "x", 1), &got); err == nil ||
			!strings.Contains(said(err), "expirationTime must be a number") {
			t.Error(err)
		}
	}
}

func TestLenient(t *testing.T) {
	var c codec.Codec
	var got wire.User
	for f, doc := range map[codec.Form]string{codec.JSON: `{"id":"kim","new":{"a":[1]}}`,
		codec.XML: `<user xmlns="urn:allim:v1" new="1"><id>kim</id><newer><a/></newer></user>`} {
		if err := c.Decode(codec.Document{Form: f, Data: []byte(doc), Lenient: true}, &got); err != nil || got.ID != "kim" {
			t.Errorf("%s: %v %v", f, got, err)
		}
	}
}

// TestFormsAreEqual sends random notifications through both forms.
func TestFormsAreEqual(t *testing.T) {
	var c codec.Codec
	text := rapid.Map(rapid.String(), func(s string) string {
		return strings.Map(func(r rune) rune {
			if r < ' ' && r != '\n' && r != '\t' && r != '\r' || r == 0xFFFE || r == 0xFFFF || r == 0xFFFD {
				return -1
			}
			return r
		}, s)
	})
	rapid.Check(t, func(rt *rapid.T) {
		in := wire.NotificationInput{
			To: wire.Audience{Users: rapid.SliceOfN(text, 1, 5).Draw(rt, "users"), All: rapid.Bool().Draw(rt, "all"),
				Identities: []wire.Identity{{Kind: text.Draw(rt, "kind"), Value: text.Draw(rt, "value")}}},
			Content: wire.Content{Title: text.Draw(rt, "title"), Data: rapid.MapOfN(text, text, 1, 4).Draw(rt, "data"),
				Badge: rapid.Ptr(rapid.Int(), true).Draw(rt, "badge")},
			TTL: rapid.Ptr(rapid.Int64(), true).Draw(rt, "ttl"), Rate: rapid.Int().Draw(rt, "rate"),
		}
		for _, f := range []codec.Form{codec.JSON, codec.XML} {
			var out wire.NotificationInput
			doc := c.Encode(f, in)
			if err := c.Decode(codec.Document{Form: f, Data: doc}, &out); err != nil {
				rt.Fatalf("%s: %v\n%s", f, err, doc)
			}
			if d := cmp.Diff(in, out, blank); d != "" {
				rt.Fatalf("%s: %s\n%s", f, d, doc)
			}
		}
	})
}
