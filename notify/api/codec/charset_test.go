package codec_test

import (
	"strings"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"

	"allim.dev/allim/notify/api/codec"
	"allim.dev/allim/notify/api/wire"
)

func in(t *testing.T, e encoding.Encoding, s string) string {
	t.Helper()
	out, err := e.NewEncoder().String(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func titled(declaration, title string) string {
	return declaration + "<notification><title>" + title + "</title></notification>"
}

func says(label string) string { return `<?xml version="1.0" encoding="` + label + `"?>` + "\n" }

func TestCharsets(t *testing.T) {
	le, be := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	leBOM := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	for name, c := range map[string]struct {
		form    codec.Form
		charset string
		doc     string
		want    string
	}{
		"euc-kr by declaration":      {codec.XML, "", in(t, korean.EUCKR, titled(says("EUC-KR"), "전자결재")), "전자결재"},
		"cp949 by declaration":       {codec.XML, "", in(t, korean.EUCKR, titled(says("CP949"), "똠방각하 펲")), "똠방각하 펲"},
		"ms949 by content type":      {codec.XML, "MS949", in(t, korean.EUCKR, titled("", "공지")), "공지"},
		"ks_c_5601-1987":             {codec.XML, "", in(t, korean.EUCKR, titled(says("ks_c_5601-1987"), "공지")), "공지"},
		"content type wins":          {codec.XML, "utf-8", titled(says("euc-kr"), "공지"), "공지"},
		"a byte order mark wins":     {codec.XML, "euc-kr", "\ufeff" + titled(says("euc-kr"), "공지"), "공지"},
		"cp932":                      {codec.XML, "cp932", in(t, japanese.ShiftJIS, titled("", "お知らせ")), "お知らせ"},
		"ms936":                      {codec.XML, "ms936", in(t, simplifiedchinese.GBK, titled("", "通知")), "通知"},
		"cp950":                      {codec.XML, "cp950", in(t, traditionalchinese.Big5, titled("", "通知")), "通知"},
		"latin1":                     {codec.XML, "latin1", in(t, charmap.ISO8859_1, titled("", "é")), "é"},
		"shift_jis":                  {codec.XML, "", in(t, japanese.ShiftJIS, titled(says("Shift_JIS"), "お知らせ")), "お知らせ"},
		"iso-2022-jp":                {codec.XML, "iso-2022-jp", in(t, japanese.ISO2022JP, titled("", "会議")), "会議"},
		"gb18030":                    {codec.XML, "", in(t, simplifiedchinese.GB18030, titled(says("GB18030"), "通知")), "通知"},
		"iso-8859-1":                 {codec.XML, "", in(t, charmap.ISO8859_1, titled(says("ISO-8859-1"), "café")), "café"},
		"ebcdic by content type":     {codec.XML, "IBM037", in(t, charmap.CodePage037, titled("", "HELLO")), "HELLO"},
		"utf-16 with its mark":       {codec.XML, "", in(t, leBOM, titled(says("UTF-16"), "공지😀")), "공지😀"},
		"utf-16le without a mark":    {codec.XML, "utf-16", in(t, le, titled(says("UTF-16"), "공지😀")), "공지😀"},
		"utf-16be without a mark":    {codec.XML, "", in(t, be, titled(says("UTF-16"), "공지😀")), "공지😀"},
		"utf-8 that claims utf-16":   {codec.XML, "", titled(says("utf-16"), "공지"), "공지"},
		"utf8 without the hyphen":    {codec.XML, "", titled(says("utf8"), "공지"), "공지"},
		"json in euc-kr":             {codec.JSON, "euc-kr", in(t, korean.EUCKR, `{"title":"공지"}`), "공지"},
		"json in utf-16":             {codec.JSON, "", in(t, le, `{"title":"공지"}`), "공지"},
		"euc-kr with a line break":   {codec.XML, "", in(t, korean.EUCKR, titled("<?xml version='1.0'\n encoding='euc-kr' standalone='yes'?>", "공")), "공"},
		"the euro of windows-1252":   {codec.XML, "windows-1252", titled("", "\x80"), "€"},
		"a hangul trailing an ascii": {codec.XML, "cp949", titled("", "A\xb0\xa1"), "A가"},
	} {
		var cd codec.Codec
		var got wire.NotificationInput
		err := cd.Decode(codec.Document{Form: c.form, Charset: c.charset, Data: []byte(c.doc)}, &got)
		if err != nil || got.Title != c.want {
			t.Errorf("%s: %q %v", name, got.Title, err)
		}
	}
}

func TestWrongBytes(t *testing.T) {
	for name, c := range map[string]struct{ charset, doc, want string }{
		"half a hangul": {"", in(t, korean.EUCKR, says("euc-kr")+"<notification>\n<title>공지") + "\xb0</title></notification>",
			"malformed-body: line 3, column 10: the bytes here are not valid euc-kr"},
		"euc-kr that nobody named": {"", in(t, korean.EUCKR, titled("", "공지")),
			"malformed-body: line 1, column 22: the bytes here are not valid utf-8; another encoding must be named in the Content-Type or the XML declaration"},
		"an unknown encoding": {"", titled(says("x-klingon"), "x"),
			`unsupported-media-type: the encoding "x-klingon" that the XML declaration names is not known`},
		"an encoding that only hides": {"hz-gb-2312", titled("", "x"),
			`unsupported-media-type: the encoding "hz-gb-2312" that the Content-Type names is not known`},
		"utf-16 cut off":         {"", "\xff\xfe<\x00n", "malformed-body: line 1, column 2: the document ends in the middle of a UTF-16 character"},
		"half a utf-16 pair":     {"", "\xff\xfe<\x00\x00\xd8a\x00", "malformed-body: line 1, column 2: the bytes here are not valid UTF-16"},
		"utf-16 cut in a pair":   {"", "\xff\xfe<\x00\x00\xd8", "malformed-body: line 1, column 2: the document ends in the middle of a UTF-16 character"},
		"wrong utf-8 in line 2":  {"", "<notification>\n<a>é\xff</a></notification>", "malformed-body: line 2, column 5: the bytes here are not valid utf-8; another encoding must be named in the Content-Type or the XML declaration"},
		"utf-8 cut off":          {"", "<notification>\xed\x95", "malformed-body: line 1, column 15: the bytes here are not valid utf-8; another encoding must be named in the Content-Type or the XML declaration"},
		"a surrogate in utf-8":   {"", "<notification>\xed\xa0\x80", "malformed-body: line 1, column 15: the bytes here are not valid utf-8; another encoding must be named in the Content-Type or the XML declaration"},
		"iso-2022-jp gone wrong": {"iso-2022-jp", "<notification>\x1b$B\x80\x80", "malformed-body: line 1, column 15: the bytes here are not valid iso-2022-jp"},
	} {
		var cd codec.Codec
		var got wire.NotificationInput
		err := cd.Decode(codec.Document{Form: codec.XML, Charset: c.charset, Data: []byte(c.doc)}, &got)
		if s := said(err); s != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, s, c.want)
		}
		if strings.Contains(said(err), "\ufffd") {
			t.Errorf("%s: the error itself is broken", name)
		}
	}
}
