package sim

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"allim.dev/allim/notify"
)

func TestAPNsModelsDevices(t *testing.T) {
	p := newPhone(t, APNsOptions{Environment: notify.Development})
	bearer := p.bearer(p.key, 0)
	send := func(id, collapse, expiration, kind string) {
		r := p.request(bearer)
		r.Header.Set("apns-id", id)
		r.Header.Set("apns-push-type", kind)
		r.Header.Set("apns-priority", "5")
		if collapse != "" {
			r.Header.Set("apns-collapse-id", collapse)
		}
		if expiration != "" {
			r.Header.Set("apns-expiration", expiration)
		}
		resp, err := p.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 200 || resp.Header.Get("apns-id") != id || resp.Header.Get("apns-unique-id") == "" {
			t.Errorf("%d %v", resp.StatusCode, resp.Header)
		}
	}
	id := func(n int) string { return fmt.Sprintf("123e4567-e89b-12d3-a456-%012d", n) }
	send(id(1), "room", "", "alert")
	send(id(2), "", "", "alert")
	send(id(3), "room", "", "alert")      // takes the place of 1
	send(id(3), "room", "", "alert")      // a repeat changes nothing
	send(id(2), "", "", "alert")          // nor this one
	send(id(4), "room", "", "background") // is not shown
	shown := p.sim.Shown(goodToken)
	if len(shown) != 2 || shown[0].ID != id(3) || shown[1].ID != id(2) {
		t.Errorf("shown: %+v", shown)
	}
	if c := p.sim.Log().Counts(); c.Accepted != 4 || c.Duplicates != 2 {
		t.Errorf("%+v", c)
	}
	p.sim.Away(goodToken)
	send(id(5), "", "", "alert")
	send(id(6), "", "", "alert") // only the newest is kept
	send(id(7), "", "0", "alert")
	if n := len(p.sim.Shown(goodToken)); n != 2 {
		t.Errorf("%d shown on a device that is away", n)
	}
	p.sim.Back(goodToken)
	if shown := p.sim.Shown(goodToken); len(shown) != 3 || shown[2].ID != id(6) {
		t.Errorf("shown afterwards: %+v", shown)
	}
	w := httptest.NewRecorder()
	p.sim.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/device/"+goodToken, nil))
	if !strings.Contains(w.Body.String(), id(6)) {
		t.Errorf("over HTTP: %s", w.Body)
	}
}

func TestAPNsOnlyRegistered(t *testing.T) {
	accepted := make(chan Entry, 1)
	p := newPhone(t, APNsOptions{OnlyRegistered: true, OnAccepted: func(e Entry) { accepted <- e }})
	bearer := p.bearer(p.key, 0)
	if got := p.send(p.request(bearer)); got != "400 BadDeviceToken" {
		t.Errorf("unknown: %s", got)
	}
	p.sim.Register(APNsDevice{Token: strings.ToUpper(goodToken), Topic: goodTopic})
	if got := p.send(p.request(bearer)); got != "200" {
		t.Errorf("known: %s", got)
	}
	if e := <-accepted; e.Key != goodToken || e.ID != goodID || !bytes.Contains(e.Body, []byte("hello")) {
		t.Errorf("%+v", e)
	}
}
