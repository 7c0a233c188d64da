package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// autopush is a push service as Firefox knows it: a WebSocket to the browser (Mozilla's autopush protocol,
// https://mozilla-push-service.readthedocs.io/en/latest/design/), and RFC 8030 endpoints for whoever sends.
type autopush struct {
	t      *testing.T
	server *httptest.Server
	hello  chan struct{} // closed when a browser is connected

	mu       sync.Mutex
	greeted  bool
	conns    map[*websocket.Conn]bool
	channels map[string]channel
	acks     []int // codes: 100 delivered, 101 not decrypted, 102 not delivered
	refused  []string
}

// channel is one subscription.
type channel struct {
	conn *websocket.Conn
	key  string // the applicationServerKey that it is bound to
}

// frame is any message of the protocol.
type frame struct {
	MessageType  string            `json:"messageType,omitempty"`
	UAID         string            `json:"uaid,omitempty"`
	Status       int               `json:"status,omitempty"`
	UseWebPush   bool              `json:"use_webpush,omitempty"`
	ChannelID    string            `json:"channelID,omitempty"`
	Key          string            `json:"key,omitempty"`
	PushEndpoint string            `json:"pushEndpoint,omitempty"`
	Version      string            `json:"version,omitempty"`
	Data         string            `json:"data,omitempty"`
	Headers      map[string]string `json:"headers,omitempty"`
	Updates      []struct {
		Code int `json:"code"`
	} `json:"updates,omitempty"`
}

func newAutopush(t *testing.T) *autopush {
	a := &autopush{t: t, hello: make(chan struct{}), conns: map[*websocket.Conn]bool{}, channels: map[string]channel{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /wpush/v2/{channel}", a.push)
	mux.HandleFunc("GET /", a.browser)
	a.server = httptest.NewServer(mux)
	t.Cleanup(func() {
		a.server.CloseClientConnections()
		a.server.Close()
	})
	return a
}

// wsURL is what the browser's preference dom.push.serverURL is set to.
func (a *autopush) wsURL() string { return strings.Replace(a.server.URL, "http", "ws", 1) + "/" }

// browser serves one browser's WebSocket.
func (a *autopush) browser(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"push-notification"}, InsecureSkipVerify: true})
	if err != nil {
		return
	}
	a.mu.Lock()
	a.conns[conn] = true
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		delete(a.conns, conn)
		a.mu.Unlock()
		_ = conn.CloseNow()
	}()
	for {
		var in frame
		if err := wsjson.Read(r.Context(), conn, &in); err != nil {
			return
		}
		answer, any := a.answer(conn, in)
		if !any {
			continue
		}
		if err := wsjson.Write(r.Context(), conn, answer); err != nil {
			return
		}
	}
}

func (a *autopush) answer(conn *websocket.Conn, in frame) (frame, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch in.MessageType {
	case "hello":
		if !a.greeted {
			a.greeted = true
			close(a.hello)
		}
		id := make([]byte, 16)
		_, _ = rand.Read(id) // never fails
		return frame{MessageType: "hello", UAID: hex.EncodeToString(id), Status: 200, UseWebPush: true}, true
	case "register":
		a.channels[in.ChannelID] = channel{conn, in.Key}
		return frame{MessageType: "register", ChannelID: in.ChannelID, Status: 200,
			PushEndpoint: a.server.URL + "/wpush/v2/" + in.ChannelID}, true
	case "unregister":
		delete(a.channels, in.ChannelID)
		return frame{MessageType: "unregister", ChannelID: in.ChannelID, Status: 200}, true
	case "ack":
		for _, u := range in.Updates {
			a.acks = append(a.acks, u.Code)
		}
		return frame{}, false
	case "":
		return frame{}, true // a ping
	}
	return frame{}, false
}

// renew forgets all subscriptions and hangs up. A browser that comes back gets another id, by which it knows that its
// subscriptions are gone, and tells their service workers (pushsubscriptionchange).
func (a *autopush) renew() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.channels)
	for conn := range a.conns {
		_ = conn.CloseNow()
	}
}

// acked gives the codes of the browser's acknowledgements.
func (a *autopush) acked() []int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]int(nil), a.acks...)
}

// push takes a message for a browser (RFC 8030 section 5).
func (a *autopush) push(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	c, known := a.channels[r.PathValue("channel")]
	a.mu.Unlock()
	if !known {
		http.Error(w, "gone", http.StatusGone)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 4097))
	switch {
	case err != nil || len(body) > 4096:
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		return
	case r.Header.Get("TTL") == "":
		http.Error(w, "TTL is missing", http.StatusBadRequest)
		return
	}
	if err := a.checkVAPID(r.Header.Get("Authorization"), c.key); err != nil {
		a.mu.Lock()
		a.refused = append(a.refused, err.Error())
		a.mu.Unlock()
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails
	version := hex.EncodeToString(id)
	ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
	defer cancel()
	if err := wsjson.Write(ctx, c.conn, frame{MessageType: "notification", ChannelID: r.PathValue("channel"), Version: version,
		Data: base64.RawURLEncoding.EncodeToString(body), Headers: map[string]string{"encoding": r.Header.Get("Content-Encoding")}}); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Location", a.server.URL+"/m/"+version)
	w.WriteHeader(http.StatusCreated)
}

// checkVAPID verifies the sender's token by its own key and the one that the subscription is bound to (RFC 8292
// sections 2 to 4.2).
func (a *autopush) checkVAPID(header, bound string) error {
	var token, key string
	for part := range strings.SplitSeq(strings.TrimPrefix(header, "vapid "), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "t":
			token = value
		case "k":
			key = value
		}
	}
	if key == "" || strings.TrimRight(key, "=") != strings.TrimRight(bound, "=") {
		return fmt.Errorf("the subscription is bound to another key")
	}
	raw, err := base64.RawURLEncoding.DecodeString(key)
	if err != nil {
		return fmt.Errorf("k: %w", err)
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), raw)
	if err != nil {
		return fmt.Errorf("k: %w", err)
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return fmt.Errorf("t is no JWT")
	}
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(sig) != 64 {
		return fmt.Errorf("t has a signature of %d bytes", len(sig))
	}
	hash := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if !ecdsa.Verify(public, hash[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])) {
		return fmt.Errorf("t has a wrong signature")
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return fmt.Errorf("t: %w", err)
	}
	var claims struct {
		Aud string
		Exp int64
	}
	if err := json.Unmarshal(text, &claims); err != nil {
		return fmt.Errorf("t: %w", err)
	}
	left := time.Until(time.Unix(claims.Exp, 0))
	if claims.Aud != a.server.URL || left < 0 || left > 24*time.Hour {
		return fmt.Errorf("t is for %s and ends in %s", claims.Aud, left)
	}
	return nil
}
