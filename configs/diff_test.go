package configs_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestChangedNamesWhatDiffers(t *testing.T) {
	t.Setenv("ALLIM_TEST_SECRET", "one")
	was := parse(t, "a.yaml", `
log: {level: info}
apps:
  - {id: corp, webpush: {subject: "mailto:a@example.com"}}
  - {id: old, webpush: {}}
sources:
  - {id: mail, kind: imap, auth: {password: "env:ALLIM_TEST_SECRET"}}
  - {id: same, kind: imap, folders: [INBOX, "Lists"]}
`)
	if got := was.Changed(was); len(got) != 0 {
		t.Errorf("nothing changed, got %q", got)
	}
	t.Setenv("ALLIM_TEST_SECRET", "two")
	next := parse(t, "a.yaml", `
retention: 48h
log: {level: debug}
trusted_proxies: [127.0.0.1]
apps:
  - {id: corp, webpush: {subject: "mailto:b@example.com"}}
  - id: new
    webpush:
sources:
  - {id: mail, kind: imap, auth: {password: "env:ALLIM_TEST_SECRET"}}
  - id: same
    kind: imap
    folders:
      - INBOX
      - Lists
`)
	want := []string{"log.level", "retention", "trusted_proxies", "app corp", "app new (new)", "source mail", "app old (gone)"}
	if diff := cmp.Diff(want, was.Changed(next)); diff != "" {
		t.Error(diff)
	}
}
