package webpush

import (
	"errors"
	"net/url"
	"strings"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/notify"
)

// vendor is whose push service an endpoint belongs to: they differ in more than RFC 8030 says.
type vendor uint8

const (
	stranger vendor = iota // UnifiedPush servers and everyone else
	known                  // a push service of the house, by the configuration
	google
	mozilla
	edge
	apple
)

// vendorDomains are the hosts of the browsers' push services. A host belongs when it is one or ends in "." and one:
// never match a pattern over the whole URL, which a path or a user name can satisfy.
var vendorDomains = [...]struct {
	domain string
	vendor vendor
}{
	{"fcm.googleapis.com", google},
	{"push.services.mozilla.com", mozilla},
	{"notify.windows.com", edge},
	{"push.apple.com", apple}, // developer.apple.com, "Sending web push notifications": allow *.push.apple.com
}

// vendorOf tells whose endpoint it is.
func (c *Config) vendorOf(host string) vendor {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	for _, d := range vendorDomains {
		if within(host, d.domain) {
			return d.vendor
		}
	}
	for _, d := range c.Hosts {
		if within(host, d) {
			return known
		}
	}
	return stranger
}

func within(host, domain string) bool {
	return host == domain || strings.HasSuffix(host, "."+domain)
}

// CheckDevice implements notify.DeviceChecker: the endpoint is one that may be pushed to, and the keys are a browser's.
// The device comes back as it is: an endpoint is sent byte for byte as the browser gave it.
// Errors: CodeInvalidToken with every bad field.
func (a *Adapter) CheckDevice(d notify.Device) (notify.Device, error) {
	var fields []notify.FieldError
	add := func(path string, err error) {
		if err != nil {
			fields = append(fields, notify.FieldError{Path: "subscription." + path, Message: err.Error()})
		}
	}
	add("endpoint", a.checkEndpoint(d.Token))
	add("keys.p256dh", checkP256dh(d.P256dh))
	add("keys.auth", checkAuth(d.Auth))
	if fields != nil {
		return d, &notify.Error{Code: notify.CodeInvalidToken, Fields: fields,
			Detail: "the subscription is not one that PushManager.subscribe() or UnifiedPush gives"}
	}
	return d, nil
}

func (a *Adapter) checkEndpoint(raw string) error {
	if raw == "" {
		return errors.New("is required")
	}
	u, err := a.guard.CheckURL(raw)
	if err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), push.ErrRefused.Error()+": "))
	}
	if why := dead(u); why != "" {
		return errors.New(why)
	}
	if !strings.HasSuffix(raw, u.RequestURI()) {
		return errors.New("has no path, or one with characters that must be escaped: it could not be sent as it is")
	}
	if a.cfg.OnlyHosts && a.cfg.vendorOf(u.Hostname()) == stranger {
		return errors.New("belongs to a push service that this hub does not use")
	}
	return nil
}

// dead tells why an endpoint can never be reached; empty when it may be.
func dead(u *url.URL) string {
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	switch {
	case within(host, "invalid"): // RFC 2606; some Chromium builds hand out permanently-removed.invalid
		return "belongs to a browser without a push service (its host ends in .invalid); Web Push cannot reach it"
	case host == "android.googleapis.com" && strings.HasPrefix(u.Path, "/gcm"):
		return "belongs to Google Cloud Messaging, which was shut down in 2019; subscribe again in a browser of today"
	}
	return ""
}

func checkP256dh(key []byte) error {
	if len(key) == 0 {
		return errors.New("is required")
	}
	if _, err := newReceiver(key, make([]byte, authLen)); err != nil {
		return errors.New("must be a point on P-256, 65 bytes uncompressed")
	}
	return nil
}

func checkAuth(auth []byte) error {
	if len(auth) == 0 {
		return errors.New("is required")
	}
	if len(auth) != authLen {
		return errors.New("must be 16 bytes")
	}
	return nil
}
