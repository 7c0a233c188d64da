package codec_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/codec"
	"allim.dev/allim/notify/api/wire"
)

// fuzzTime is far more than any document of a fuzzer's size may take, on a busy machine too.
const fuzzTime = 20 * time.Second

// check decodes anything: it must not panic or hang, must answer one of three codes, and what it takes must come out of
// both forms as it went in.
func check(t *testing.T, d codec.Document) error {
	t.Helper()
	var c codec.Codec
	var got wire.NotificationInput
	start := time.Now()
	err := c.Decode(d, &got)
	if took := time.Since(start); took > fuzzTime {
		t.Fatalf("took %s", took)
	}
	switch notify.CodeOf(err) {
	case "":
	case notify.CodeMalformed, notify.CodeInvalid, notify.CodeUnsupportedMedia:
		return err
	default:
		t.Fatalf("%v", err)
	}
	for _, f := range []codec.Form{codec.JSON, codec.XML} {
		var again wire.NotificationInput
		doc := c.Encode(f, got)
		if err := c.Decode(codec.Document{Form: f, Data: doc}, &again); err != nil {
			t.Fatalf("%s: %v\n%s", f, err, doc)
		}
		if !bytes.Equal(c.Encode(codec.JSON, again), c.Encode(codec.JSON, got)) {
			t.Fatalf("%s: %s", f, cmp.Diff(got, again, blank))
		}
	}
	return nil
}

func FuzzJSON(f *testing.F) {
	f.Add([]byte(everythingJSON), "")
	f.Add([]byte(`{"title":"\ud83d\ude00\u0000","data":{"a":"b","a":"c"},"ttl":1e3,"to":[[[]]]}`), "utf-8")
	f.Add([]byte("{\"title\":\"\xb0\xa1\"}"), "euc-kr")
	f.Add([]byte("\xff\xfe{\x00}\x00"), "")
	f.Fuzz(func(t *testing.T, data []byte, charset string) {
		err := check(t, codec.Document{Form: codec.JSON, Charset: charset, Data: data})
		// What we call well formed, the standard library does, too.
		if notify.CodeOf(err) != notify.CodeMalformed && charset == "" && !json.Valid(data) && !encoded(data) {
			t.Fatalf("taken, but not JSON: %q", data)
		}
	})
}

// encoded tells a document with a byte order mark, or in UTF-16, which the standard library does not read.
func encoded(data []byte) bool {
	return bytes.HasPrefix(data, []byte("\ufeff")) || bytes.IndexByte(data[:min(2, len(data))], 0) >= 0 ||
		bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff"))
}

func FuzzXML(f *testing.F) {
	f.Add([]byte(everythingXML), "")
	f.Add([]byte("<?xml version='1.0' encoding='euc-kr'?><notification><title>\xb0\xa1</title></notification>"), "")
	f.Add([]byte(`<!DOCTYPE a [<!ENTITY b "c">]><notification a="1" a="2">&b;<?pi x?><!-- - --><![CDATA[x]]></notification>`), "utf-8")
	f.Add([]byte(`<a:notification xmlns:a="urn:allim:v1"><a:data><a:entry key="k">v</a:entry></a:data></a:notification>`), "")
	f.Add([]byte("\xfe\xff\x00<\x00a\x00/\x00>"), "shift_jis")
	f.Fuzz(func(t *testing.T, data []byte, charset string) {
		_ = check(t, codec.Document{Form: codec.XML, Charset: charset, Data: data}) // any error that check lets pass is fine
	})
}

// TestJSONIsTaken: what the standard library calls JSON, we do, within our limits.
func TestJSONIsTaken(t *testing.T) {
	for _, doc := range []string{`{}`, ` { "a" : [ ] } `, `{"a":-0.5e+10,"b":[1,2,{}],"c":"\b\f\n\r\t\"\\\/"}`, `{"":null}`, "{\"a\":\"\x7f\"}",
		`{"a":[true,false,null,0,-1,1E5]}`} {
		var got wire.NotificationInput
		if err := decode(codec.JSON, doc, &got); json.Valid([]byte(doc)) != (notify.CodeOf(err) != notify.CodeMalformed) {
			t.Errorf("%s: %v", doc, err)
		}
	}
}
