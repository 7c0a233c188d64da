package strict_test

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/text/encoding/htmlindex"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/docmap/strict"
)

// TestEveryEncoding reads a document in each encoding of the old single-byte families and of East Asia, by its
// declaration and by its Content-Type.
func TestEveryEncoding(t *testing.T) {
	samples := map[string]string{
		"euc-kr": "결재", "cp949": "똠방각하", "shift_jis": "会議", "iso-2022-jp": "会議", "euc-jp": "会議", "gb18030": "通知", "big5": "通知",
		"iso-8859-1": "é", "iso-8859-2": "ł", "iso-8859-3": "ħ", "iso-8859-4": "ķ", "iso-8859-5": "ж", "iso-8859-6": "ع",
		"iso-8859-7": "λ", "iso-8859-8": "ש", "iso-8859-9": "ş", "iso-8859-10": "đ", "iso-8859-11": "ไ", "iso-8859-13": "š", "iso-8859-14": "ŵ",
		"iso-8859-15": "€", "iso-8859-16": "ț", "windows-1250": "ł", "windows-1251": "ж", "windows-1252": "€", "windows-1253": "λ",
		"windows-1254": "ş", "windows-1255": "ש", "windows-1256": "ع", "windows-1257": "š", "windows-1258": "ư", "windows-874": "ไ", "koi8-r": "ж",
	}
	for label, text := range samples {
		name := map[string]string{"cp949": "euc-kr"}[label]
		if name == "" {
			name = label
		}
		enc, err := htmlindex.Get(name)
		if err != nil {
			t.Fatal(label, err)
		}
		doc := `<?xml version="1.0" encoding="` + strings.ToUpper(label) + `"?><a>` + text + `</a>`
		raw, err := enc.NewEncoder().String(doc)
		if err != nil {
			t.Fatal(label, err)
		}
		if got, err := strict.ToUTF8(true, []byte(raw), ""); err != nil || string(got) != doc {
			t.Errorf("%s by its declaration: %q, %v", label, got, err)
		}
		if got, err := strict.ToUTF8(false, []byte(raw), label); err != nil || string(got) != doc {
			t.Errorf("%s by the Content-Type: %q, %v", label, got, err)
		}
	}
}

// TestWrongBytes: in every encoding of more than one byte they are told with line and column.
func TestWrongBytes(t *testing.T) {
	for label, wrong := range map[string]string{"euc-kr": "\xb0\x20", "cp949": "\xff\xff", "shift_jis": "\x81\x20", "iso-2022-jp": "\xe0",
		"euc-jp": "\x8f\x20", "utf-8": "\xc0\xaf", "gb18030": "\xff", "big5": "\xf9\x20"} {
		_, err := strict.ToUTF8(true, []byte("<a>\n <b>"+wrong+"</b></a>"), label)
		if notify.CodeOf(err) != notify.CodeMalformed || !strings.Contains(fmt.Sprint(err), "line 2, column 5") {
			t.Errorf("%s: %v", label, err)
		}
	}
}
