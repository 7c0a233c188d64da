package webpush

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"allim.dev/allim/notify"
)

func goodDevice(t testing.TB) notify.Device {
	to, _ := rfc8291(t)
	return notify.Device{App: "corp", Platform: notify.WebPush, Token: "https://fcm.googleapis.com/fcm/send/abc:APA91b",
		P256dh: to.raw, Auth: to.auth}
}

func TestCheckDeviceEndpoints(t *testing.T) {
	a := mustBuild(t, testEnv(t.TempDir(), goodSection+"http_hosts: [push.lan.example.com]\n"), nil)
	long := "https://push.example.net/"
	for endpoint, good := range map[string]bool{
		"https://fcm.googleapis.com/fcm/send/dXk:APA91bH-_x":                   true,
		"https://updates.push.services.mozilla.com/wpush/v2/gAAAAAB":           true,
		"https://wns2-par02p.notify.windows.com/w/?token=BQYAAAA%2b%2fx%3d%3d": true,
		"https://web.push.apple.com/QGx1":                                      true,
		"https://ntfy.example.org/upAbC123?up=1":                               true,
		"https://ntfy.example.org:8443/upAbC123?up=1":                          true,
		"https://[2606:4700::1111]/x":                                          true,
		"http://push.lan.example.com/x":                                        true,
		long + strings.Repeat("a", 1000-len(long)):                             true,
		long + strings.Repeat("a", 1001-len(long)):                             false,
		"": false,
		"https://permanently-removed.invalid/fcm/send/x": false,
		"https://android.googleapis.com/gcm/send/x":      false,
		"http://fcm.googleapis.com/fcm/send/x":           false,
		"ftp://fcm.googleapis.com/x":                     false,
		"//fcm.googleapis.com/x":                         false,
		"https:fcm.googleapis.com/x":                     false,
		"https://user@fcm.googleapis.com/x":              false,
		"https://fcm.googleapis.com/x#y":                 false,
		"https://fcm.googleapis.com/x#":                  false,
		"https://fcm.googleapis.com":                     false,
		"https://fcm.googleapis.com/ä":                   false,
		"https://fcm.googleapis.com/a b":                 false,
		"https://fcm.googleapis.com/\"":                  false,
		"https://fcm.googleapis.com/\r\nX: y":            false,
		"https://127.0.0.1/fcm.googleapis.com/":          false,
		"https://localhost/x":                            false,
		"https://169.254.169.254/latest/meta-data/":      false,
		"https://[::ffff:169.254.169.254]/x":             false,
	} {
		d := goodDevice(t)
		d.Token = endpoint
		got, err := a.CheckDevice(d)
		if (err == nil) != good {
			t.Errorf("%.60q: %v", endpoint, err)
		}
		if good && got.Token != endpoint {
			t.Errorf("%q became %q", endpoint, got.Token)
		}
		if !good {
			wantFields(t, err, "subscription.endpoint")
		}
		if err != nil && len(endpoint) > 20 && strings.Contains(err.Error(), endpoint[8:]) {
			t.Errorf("the error repeats the endpoint: %v", err)
		}
	}
}

func wantFields(t *testing.T, err error, want ...string) {
	t.Helper()
	var e *notify.Error
	if !errors.As(err, &e) || e.Code != notify.CodeInvalidToken || len(e.Fields) != len(want) {
		t.Errorf("%v, want %s for %q", err, notify.CodeInvalidToken, want)
		return
	}
	for i, f := range e.Fields {
		if f.Path != want[i] || f.Message == "" {
			t.Errorf("field %d is %+v, want %s", i, f, want[i])
		}
	}
}

func TestCheckDeviceKeys(t *testing.T) {
	a := mustBuild(t, testEnv(t.TempDir(), goodSection), nil)
	good := goodDevice(t)
	off := bytes.Clone(good.P256dh)
	off[64] ^= 1
	for name, c := range map[string]struct {
		key, auth []byte
		want      []string
	}{
		"good":          {good.P256dh, good.Auth, nil},
		"no key":        {nil, good.Auth, []string{"subscription.keys.p256dh"}},
		"off the curve": {off, good.Auth, []string{"subscription.keys.p256dh"}},
		"short auth":    {good.P256dh, good.Auth[:15], []string{"subscription.keys.auth"}},
		"neither":       {good.P256dh[1:], nil, []string{"subscription.keys.p256dh", "subscription.keys.auth"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := good
			d.P256dh, d.Auth = c.key, c.auth
			_, err := a.CheckDevice(d)
			if c.want == nil && err != nil {
				t.Fatal(err)
			}
			if c.want != nil {
				wantFields(t, err, c.want...)
			}
		})
	}
	_, err := a.CheckDevice(notify.Device{})
	wantFields(t, err, "subscription.endpoint", "subscription.keys.p256dh", "subscription.keys.auth")
}

func TestOnlyHosts(t *testing.T) {
	a := mustBuild(t, testEnv(t.TempDir(), goodSection+"only_hosts: true\nhosts: [Push.Example.com]\n"), nil)
	for endpoint, good := range map[string]bool{
		"https://fcm.googleapis.com/x": true, "https://push.example.com/x": true, "https://a.PUSH.example.com/x": true,
		"https://web.push.apple.com./x": true, "https://notify.windows.com.evil.org/x": false, "https://evilpush.example.com/x": false,
		"https://xfcm.googleapis.com/x": false, "https://ntfy.example.org/x": false,
	} {
		d := goodDevice(t)
		d.Token = endpoint
		if _, err := a.CheckDevice(d); (err == nil) != good {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
}

func TestOriginOf(t *testing.T) {
	a := mustBuild(t, testEnv(t.TempDir(), goodSection+"http_hosts: [a.example]\n"), nil)
	for endpoint, want := range map[string]string{
		"https://Push.Example.net/x":      "https://push.example.net",
		"https://push.example.net:443/x":  "https://push.example.net",
		"https://push.example.net:8443/x": "https://push.example.net:8443",
		"https://[2606:4700::1]:443/x":    "https://[2606:4700::1]",
		"http://a.example:80/x":           "http://a.example",
		"http://a.example:443/x":          "http://a.example:443",
	} {
		u, err := a.guard.CheckURL(endpoint)
		if err != nil {
			t.Fatal(err)
		}
		if got := originOf(u); got != want {
			t.Errorf("origin of %s is %s, want %s", endpoint, got, want)
		}
	}
}

// Whatever a client registers: no panic, and what is taken can be sent byte for byte.
func FuzzCheckDevice(f *testing.F) {
	good := goodDevice(f)
	f.Add(good.Token, good.P256dh, good.Auth)
	f.Add("https://[::1%25eth0]:0/..?#", []byte{4}, []byte{})
	a := mustBuild(f, testEnv(f.TempDir(), goodSection), nil)
	f.Fuzz(func(t *testing.T, endpoint string, key, auth []byte) {
		d, err := a.CheckDevice(notify.Device{Platform: notify.WebPush, Token: endpoint, P256dh: key, Auth: auth})
		if err != nil {
			if notify.CodeOf(err) != notify.CodeInvalidToken {
				t.Errorf("%v", err)
			}
			return
		}
		u, err := a.guard.CheckURL(d.Token)
		if err != nil || !strings.HasSuffix(d.Token, u.RequestURI()) || u.Scheme != "https" || len(d.Token) > 1000 {
			t.Errorf("taken: %q, %v", d.Token, err)
		}
		if _, err := newReceiver(d.P256dh, d.Auth); err != nil {
			t.Errorf("taken: %v", err)
		}
	})
}
