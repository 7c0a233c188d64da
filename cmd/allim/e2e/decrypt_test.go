package e2e

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// outsideMessage is what decrypt.js takes.
type outsideMessage struct {
	Body       string `json:"body"`
	PrivateKey string `json:"privateKey"`
	Auth       string `json:"auth"`
}

// TestMessagesDecryptElsewhere: what the hub sends to a subscription is decrypted by npm's http_ece, from a single letter
// to what fills a message.
func TestMessagesDecryptElsewhere(t *testing.T) {
	arrived := make(chan string, 16)
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("Content-Encoding") != "aes128gcm" {
			t.Errorf("%s: %v", r.Header.Get("Content-Encoding"), err)
		}
		arrived <- base64.RawURLEncoding.EncodeToString(body)
		w.WriteHeader(http.StatusCreated)
	}))
	defer service.Close()
	h := newHub(t, checked(t), `
outgoing: {allow_private: [127.0.0.0/8]}
apps:
  - id: corp
    webpush: {subject: "mailto:it@example.com", http_hosts: [127.0.0.1]}
`)
	h.start()
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	auth := make([]byte, 16)
	_, _ = rand.Read(auth) // never fails
	b64 := base64.RawURLEncoding.EncodeToString
	h.must(http.MethodPut, "/v1/users/kim", map[string]any{}, nil)
	h.must(http.MethodPost, "/v1/users/kim/devices", map[string]any{"app": "corp", "platform": "webpush",
		"subscription": map[string]any{"endpoint": service.URL + "/push/1",
			"keys": map[string]any{"p256dh": b64(key.PublicKey().Bytes()), "auth": b64(auth)}}}, nil)

	bodies := []string{"a", "회의실이 3층으로 바뀌었습니다 📅", strings.Repeat("0123456789", 200), strings.Repeat("가나다라", 1200)}
	var messages []outsideMessage
	for i, body := range bodies {
		h.must(http.MethodPost, "/v1/notifications", map[string]any{"to": map[string]any{"users": []string{"kim"}},
			"title": fmt.Sprint("제목 ", i), "body": body}, nil)
		select {
		case got := <-arrived:
			messages = append(messages, outsideMessage{got, b64(key.Bytes()), b64(auth)})
		case <-time.After(time.Minute):
			t.Fatalf("message %d does not arrive", i)
		}
	}
	for i, text := range decryptElsewhere(t, messages) {
		var got struct{ Notification struct{ Title, Body string } }
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		whole := got.Notification.Body == bodies[i]
		cut := strings.HasSuffix(got.Notification.Body, "…") && strings.HasPrefix(bodies[i], strings.TrimSuffix(got.Notification.Body, "…"))
		if got.Notification.Title != fmt.Sprint("제목 ", i) || !whole && (i < 3 || !cut) {
			t.Errorf("message %d reads %.200s", i, text)
		}
	}
}

// decryptElsewhere runs decrypt.js.
func decryptElsewhere(t *testing.T, messages []outsideMessage) (texts []string) {
	t.Helper()
	input, err := json.Marshal(messages)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "decrypt.js")
	cmd.Dir, cmd.Stdin = "node", bytes.NewReader(input)
	var errText bytes.Buffer
	cmd.Stderr = &errText
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node decrypt.js: %v: %s", err, errText.String())
	}
	if err := json.Unmarshal(out, &texts); err != nil || len(texts) != len(messages) {
		t.Fatalf("%s: %v", out, err)
	}
	return texts
}
