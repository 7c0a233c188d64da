package codec_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/codec"
	"allim.dev/allim/notify/api/wire"
)

// said gives an error in one line for each fault.
func said(err error) string {
	var e *notify.Error
	if !errors.As(err, &e) {
		return fmt.Sprint(err)
	}
	lines := []string{string(e.Code) + ": " + e.Detail}
	for _, f := range e.Fields {
		lines = append(lines, f.Path+" "+f.Message)
	}
	return strings.Join(lines, "\n")
}

const wrongForm = "invalid-input: the document does not have the form of notification\n"

func TestFaults(t *testing.T) {
	for _, c := range []struct {
		form codec.Form
		doc  string
		want string
	}{
		{codec.JSON, `{"titel":"x","to":{"users":"kim","identities":[{"kind":1}],"topics":[null,2],"user":[]},"ttl":"60","urgent":"yes",` +
			`"badge":1.5,"sendAt":"tomorrow","data":{"a":1,"a":"b","a":"c"},"title":"a","title":"b","time_zone":1,"params":[]}`, wrongForm +
			"titel is not a known field; did you mean title?\n" +
			"to.users must be an array, but is a text\n" +
			"to.identities[0].kind must be a text, but is a number\n" +
			"to.topics[0] must not be null\n" +
			"to.topics[1] must be a text, but is a number\n" +
			"to.user is not a known field; did you mean users?\n" +
			"ttl must be a number, but is a text\n" +
			"urgent must be true or false, but is a text\n" +
			"badge must be a whole number of at most 64 bits\n" +
			"sendAt must be a time as RFC 3339 writes it, such as 2026-12-01T09:00:00+09:00\n" +
			"data.a must be a text, but is a number\n" +
			"data.a is given twice\n" +
			"data.a is given twice\n" +
			"title is given twice\n" +
			"time_zone is not a known field\n" +
			"params must be an object, but is an array"},
		{codec.XML, "<notification nope='1'>\n<titel>x</titel>\n<to><users><kim/><user>a</user></users>stray</to>\n" +
			"<ttl>soon</ttl><urgent>yes</urgent>\n<data><entry>x</entry><x key='1'/><entry key='a' b='c'/></data>\n" +
			"<title a='1'><b/></title><title>x</title>\n<to/></notification>", wrongForm +
			"nope is not a known field (line 1)\n" +
			"titel is not a known field; did you mean title? (line 2)\n" +
			"to.users[0] is <kim>; the items of <users> are <user> (line 3)\n" +
			"to holds text where only elements may stand (line 3)\n" +
			"ttl must be a whole number of at most 64 bits (line 4)\n" +
			"urgent must be true or false (line 4)\n" +
			"data holds <entry>; its items are <entry key=\"…\"> (line 5)\n" +
			"data holds <x>; its items are <entry key=\"…\"> (line 5)\n" +
			"data holds <entry>; its items are <entry key=\"…\"> (line 5)\n" +
			"title.a is not a known attribute (line 6)\n" +
			"title must be text, but holds <b> (line 6)\n" +
			"title is given twice (line 6)\n" +
			"to is given twice (line 7)"},
		{codec.XML, "<notification title='x'><to><identities><identity><kind>a</kind><value>b</value></identity></identities></to></notification>", wrongForm +
			"title must be an element, not an attribute (line 1)\n" +
			"to.identities[0].kind must be an attribute of its element (line 1)\n" +
			"to.identities[0].value must be the text of its element (line 1)"},
		{codec.JSON, `{"title":"a\u0000b","data":{"\u0001":"x"}}`, wrongForm +
			"title holds the character U+0000, which is not a text character\n" +
			"data.\x01 holds the character U+0001, which is not a text character"},
		{codec.JSON, `{"sendAt":"9999-12-31T23:59:59-01:00"}`, wrongForm +
			"sendAt must be a time as RFC 3339 writes it, such as 2026-12-01T09:00:00+09:00"},
		{codec.JSON, `[1]`, "invalid-input: the document must be an object, but is an array"},
		{codec.XML, `<user/>`, "invalid-input: the document is <user>; it should be <notification>"},
		{codec.JSON, ``, "malformed-body: line 1, column 1: the document ends where a value should stand"},
		{codec.JSON, "{\n \"to\" {}}", "malformed-body: line 2, column 7: a colon should stand after the field's name"},
		{codec.JSON, `{"a":1,}`, "malformed-body: line 1, column 8: a field's name in double quotes should stand here"},
		{codec.JSON, `{"한글":tru}`, "malformed-body: line 1, column 7: a value should stand here"},
		{codec.JSON, `{"a":01}`, "malformed-body: line 1, column 7: a comma or } should stand here"},
		{codec.JSON, `{"a":"\ud800"}`, "malformed-body: line 1, column 13: half of a UTF-16 pair stands alone here"},
		{codec.JSON, "{\"a\":\"\n\"}", "malformed-body: line 1, column 7: a control character in a text must be escaped"},
		{codec.JSON, `{} {}`, "malformed-body: line 1, column 4: there is more after the end of the document"},
		{codec.JSON, "{\"a\":\"\xc0\"}", "malformed-body: line 1, column 7: the bytes here are not valid utf-8; another encoding must be named in the Content-Type or the XML declaration"},
		{codec.JSON, strings.Repeat(`{"a":`, 40), "malformed-body: line 1, column 161: the document is nested more than 32 deep"},
		{codec.XML, `<notification><title>x</notification>`, "malformed-body: line 1, column 38: element <title> closed by </notification>"},
		{codec.XML, `<notification>`, "malformed-body: line 1, column 15: unexpected EOF"},
		{codec.XML, ``, "malformed-body: line 1, column 1: there is no element"},
		{codec.XML, `<notification/><notification/>`, "malformed-body: line 1, column 31: there is a second element after the end of the document"},
		{codec.XML, `<notification/>x`, "malformed-body: line 1, column 17: there is text outside of the document's element"},
		{codec.XML, `<!DOCTYPE a [<!ENTITY x "y">]><notification/>`, "malformed-body: line 1, column 31: a document type declaration is not allowed"},
		{codec.XML, `<notification>&nbsp;</notification>`, "malformed-body: line 1, column 21: invalid character entity &nbsp;"},
		{codec.XML, `<notification xmlns="urn:other"/>`, `malformed-body: line 1, column 34: <notification> is in the namespace "urn:other"; this API's is "urn:allim:v1"`},
		{codec.XML, `<notification><x:title/></notification>`, `malformed-body: line 1, column 25: <title> is in the namespace "x"; this API's is "urn:allim:v1"`},
		{codec.XML, `<notification x:a="1" xmlns:x="urn:y"/>`, `malformed-body: line 1, column 40: the attribute a is in the namespace "urn:y", which is not allowed here`},
		{codec.XML, `<notification a="1" a="2"/>`, `malformed-body: line 1, column 28: the attribute a is given twice`},
		{codec.XML, "<notification><title>\x01</title></notification>", "malformed-body: line 1, column 23: illegal character code U+0001"},
		{codec.XML, ` <?xml version="1.0"?><notification/>`, "malformed-body: line 1, column 23: the XML declaration must stand at the very beginning"},
		{codec.XML, strings.Repeat("<notification>", 40), "malformed-body: line 1, column 463: the document is nested more than 32 deep"},
		{codec.XML, "<notification" + attributes(33) + "/>", "malformed-body: line 1, column 280: <notification> has more than 32 attributes"},
	} {
		var got wire.NotificationInput
		if d := cmp.Diff(c.want, said(decode(c.form, c.doc, &got))); d != "" {
			t.Errorf("%s\n%s", c.doc, d)
		}
	}
}

func attributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " a%02d='1'", i)
	}
	return b.String()
}

func TestManyFaultsAreBounded(t *testing.T) {
	start := time.Now()
	defer func() {
		if took := time.Since(start); took > fuzzTime {
			t.Errorf("took %s", took)
		}
	}()
	var doc strings.Builder
	doc.WriteString("{")
	for i := range 100_250 {
		fmt.Fprintf(&doc, `"u%d":1,`, i)
	}
	doc.WriteString(`"v":1}`)
	var got wire.NotificationInput
	var e *notify.Error
	if err := decode(codec.JSON, doc.String(), &got); !errors.As(err, &e) || len(e.Fields) != 100 ||
		!strings.Contains(e.Detail, "100151 more faults") {
		t.Error(e)
	}
	if err := decode(codec.JSON, "["+strings.Repeat("0,", codec.MaxValues)+"0]", &got); notify.CodeOf(err) != notify.CodeMalformed {
		t.Error(err)
	}
	if err := decode(codec.XML, "<notification>"+strings.Repeat("<a/>", codec.MaxValues)+"</notification>", &got); notify.CodeOf(err) != notify.CodeMalformed {
		t.Error(err)
	}
}

// TestFaultsOfJSONHaveLines: where a document has more than one.
func TestFaultsOfJSONHaveLines(t *testing.T) {
	var got wire.NotificationInput
	err := decode(codec.JSON, "{\n \"to\": {\"users\": [\"kim\",\n  3]},\n\n \"titel\": \"x\" }", &got)
	want := "invalid-input: the document does not have the form of notification; to.users[1]: must be a text, but is a number (line 3); " +
		"titel: is not a known field; did you mean title? (line 5)"
	if err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}
