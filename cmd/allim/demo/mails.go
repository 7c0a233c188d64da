package demo

import (
	"encoding/base64"
	"fmt"
	"mime"
	"strings"
	"time"

	"golang.org/x/text/encoding/korean"
)

// mail is one mail of the play.
type mail struct {
	to            []string // people's ids
	from, address string
	subject       string // %d becomes the mail's number, so that no two subjects are the same
	euckr         bool   // headers in EUC-KR, as older Korean mailers write them
}

// script is played from the start to the end, and again.
func script() []mail {
	return []mail{
		{to: []string{"kim"}, from: "박서연", address: "seoyeon.park@example.com", subject: "견적서 검토 부탁드립니다 (%d차)"},
		{to: []string{"alex"}, from: "Priya Shah", address: "priya@example.org", subject: "Draft of the contract, revision %d"},
		{to: []string{"kim"}, from: "인사팀", address: "hr@example.com", subject: "연차 사용 안내 제%d호", euckr: true},
		{to: []string{"kim", "alex"}, from: "IT Service Desk", address: "it@example.com", subject: "Maintenance window no. %d tonight at 22:00"},
		{to: []string{"alex"}, from: "Build server", address: "build@example.com", subject: "Build %d passed"},
		{to: []string{"kim"}, from: "이준호", address: "junho.lee@example.net", subject: "점심 같이 하실래요? 후보 %d곳"},
		{to: []string{"alex"}, from: "María Núñez", address: "maria@example.net", subject: "Café at 3? ☕ (table %d)"},
	}
}

// numbered gives the mail's subject for its number in the play.
func (m mail) numbered(n int) string { return fmt.Sprintf(m.subject, n) }

// message writes the mail for one mailbox (RFC 5322; header words by RFC 2047).
func (m mail) message(to person, n int, at time.Time) []byte {
	word := func(s string) string { return mime.BEncoding.Encode("utf-8", s) }
	if m.euckr {
		word = eucKR
	}
	var b strings.Builder
	for _, line := range []string{
		"From: " + word(m.from) + " <" + m.address + ">",
		"To: " + mime.BEncoding.Encode("utf-8", to.name) + " <" + to.email() + ">",
		"Subject: " + word(m.numbered(n)),
		"Date: " + at.Format("Mon, 02 Jan 2006 15:04:05 -0700"),
		fmt.Sprintf("Message-ID: <demo-%d@example.com>", n),
		"MIME-Version: 1.0",
		"Content-Type: text/plain; charset=utf-8",
		"Content-Transfer-Encoding: 8bit",
		"",
		m.numbered(n),
		"",
	} {
		b.WriteString(line + "\r\n")
	}
	return []byte(b.String())
}

// eucKR writes an RFC 2047 word in EUC-KR; short enough to be one word (75 characters).
func eucKR(s string) string {
	b, err := korean.EUCKR.NewEncoder().Bytes([]byte(s))
	if err != nil {
		return mime.BEncoding.Encode("utf-8", s)
	}
	return "=?euc-kr?B?" + base64.StdEncoding.EncodeToString(b) + "?="
}
