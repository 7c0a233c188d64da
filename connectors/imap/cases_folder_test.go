package imap

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/connectors/imap/imaptest"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// all makes the connector watch every folder, and look often.
func (r *rig) all() {
	r.set = func(s *Settings) { s.Folders, s.Poll = []string{"INBOX", "*"}, time.Second }
}

// TestCase26_SilentFolders: by special use, and by name in many languages where the server marks nothing.
func TestCase26_SilentFolders(t *testing.T) {
	t.Parallel()
	r := newRig(t, imaptest.Options{})
	marked := map[string]string{"Odpadky": `\Trash`, "Reklama": `\Junk`, "Odeslané": `\Sent`, "Koncepty": `\Drafts`, "Vše": `\All`}
	for name, use := range marked {
		r.srv.AddFolder(kim, name, use)
	}
	silent := []string{"휴지통", "스팸메일함", "보낸편지함", "임시보관함", "지운 편지함", "보낸 메일함", "스팸 메일함", "정크 메일", "Trash", "Sent Items",
		"Junk E-mail", "INBOX/Spam", "Papierkorb", "Entwürfe", "送信済み", "下書き", "Trash/2019", "보낸편지함/2020"}
	told := []string{"프로젝트", "INBOX/인사팀", "Lists/golang", "Sentinel alarms", "Spam reports"}
	for _, name := range append(slices.Clone(silent), told...) {
		r.srv.AddFolder(kim, name)
	}
	r.all()
	r.start()
	r.watching()
	for _, name := range slices.Concat(silent, told, []string{"Odpadky", "Reklama", "Odeslané", "Koncepty", "Vše"}) {
		r.deliver("in "+name, imaptest.Delivery{Folder: name})
	}
	var want []string
	for _, name := range told {
		want = append(want, "in "+name)
	}
	r.subjects(want...)
	polls := func() int { return r.srv.Stats().Commands["STATUS"] }
	before := polls()
	notifytest.Until(t, "another look", func() bool { return polls() > before+2*len(told) })
	r.subjects(want...)
	for _, e := range r.watch.Events() {
		if "in "+e.Params["folder"] != e.Params["subject"] {
			t.Errorf("event %+v", e)
		}
	}
}

// TestCase26_NamedSilentFolder: naming such a folder in the configuration does not make it loud; the account says so.
func TestCase26_NamedSilentFolder(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	r.srv.AddFolder(kim, "휴지통")
	r.set = func(s *Settings) { s.Folders = []string{"INBOX", "휴지통", "없는 폴더"} }
	r.start()
	r.watching()
	notes := strings.Join(r.health().Notes, "\n")
	if !strings.Contains(notes, "nobody is told of it") || !strings.Contains(notes, `there is no folder "없는 폴더"`) {
		t.Errorf("notes %q", notes)
	}
}

// TestOtherFolders: a folder beside INBOX has its own baseline and is told at the next poll, also over a reconnect.
func TestOtherFolders(t *testing.T) {
	t.Parallel()
	r := newRig(t, imaptest.Options{})
	r.srv.AddFolder(kim, "Team")
	r.deliver("old", imaptest.Delivery{Folder: "Team", Date: time.Now().Add(-time.Hour)})
	r.set = func(s *Settings) { s.Folders, s.Poll = []string{"Team", "INBOX"}, time.Second }
	r.start()
	r.watching()
	r.deliver("in the team", imaptest.Delivery{Folder: "Team"})
	r.deliver("in the inbox", imaptest.Delivery{})
	r.subjects("in the team", "in the inbox")
	r.srv.DropAll()
	r.deliver("while away", imaptest.Delivery{Folder: "Team"})
	r.subjects("in the team", "in the inbox", "while away")
	r.watching()
	r.srv.Renumber(kim, "Team", 5)
	r.deliver("after the reset", imaptest.Delivery{Folder: "Team"})
	r.subjects("in the team", "in the inbox", "while away", "after the reset")
}

// TestNewFolder: a folder that is made while a pattern is watched is found within an hour or so.
func TestNewFolder(t *testing.T) {
	t.Parallel()
	r := newRig(t, imaptest.Options{})
	clock := r.impatient()
	impatient := r.set
	r.set = func(s *Settings) { impatient(s); s.Folders = []string{"INBOX", "Lists/*"} }
	r.srv.AddFolder(kim, "Lists/old")
	r.start()
	r.watching()
	r.srv.AddFolder(kim, "Lists/new")
	start := clock.Now()
	r.turn(clock, 20*time.Second, "the new folder's baseline", func() bool {
		return r.watch.State("id-" + kim)[stateKey("Lists/new")] != nil
	})
	if d := clock.Now().Sub(start); d > 90*time.Minute {
		t.Errorf("found after %s", d)
	}
	r.deliver("in the new one", imaptest.Delivery{Folder: "Lists/new"})
	r.turn(clock, 5*time.Second, "the mail", func() bool { return len(r.have()) == 1 })
	if n := r.srv.Stats().Connections; n != 1 {
		t.Errorf("%d connections", n)
	}
}

// TestFolderTakenAway: a folder that can no longer be opened does not keep INBOX from being watched.
func TestFolderTakenAway(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	clock := r.impatient()
	impatient := r.set
	r.set = func(s *Settings) { impatient(s); s.Folders = []string{"INBOX", "Team"} }
	r.srv.AddFolder(kim, "Team")
	r.start()
	r.watching()
	team := func(c imaptest.Command) bool { return strings.Contains(c.Args, "Team") }
	r.srv.Inject(imaptest.Fault{Name: "STATUS", Match: team, Reply: []string{"{tag} NO [NOPERM] not yours any more"}})
	r.turn(clock, 5*time.Second, "a note", func() bool { return strings.Contains(strings.Join(r.health().Notes, "\n"), "NOPERM") })
	r.watching()
	r.deliver("in the inbox", imaptest.Delivery{})
	r.subjects("in the inbox")
	if n := r.srv.Stats().Connections; n != 1 {
		t.Errorf("%d connections", n)
	}
}

// TestCase27_BulkImport: thousands of old messages, by their arrival or by their own date, make no noise; new mail among
// them is told.
func TestCase27_BulkImport(t *testing.T) {
	t.Parallel()
	old := time.Now().Add(-200 * 24 * time.Hour)
	for name, date := range map[string]time.Time{"COPY keeps the date": old, "APPEND without a date": time.Now()} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, imaptest.Options{})
			r.start()
			r.watching()
			r.srv.Fill(kim, "INBOX", 5000, date, func(i int) []byte {
				return fmt.Appendf(nil, "From: a@b\r\nSubject: import %d\r\nDate: %s\r\nMessage-ID: <%d@old>\r\n\r\n", i, old.Format(time.RFC1123Z), i)
			})
			r.deliver("new", imaptest.Delivery{})
			r.subjects("new")
			r.watching()
			r.deliver("next", imaptest.Delivery{})
			r.subjects("new", "next")
		})
	}
}

// TestCase27_OldArrival: what arrived, by the server's word, long before the last look was moved here, not received.
func TestCase27_OldArrival(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	r.start()
	r.watching()
	r.deliver("moved here", imaptest.Delivery{Date: time.Now().Add(-3 * 24 * time.Hour)})
	r.deliver("by a clock that is behind", imaptest.Delivery{Date: time.Now().Add(-9 * time.Hour)})
	r.subjects("by a clock that is behind")
}

// TestLongAway: after two days without the hub its mail is told; what is older than max_age is not.
func TestLongAway(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	clock := notifytest.NewClock(time.Now().Add(-10 * 24 * time.Hour))
	r.clock = clock
	r.start()
	r.watching()
	r.stop()
	r.deliver("eight days ago", imaptest.Delivery{Date: time.Now().Add(-8 * 24 * time.Hour)})
	r.deliver("two days ago", imaptest.Delivery{Date: time.Now().Add(-2 * 24 * time.Hour)})
	clock.Set(time.Now())
	r.start()
	r.subjects("two days ago")
	r.watching()
}

// TestCase27_DelayedMail: one mail that was long on its way is no import.
func TestCase27_DelayedMail(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	r.start()
	r.watching()
	raw := strings.Replace(string(letter("delayed")), time.Now().Format("2006"), "2019", 1)
	if _, err := r.srv.Deliver(kim, []byte(raw), imaptest.Delivery{}); err != nil {
		t.Fatal(err)
	}
	r.subjects("delayed")
}

// TestCase28_SharedMailbox: forty users of one mailbox cost one connection and one event; who they are is the hub's matter.
func TestCase28_SharedMailbox(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	shared := mailbox(kim)
	for i := range 40 {
		shared.Users = append(shared.Users, fmt.Sprint("user", i))
	}
	r.watch.SetAccounts(shared)
	r.start()
	r.watching()
	r.deliver("for all", imaptest.Delivery{})
	r.subjects("for all")
	shared.Users = shared.Users[:39] // one was revoked: no reason to connect anew
	r.watch.SetAccounts(shared)
	r.deliver("for most", imaptest.Delivery{})
	r.subjects("for all", "for most")
	if st := r.srv.Stats(); st.Connections != 1 || st.FetchResponses != 2 {
		t.Errorf("%d connections, %d messages fetched", st.Connections, st.FetchResponses)
	}
}

// TestCase29_SeenElsewhere: what was read or thrown away before we saw it is not told.
func TestCase29_SeenElsewhere(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	r.start()
	r.watching()
	for _, flag := range []string{`\Seen`, `\Draft`, `\Deleted`, "$Junk", "Junk"} {
		r.deliver(flag, imaptest.Delivery{Flags: []string{flag}})
	}
	spam := "X-Spam-Flag: YES\r\n" + string(letter("spam"))
	if _, err := r.srv.Deliver(kim, []byte(spam), imaptest.Delivery{}); err != nil {
		t.Fatal(err)
	}
	r.deliver("flagged", imaptest.Delivery{Flags: []string{`\Flagged`, "$NotJunk"}})
	r.subjects("flagged")
}

// TestCase30_CopiesHaveOneName: the same mail in two folders, or in two mailboxes, has one Told, so that nobody is told
// twice; Gmail's All Mail is not even looked at.
func TestCase30_CopiesHaveOneName(t *testing.T) {
	t.Parallel()
	r := newRig(t, imaptest.Options{})
	r.srv.AddUser("lee", "secret")
	r.watch.SetAccounts(mailbox(kim), mailbox("lee"))
	r.srv.AddFolder(kim, "[Gmail]/All Mail", `\All`)
	r.srv.AddFolder(kim, "Important stuff")
	r.all()
	r.start()
	r.watching()
	notifytest.Until(t, "lee's IDLE", func() bool { return r.srv.Idling("lee") == 1 })
	raw := letter("one mail")
	for _, d := range []struct{ login, folder string }{{kim, "INBOX"}, {kim, "[Gmail]/All Mail"}, {kim, "Important stuff"}, {"lee", "INBOX"}} {
		if _, err := r.srv.Deliver(d.login, raw, imaptest.Delivery{Folder: d.folder}); err != nil {
			t.Fatal(err)
		}
	}
	r.subjects("one mail", "one mail", "one mail")
	told := map[string]bool{}
	for _, e := range r.watch.Events() {
		told[e.Told] = true
	}
	if len(told) != 1 {
		t.Errorf("told %v", told)
	}
}

// TestTold: what makes a mail the same mail.
func TestTold(t *testing.T) {
	told := func(raw string) string {
		m := message{uid: 1, size: int64(len(raw)), head: parseHeader([]byte(raw))}
		return m.told()
	}
	a := told("Message-ID: <1@x>\r\nDate: Mon, 23 Nov 2026 09:00:00 +0900\r\nSubject: a\r\n")
	if a != told("Subject: [list] a\r\nDate: Mon, 23 Nov 2026 09:00:00 +0900\r\nMessage-ID:\r\n <1@x>\r\n") {
		t.Error("a list's copy is another mail")
	}
	if a == told("Message-ID: <1@x>\r\nDate: Mon, 23 Nov 2026 10:00:00 +0900\r\nSubject: b\r\n") {
		t.Error("a sender with one Message-ID for all is told once for ever")
	}
	if told("Subject: a\r\nFrom: b@c\r\n") == told("Subject: b\r\nFrom: b@c\r\n") || told("Subject: a\r\n") != told("SUBJECT: a\r\n") {
		t.Error("mails without Message-ID are known by their content")
	}
	if told("") != "" {
		t.Error("a mail of which nothing is known was given a name")
	}
}

// TestAccountsComeAndGo: the watch follows the list of accounts while it runs.
func TestAccountsComeAndGo(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	r.srv.AddUser("lee", "secret")
	r.start()
	r.watching()
	r.watch.SetAccounts(mailbox("lee"))
	notifytest.Until(t, "lee in, kim out", func() bool {
		return r.srv.Idling("lee") == 1 && r.srv.Idling(kim) == 0 && r.srv.Stats().Open == 1
	})
	r.watch.SetAccounts(mailbox("lee"), mailbox(kim))
	r.watching()
	r.watch.SetAccounts()
	notifytest.Until(t, "nobody", func() bool { return r.srv.Stats().Open == 0 })
}

// TestRemovedWhileStoring: an account that is gone when its mail is stored ends quietly, the others go on.
func TestRemovedWhileStoring(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	r.srv.AddUser("lee", "secret")
	r.watch.SetAccounts(mailbox(kim), mailbox("lee"))
	r.start()
	r.watching()
	notifytest.Until(t, "lee's IDLE", func() bool { return r.srv.Idling("lee") == 1 })
	r.watch.Refuse(func(b notify.Batch) error {
		if b.Account == "id-lee" {
			return notify.Errorf(notify.CodeUnknownAccount, "gone")
		}
		return nil
	})
	if _, err := r.srv.Deliver("lee", letter("to nobody"), imaptest.Delivery{}); err != nil {
		t.Fatal(err)
	}
	notifytest.Until(t, "lee out", func() bool { return r.srv.Idling("lee") == 0 })
	r.deliver("to kim", imaptest.Delivery{})
	r.subjects("to kim")
}

// TestStaleEpoch: another hub took the source over: this one stops with an error.
func TestStaleEpoch(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	r.start()
	r.watching()
	r.watch.Refuse(func(notify.Batch) error { return notify.Errorf(notify.CodeStaleEpoch, "another hub") })
	r.deliver("not mine any more", imaptest.Delivery{})
	if err := notifytest.Receive(t, "the end of Run", r.run.Done()); err == nil {
		t.Error("Run returned no error")
	}
	r.run = nil
}

// TestStoreInTrouble: a batch that cannot be stored is put again, and told once.
func TestStoreInTrouble(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	r.start()
	r.watching()
	n := 0
	r.watch.Refuse(func(notify.Batch) error {
		if n++; n <= 3 {
			return notify.Errorf(notify.CodeUnavailable, "busy")
		}
		return nil
	})
	r.deliver("at last", imaptest.Delivery{})
	r.subjects("at last")
	if c := r.srv.Stats().Connections; c != 1 {
		t.Errorf("%d connections", c)
	}
}

// TestStoreInTroubleForLong: the store is away for longer than a batch is kept in memory; the mail is found again.
func TestStoreInTroubleForLong(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	clock := r.impatient()
	r.start()
	r.watching()
	n := 0
	r.watch.Refuse(func(notify.Batch) error {
		if n++; n <= 12 {
			return notify.Errorf(notify.CodeUnavailable, "busy")
		}
		return nil
	})
	r.deliver("at long last", imaptest.Delivery{})
	r.turn(clock, 200*time.Millisecond, "the mail", func() bool { return len(r.have()) == 1 })
	r.subjects("at long last")
}
