package imap

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"allim.dev/allim/notify/notifytest"
)

// scripted gives a link whose server answers each command line with what say makes of its tag and words.
func scripted(t testing.TB, say func(tag, line string) string) *link {
	t.Helper()
	client, server := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer server.Close()
		var in lines
		in.src = server
		for {
			raw, err := in.next()
			if err != nil {
				return
			}
			tag, line, _ := strings.Cut(string(raw), " ")
			if _, err := io.WriteString(server, say(tag, line)); err != nil {
				return
			}
		}
	}()
	l := &link{raw: client, conn: client, timeout: 2 * time.Second, caps: &capabilities{}}
	l.in.src = client
	t.Cleanup(func() {
		l.close()
		notifytest.Receive(t, "the server's end", done)
	})
	return l
}

// TestFilter: what go-imap gets to see of a response.
func TestFilter(t *testing.T) {
	l := &link{}
	for in, want := range map[string]string{
		"* 3 EXISTS":                     "* 3 EXISTS\r\n",
		"* 3 exists":                     "* 3 EXISTS\r\n",
		"* 0 RECENT":                     "",
		"* VANISHED 1:3":                 "",
		"* FLAGS (a]b)":                  "",
		"* BYE bye":                      "",
		"+ go on":                        "",
		"T1 OK [READ-ONLY] done (0.001)": "T1 OK done\r\n",
		"T2 NO":                          "T2 NO done\r\n",
		"T3 MAYBE":                       "",
		"A1 OK not the client's":         "",
		"* OK [UIDNEXT 5] x":             "* OK [UIDNEXT 5] ok\r\n",
		"* OK [UIDNEXT -5] x":            "",
		"* OK [uidvalidity 7]":           "* OK [UIDVALIDITY 7] ok\r\n",
		"* OK [PERMANENTFLAGS (a]b)] x":  "",
		"* SEARCH 1 2 x 0 3 (MODSEQ 9)":  "* SEARCH 1 2 3\r\n",
		"* SEARCH":                       "* SEARCH\r\n",
		"* STATUS INBOX (MESSAGES 1 X (2 3) UIDNEXT 9 UIDVALIDITY 4294967296)": "* STATUS \"INBOX\" (MESSAGES 1 UIDNEXT 9)\r\n",
		"* STATUS \"a\\\"b\" (MESSAGES 1)":                                     "* STATUS \"a\\\"b\" (MESSAGES 1)\r\n",
		"* STATUS INBOX (":                                                     "",
		"* LIST (\\Junk x) \"/\" {4}\r\nJunk":                                  "* LIST (\\Junk) \"/\" \"Junk\"\r\n",
		"* LIST () NIL &1zTJwNG1-":                                             "* LIST () NIL \"&1zTJwNG1-\"\r\n",
		"* LIST () \"/\" &bad":                                                 "",
		"* LIST () \"/\" \"\xc8\xde\"":                                         "",
		"* 5 FETCH (FLAGS (\\Seen))":                                           "",
		"* 5 FETCH (FLAGS (\\Seen $a]b x) UID 7)":                              "* 5 FETCH (UID 7 FLAGS (\\Seen x))\r\n",
		"* 5 FETCH (BODY[HEADER.FIELDS (\"FROM\")]<0> {3}\r\na)( UID 7)":       "* 5 FETCH (UID 7 BODY[HEADER] {3}\r\na)()\r\n",
		"* 5 FETCH (UID 7 BODY[HEADER] NIL RFC822.SIZE 9)":                     "* 5 FETCH (UID 7 RFC822.SIZE 9)\r\n",
		"* 5 FETCH (UID 7 BODY[HEADER] \"a\\\"b\")":                            "* 5 FETCH (UID 7 BODY[HEADER] {3}\r\na\"b)\r\n",
		"* 5 FETCH (UID 7 INTERNALDATE \" 1-Feb-2026 01:02:03 +0900\")":        "* 5 FETCH (UID 7 INTERNALDATE \" 1-Feb-2026 01:02:03 +0900\")\r\n",
		"* 5 FETCH (UID 7 INTERNALDATE \"today\" FLAGS ())":                    "* 5 FETCH (UID 7 FLAGS ())\r\n",
		"* 5 FETCH (UID 7 ENVELOPE (((":                                        "* 5 FETCH (UID 7)\r\n",
		"* 0 FETCH (UID 7)":                                                    "* 1 FETCH (UID 7)\r\n",
	} {
		if got := string(l.filter(parseResponse([]byte(in)))); got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
}

// TestBounds: what is announced too big is cut or skipped, and the next response is found.
func TestBounds(t *testing.T) {
	huge := strings.Repeat("x", 3<<20)
	in := fmt.Sprintf("* 1 FETCH (UID 9 BODY[HEADER] {%d}\r\n%s FLAGS (\\Seen))\r\n", len(huge), huge) +
		"* " + huge + "\r\n" +
		"* 1 FETCH (" + strings.Repeat("A {16000}\r\n"+strings.Repeat("y", 16000), 40) + ")\r\n" +
		"* SEARCH" + strings.Repeat(" 1234567", 100000) + "\r\n* 2 EXISTS\r\n"
	l := lines{src: strings.NewReader(in)}
	raw, err := l.next()
	if f := parseFetch(parseResponse(raw).rest); err != nil || f.uid != 9 || len(f.heads) != 1 || len(f.heads[0]) != maxLiteral || len(f.flags) != 1 {
		t.Errorf("fetch of %d bytes: %v, uid %d", len(raw), err, f.uid)
	}
	for _, what := range []string{"a long line", "a long response"} {
		if _, err := l.next(); !errors.Is(err, errTooLong) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if raw, err := l.next(); err != nil || len(bytes.Fields(raw)) != 100002 {
		t.Errorf("search: %v, %d words", err, len(bytes.Fields(raw)))
	}
	if raw, err := l.next(); err != nil || string(raw) != "* 2 EXISTS" {
		t.Errorf("the end: %q, %v", raw, err)
	}
}

// TestInterrupted: a read deadline at any byte loses nothing.
func TestInterrupted(t *testing.T) {
	const in = "* 1 FETCH (UID 7 BODY[HEADER] {5}\r\na\r\nb! FLAGS ())\r\n\r\n* 2 EXISTS\r\n"
	l := lines{src: &hesitant{in: in}}
	var got []string
	for len(got) < 2 {
		raw, err := l.next()
		if err == nil {
			got = append(got, string(raw))
		} else if errors.Is(err, io.EOF) {
			break
		}
		l.shrink()
		l.grow()
	}
	if len(got) != 2 || got[0] != "* 1 FETCH (UID 7 BODY[HEADER] {5}\r\na\r\nb! FLAGS ())" || got[1] != "* 2 EXISTS" {
		t.Errorf("got %q", got)
	}
}

// hesitant gives one byte, then a timeout, and so on.
type hesitant struct {
	in    string
	pause bool
}

func (h *hesitant) Read(p []byte) (int, error) {
	if h.pause = !h.pause; h.pause {
		return 0, timeout{}
	}
	if h.in == "" {
		return 0, io.EOF
	}
	p[0], h.in = h.in[0], h.in[1:]
	return 1, nil
}

type timeout struct{}

func (timeout) Error() string   { return "timeout" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

// TestMailboxNames: modified UTF-7 there and back.
func TestMailboxNames(t *testing.T) {
	for name, wire := range map[string]string{"INBOX": "INBOX", "휴지통": "&1zTJwNG1-", "A&B": "A&-B", "보낸편지함/2020": "&vPSwuNO4ycDVaA-/2020", "😀": "&2D3eAA-"} {
		if got := encodeMailbox(name); got != wire {
			t.Errorf("%s is %s, want %s", name, got, wire)
		}
		if got, ok := decodeMailbox(wire); !ok || got != name {
			t.Errorf("%s is %s, %v", wire, got, ok)
		}
	}
	for _, bad := range []string{"&", "&AAA", "&!!-", "&2D0-", "\xc8\xde", "a\x01"} {
		if got, ok := decodeMailbox(bad); ok {
			t.Errorf("%q was read as %q", bad, got)
		}
	}
}

// FuzzTap: whatever a server answers, the client gets an error or an answer, in time, and never what was not asked for.
func FuzzTap(f *testing.F) {
	for _, l := range oddLines {
		f.Add([]byte(l + "\r\n"))
	}
	f.Add([]byte("* 1 FETCH (UID 7 BODY[HEADER] {3}\r\nabc)\r\n"))
	f.Add([]byte("* 1 FETCH (UID 7 BODY[HEADER.FIELDS (FROM)]<0> {30}\r\nabc)\r\n"))
	f.Add([]byte("* LIST (\\Noselect) \"/\" ~{2}\r\nab\r\n"))
	f.Fuzz(func(t *testing.T, noise []byte) {
		if bytes.Contains(noise, []byte("{")) && len(noise) > 4096 {
			return
		}
		hung := time.AfterFunc(notifytest.Patience, func() { panic("a command never ended") })
		defer hung.Stop()
		l := scripted(t, func(tag, _ string) string { return string(noise) + "\r\n" + tag + " OK done\r\n" })
		l.timeout = 20 * time.Millisecond
		var set goimap.UIDSet
		set.AddRange(1, 0)
		err := l.with(l.timeout, func(c *imapclient.Client) error {
			msgs, err := c.Fetch(set, &goimap.FetchOptions{UID: true, Flags: true}).Collect()
			for _, m := range msgs {
				if m.UID == 0 {
					t.Error("a message without UID")
				}
			}
			return err
		})
		if err == nil {
			if _, err := l.list("*"); err != nil && !asTrouble(err).dead && asTrouble(err).kind != kindRefused {
				t.Errorf("list: %v", err)
			}
		}
	})
}
