package app_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"allim.dev/allim/cmd/allim/app"
	"allim.dev/allim/configs"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api"
	"allim.dev/allim/notify/notifytest"
)

// wordsConfig has a mapping, a folder that uses it, and a template.
const wordsConfig = `
mappings:
  - {id: erp, each: //o, vars: {no: "@no"}, notification: {to: {users: [kim]}, title: "%s {{.no}}"}}
  - {id: words, each: //o, notification: {to: {users: [kim]}, template: %s}}
templates:
  - {id: %s, words: {en: {title: "%s"}}}
sources:
  - {id: drop, kind: folder, path: %s, mapping: erp}
`

// TestReloadOfMappingsAndTemplates: the next document is read as the file says now, over HTTP and in the folder; a wrong
// file keeps the old ones and says where it is wrong.
func TestReloadOfMappingsAndTemplates(t *testing.T) {
	dir := t.TempDir()
	drop := filepath.Join(dir, "drop")
	if err := os.Mkdir(drop, 0o700); err != nil {
		t.Fatal(err)
	}
	a := start(t, options(parse(t, dir, fmt.Sprintf(wordsConfig, "Order", "old", "old", "old words", drop))))
	if _, _, err := a.Hub().PutUser(t.Context(), notify.User{ID: "kim", Locale: "en"}); err != nil {
		t.Fatal(err)
	}
	key, secret, err := api.NewKey("erp", []notify.Scope{notify.ScopeSend}, notify.SystemClock{})
	if err == nil {
		err = a.Store().PutKey(t.Context(), key, notify.HashSecret(secret))
	}
	if err != nil {
		t.Fatal(err)
	}
	poster := &poster{t: t, app: a, key: secret}
	_, level := app.NewLogger(configs.Log{Level: "info"}, io.Discard)

	poster.post("erp", 202)
	poster.post("words", 202)
	_, err = a.Reload(parse(t, dir, fmt.Sprintf(wordsConfig, "{{", "no", "new", "new words", drop)), level)
	for _, want := range []string{"line 5, column ", "mappings[0].notification.title", "mappings[1].notification.template"} {
		if !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("a wrong file: %v, want %q", err, want)
		}
	}
	poster.post("erp", 202)
	restart, err := a.Reload(parse(t, dir, fmt.Sprintf(wordsConfig, "Paper", "new", "new", "new words", drop)), level)
	if err != nil || len(restart) > 0 {
		t.Errorf("%v %v", restart, err)
	}
	poster.post("erp", 202)
	poster.post("words", 202)
	_, _, err = a.Hub().Send(t.Context(), notify.Notification{To: notify.Audience{All: true}, Template: "old"}, notify.Idempotency{})
	if notify.CodeOf(err) != notify.CodeInvalid {
		t.Error("a template that is gone:", err)
	}
	if err := os.WriteFile(filepath.Join(drop, "a.tmp"), []byte(`<o no="2"/>`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(drop, "a.tmp"), filepath.Join(drop, "a.xml")); err != nil {
		t.Fatal(err)
	}
	const want = "Order 1|old words|Order 1|Paper 1|new words|Paper 2"
	defer func() {
		if got := poster.told(); got != want {
			t.Errorf("told %q, want %q", got, want)
		}
	}()
	notifytest.Until(t, "the folder's file to be told as the file says now", func() bool { return poster.told() == want || t.Failed() })
}

type poster struct {
	t   *testing.T
	app *app.App
	key string
}

func (p *poster) post(mapping string, status int) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.app.URL()+"/v1/ingest/"+mapping, strings.NewReader(`<o no="1"/>`))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.key)
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	text, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil || res.StatusCode != status {
		p.t.Fatalf("%s: %d %s %v", mapping, res.StatusCode, text, err)
	}
}

// told gives the titles of all that was sent, oldest first.
func (p *poster) told() string {
	list, err := p.app.Store().Notifications(p.t.Context(), notify.NotificationFilter{}, notify.Page{Limit: 100})
	if err != nil {
		p.t.Fatal(err)
	}
	titles := make([]string, len(list))
	for i, n := range list {
		words := n
		if n.Template != "" {
			if words, err = p.app.Store().Notification(p.t.Context(), n.ID); err != nil {
				p.t.Fatal(err)
			}
		}
		titles[len(list)-1-i] = words.In(notify.Variant{Locale: "en"}).Title
	}
	return strings.Join(titles, "|")
}
