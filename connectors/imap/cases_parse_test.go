package imap

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"

	"allim.dev/allim/connectors/imap/imaptest"
	"allim.dev/allim/notify/notifytest"
)

// oddLines are responses that no client asked for or knows; each of them ends a go-imap client.
var oddLines = []string{
	"* VANISHED 41,43:116",
	"* XYZZY (something \"new\")",
	"* 7 XGARBAGE 12",
	"* OK [PERMANENTFLAGS (\\Seen $a]b \\*)] odd keyword",
	"* FLAGS (\\Seen bad]keyword)",
	"* 1 FETCH (UID 1 FLAGS (x]y) PREVIEW {5}\r\nhello X-GM-MSGID 1278455344230334865)",
	"* 1 FETCH (ENVELOPE NIL BODYSTRUCTURE (\"text\" \"plain\" NIL NIL NIL \"7bit\" NIL NIL) EMAILID (M123))",
	"* 1 FETCH (INTERNALDATE \"yesterday\")",
	"* LIST (\\HasNoChildren) \"/\" \"&bad-utf7\"",
	"* LIST (\\HasNoChildren) \"/\" \"\xc8\xde\xc1\xf6\xc5\xeb\"",
	"* STATUS INBOX (MESSAGES 3 X-NEW (1 2))",
	"* SEARCH 4 five 6 (MODSEQ 9)",
	"* ESEARCH (TAG \"x\") UID ALL 1:3",
	"* CAPABILITY IMAP4rev1 IDLE",
	"* METADATA INBOX /private/x",
	"* BYEBYE",
	"",
	"*",
	"* ",
	"* 99999999999999999999 EXISTS",
	"+ what now?",
	"* OK [ALERT] the disk is nearly full {5}",
	"nonsense without a star",
	"* OK [UIDNEXT xyz] odd",
	"* NO [",
	"* OK [UIDVALIDITY 99] renumbered, it says",
	strings.Repeat("* LONG ", 20000),
}

// TestCase22_UnknownResponses: the connection survives all of them, in IDLE and in the middle of commands.
func TestCase22_UnknownResponses(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	r.srv.Inject(imaptest.Fault{Name: "EXAMINE", Before: oddLines})
	r.srv.Inject(imaptest.Fault{Name: "UID FETCH", Before: oddLines, After: oddLines})
	r.srv.Inject(imaptest.Fault{Name: "AUTHENTICATE", After: oddLines})
	r.start()
	r.watching()
	for i, l := range oddLines {
		r.srv.Send(kim, l)
		r.deliver(fmt.Sprint("after line ", i), imaptest.Delivery{})
		notifytest.Until(t, fmt.Sprintf("mail after %q", l), func() bool { return len(r.have()) == i+1 })
	}
	if n := r.srv.Stats().Connections; n != 1 {
		t.Errorf("%d connections", n)
	}
	r.srv.Drop(kim)
	notifytest.Until(t, "a note", func() bool {
		return strings.Contains(strings.Join(r.health().Notes, "\n"), "unknown responses")
	})
	if n := strings.Join(r.health().Notes, "\n"); !strings.Contains(n, "nearly full") {
		t.Errorf("the alert is not among the notes: %q", n)
	}
}

// TestCase23_Poison: a message that the server cannot hand out is told generically, the others as always, and nothing
// stalls.
func TestCase23_Poison(t *testing.T) {
	t.Parallel()
	for _, p := range []imaptest.Poison{imaptest.PoisonDrop, imaptest.PoisonNO, imaptest.PoisonGarbage, imaptest.PoisonHang,
		imaptest.PoisonShort, imaptest.PoisonSilent} {
		for _, deadly := range []bool{false, true} {
			t.Run(fmt.Sprint(p, " ", deadly), func(t *testing.T) {
				r := newRig(t, imaptest.Options{})
				clock := r.impatient()
				impatient := r.set
				r.set = func(s *Settings) { impatient(s); s.Timeout = 100 * time.Millisecond }
				r.start()
				r.watching()
				for i := range 12 {
					d := imaptest.Delivery{Quiet: true}
					if i == 5 {
						d.Poison, d.Deadly = p, deadly
					}
					r.deliver(fmt.Sprint("mail ", i), d)
				}
				r.deliver("mail 12", imaptest.Delivery{})
				want := 13
				if p == imaptest.PoisonSilent && deadly {
					want = 12 // it is never there at all
				}
				r.turn(clock, 100*time.Millisecond, "all mails", func() bool { return len(r.have()) == want })
				r.deliver("after", imaptest.Delivery{})
				r.turn(clock, 100*time.Millisecond, "the next mail", func() bool { return len(r.have()) == want+1 })
				without := 0
				for _, e := range r.watch.Events() {
					if e.Params["subject"] == "" {
						without++
						if e.Key != "INBOX/1/6" || e.Params["folder"] != "INBOX" {
							t.Errorf("told without words: %+v", e)
						}
					}
				}
				if without != want-12 {
					t.Errorf("%d mails told without words, want %d", without, want-12)
				}
			})
		}
	}
}

// TestCase23_OddFields: what is odd around the header does not hide it.
func TestCase23_OddFields(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	r.start()
	r.watching()
	r.deliver("hidden among odd fields", imaptest.Delivery{Poison: imaptest.PoisonFields})
	r.subjects("hidden among odd fields")
}

// TestCase23_ServerHandsOutNothing: when no message at all can be read, it is the server; people are not flooded.
func TestCase23_ServerHandsOutNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, imaptest.Options{})
	clock := r.impatient()
	r.start()
	r.watching()
	remove := r.srv.Inject(imaptest.NO("UID FETCH", "[SERVERBUG] internal error"))
	for range 30 {
		r.deliver("unreadable for now", imaptest.Delivery{Quiet: true})
	}
	r.deliver("unreadable for now", imaptest.Delivery{})
	start := clock.Now()
	r.turn(clock, time.Second, "ten minutes", func() bool { return clock.Now().Sub(start) > 10*time.Minute })
	if n := len(r.have()); n > maxBlind {
		t.Errorf("%d mails told without words", n)
	}
	remove()
	r.turn(clock, time.Second, "all mails", func() bool { return len(r.have()) == 31 })
}

func encoded(t *testing.T, e encoding.Encoding, s string) string {
	t.Helper()
	b, err := e.NewEncoder().String(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestCase24_Encodings: whatever the sender's encoding, people can read it.
func TestCase24_Encodings(t *testing.T) {
	const text = "회의 자료를 보냅니다. 뷁뛟"
	const jp = "会議の資料です"
	cp949 := encoded(t, korean.EUCKR, text)
	half := len([]byte(text)) / 2
	cases := []struct{ name, raw, want string }{
		{"utf-8 B", word("utf-8", 'B', text), text},
		{"utf-8 Q", word("UTF-8", 'Q', text), text},
		{"euc-kr B", word("euc-kr", 'B', cp949), text},
		{"ks_c_5601-1987 B", word("ks_c_5601-1987", 'B', cp949), text},
		{"cp949 label", word("cp949", 'B', cp949), text},
		{"uhc label", word("UHC", 'Q', cp949), text},
		{"ms949 label", word("ms949", 'B', cp949), text},
		{"x-windows-949 label", word("x-windows-949", 'B', cp949), text},
		{"unknown label", word("x-korean-magic", 'B', cp949), text},
		{"wrong label", word("us-ascii", 'B', cp949), text},
		{"utf-8 called euc-kr", word("euc-kr", 'B', text), text},
		{"raw EUC-KR", cp949, text},
		{"raw UTF-8", text, text},
		{"raw ISO-2022-JP", encoded(t, japanese.ISO2022JP, jp), jp},
		{"ISO-2022-JP word", word("ISO-2022-JP", 'B', encoded(t, japanese.ISO2022JP, jp)), jp},
		{"two ISO-2022-JP words", word("iso-2022-jp", 'B', encoded(t, japanese.ISO2022JP, "会議")) + " " +
			word("iso-2022-jp", 'B', encoded(t, japanese.ISO2022JP, "資料")), "会議資料"},
		{"ISO-2022-KR word", word("iso-2022-kr", 'B', "\x1b$)C\x0e"+sevenBits(encoded(t, korean.EUCKR, "회의"))+"\x0f ok"), "회의 ok"},
		{"shift_jis", word("shift_jis", 'B', encoded(t, japanese.ShiftJIS, jp)), jp},
		{"split in a character", word("utf-8", 'B', text[:half+1]) + "\r\n " + word("utf-8", 'B', text[half+1:]), text},
		{"split EUC-KR", word("euc-kr", 'B', cp949[:1]) + " " + word("euc-kr", 'B', cp949[1:]), text},
		{"adjacent without space", word("utf-8", 'B', "가") + word("utf-8", 'B', "나") + "다", "가나다"},
		{"space between word and text", word("utf-8", 'B', "가") + " 나 " + word("utf-8", 'Q', "다"), "가 나 다"},
		{"within quotes", `"` + word("utf-8", 'B', "가나") + `"`, `"가나"`},
		{"broken padding", strings.TrimRight(word("utf-8", 'B', "가나다라"), "=?") + "?=", "가나다라"},
		{"spaces in Q", "=?utf-8?Q?a b=20c_d?=", "a b c d"},
		{"language", "=?utf-8*ko?B?6rCA?=", "가"},
		{"no word", "1 =? 2 and =?x", "1 =? 2 and =?x"},
		{"cut word", "Hello " + word("utf-8", 'B', text)[:21], "Hello 회의"},
		{"cut EUC-KR word", word("euc-kr", 'B', cp949)[:16], "회"},
		{"mixture", "RE: " + word("utf-8", 'B', text) + " " + cp949[:4], "RE: " + text + " 회의"},
		{"valid UTF-8 by chance", cp949[:2], "회"},
		{"Latin", "café", "café"},
		{"raw Windows-1252", "caf\xe9 \x80", "café €"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := parseHeader([]byte("Subject: " + c.raw + "\r\nFrom: " + c.raw + " <a@b.kr>\r\n"))
			if h.subject != c.want {
				t.Errorf("subject %q, want %q", h.subject, c.want)
			}
			if want := strings.Trim(c.want, `"`); h.fromName != want || h.from != "a@b.kr" {
				t.Errorf("from %q <%s>, want %q", h.fromName, h.from, want)
			}
		})
	}
}

// TestCase24_Senders: the From line in its many forms.
func TestCase24_Senders(t *testing.T) {
	for _, c := range []struct{ raw, name, address string }{
		{`Kim <kim@x.kr>`, "Kim", "kim@x.kr"},
		{`"Kim, Chulsoo" <kim@x.kr>, Lee <lee@x.kr>`, "Kim, Chulsoo", "kim@x.kr"},
		{`kim@x.kr`, "", "kim@x.kr"},
		{`kim@x.kr (Kim Chulsoo)`, "Kim Chulsoo", "kim@x.kr"},
		{`<kim@x.kr>`, "", "kim@x.kr"},
		{`"a \"quoted\" name" <kim@x.kr>`, `a "quoted" name`, "kim@x.kr"},
		{`=?utf-8?Q?Kim=2C_C=2E_=3Ckim=3E?= <kim@x.kr>`, "Kim, C. <kim>", "kim@x.kr"},
		{`=?utf-8?B?6rmA7LKg7IiY?=<kim@x.kr>`, "김철수", "kim@x.kr"},
		{`Team: kim@x.kr;`, "", "kim@x.kr"},
		{`Mailer Daemon`, "Mailer Daemon", ""},
		{`kim@x.kr <kim@x.kr>`, "", "kim@x.kr"},
		{``, "", ""},
	} {
		h := parseHeader([]byte("From: " + c.raw + "\r\n"))
		if h.fromName != c.name || h.from != c.address {
			t.Errorf("%s: %q <%s>, want %q <%s>", c.raw, h.fromName, h.from, c.name, c.address)
		}
	}
}

// TestCase25_HazardsInSubject: control characters, directions and lengths do no harm.
func TestCase25_HazardsInSubject(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	r.start()
	r.watching()
	family := "👨‍👩‍👧‍👦"
	subjects := []struct{ raw, want string }{
		{word("utf-8", 'B', "first\r\nX-Injected: yes\x00 end"), "first X-Injected: yes end"},
		{word("utf-8", 'B', "invoice\u202egpj.exe\u202c"), "invoicegpj.exe"},
		{"tab\tand   spaces", "tab and spaces"},
		{word("utf-8", 'B', strings.Repeat(family, 200)), ""},
		{strings.Repeat("long ", 200000), ""},
	}
	for i, s := range subjects {
		raw := fmt.Appendf(nil, "Subject: %s\r\nFrom: Lee <lee@x.kr>\r\nMessage-ID: <%d@x>\r\nDate: %s\r\n\r\n", s.raw, i, time.Now().Format(time.RFC1123Z))
		if _, err := r.srv.Deliver(kim, raw, imaptest.Delivery{}); err != nil {
			t.Fatal(err)
		}
		notifytest.Until(t, "the mail", func() bool { return len(r.have()) == i+1 })
		e := r.watch.Events()[i]
		got := e.Params["subject"]
		if s.want != "" && got != s.want {
			t.Errorf("subject %q, want %q", got, s.want)
		}
		if !utf8.ValidString(got) || len(got) > maxSubject || strings.ContainsAny(got, "\r\n\x00\u202e") {
			t.Errorf("subject %.60q…, %d bytes", got, len(got))
		}
		if e.Params["from"] != "lee@x.kr" {
			t.Errorf("the long subject hid the sender: %v", e.Params)
		}
	}
	if got := r.have()[3]; strings.TrimSuffix(got, "…") != strings.Repeat(family, (len(got)-3)/len(family)) {
		t.Errorf("cut within a character: …%q", got[max(0, len(got)-40):])
	}
}

func sevenBits(s string) string {
	b := []byte(s)
	for i := range b {
		b[i] &= 0x7f
	}
	return string(b)
}

// TestAnnouncesForEver: a server that announces without end what is not there does not keep the hub busy.
func TestAnnouncesForEver(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	clock := r.impatient()
	n := 0
	r.srv.Inject(imaptest.Fault{Name: "IDLING", Do: func() { n++; r.srv.Send(kim, fmt.Sprintf("* %d EXISTS", n)) }})
	r.start()
	looks := func() int { return r.srv.Stats().Commands["DONE"] }
	notifytest.Until(t, "it to be woken often", func() bool { return looks() > maxSpins })
	start, before := clock.Now(), looks()
	r.turn(clock, 100*time.Millisecond, "a minute", func() bool { return clock.Now().Sub(start) > time.Minute })
	if n := looks() - before; n > 50 {
		t.Errorf("%d looks in a minute", n)
	}
	r.srv.Heal()
	r.deliver("real", imaptest.Delivery{})
	r.turn(clock, 500*time.Millisecond, "the mail", func() bool { return len(r.have()) == 1 })
}
