package wns

import (
	"net/url"
	"strings"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/notify"
)

// channelDomain is where Microsoft's channels are. Overview: send only to hosts of this domain, whatever else a channel
// says, so that nobody who registers a device gets our token; and do not look at what stands before it.
const channelDomain = "notify.windows.com"

// retiredDomain is where channels of the service before this one were.
const retiredDomain = "notify.live.net"

// maxChannel is the greatest length of a channel, in bytes. Overview: an app should provide for 1024.
const maxChannel = 2048

// channel is where one device is reached.
type channel struct {
	url *url.URL
	own bool // its host is named by the configuration
}

// CheckDevice implements notify.DeviceChecker: the channel is one of WNS's. The device comes back as it is: a channel is
// sent byte for byte as Windows gave it, since anything else is answered with 404.
// Errors: CodeInvalidToken with the field.
func (a *Adapter) CheckDevice(d notify.Device) (notify.Device, error) {
	if _, why := a.parse(d.Token); why != "" {
		return d, &notify.Error{Code: notify.CodeInvalidToken, Detail: "the token is not a channel of WNS",
			Fields: []notify.FieldError{{Path: "token", Message: why}}}
	}
	return d, nil
}

// parse reads a channel; why says what is wrong with it.
func (a *Adapter) parse(raw string) (c channel, why string) {
	if len(raw) > maxChannel {
		return c, "is longer than a channel can be"
	}
	for i := range len(raw) {
		if raw[i] <= ' ' || raw[i] >= 0x7f {
			return c, "holds a character that no URL can have"
		}
	}
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" || u.Host == "" {
		return c, "must be the channel's URI, as Windows gave it to the app"
	}
	host := strings.ToLower(u.Hostname())
	c = channel{url: u, own: contains(a.cfg.ChannelHosts, host)}
	switch {
	case within(host, retiredDomain):
		return c, "belongs to MPNS, which Microsoft shut down in 2018: the app must ask WNS for a channel"
	case !c.own && !within(host, channelDomain):
		return c, "its host is not one of " + channelDomain
	}
	return c, c.problem(raw)
}

// problem says what is wrong with a channel of an allowed host; empty: nothing.
func (c channel) problem(raw string) string {
	target, port := c.url.RequestURI(), c.url.Port()
	switch {
	case c.url.Scheme != "https":
		return "must be https"
	case c.url.User != nil || strings.Contains(raw, "#"):
		return "has a user name or a fragment in it"
	case !c.own && port != "" && port != "443" || strings.HasSuffix(c.url.Host, ":"):
		return "has a port in it"
	case strings.Trim(target, "/") == "":
		return "names no channel"
	case !strings.HasSuffix(raw, strings.TrimPrefix(target, "/")):
		return "holds characters that must be escaped: it could not be sent as it is"
	}
	return ""
}

// guard gives what the channel is reached through.
func (a *Adapter) guard(c channel) *push.Guard {
	if c.own {
		return a.own
	}
	return a.vendor
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// within tells whether host is domain or below it: never match over the whole URL, which a path can satisfy.
func within(host, domain string) bool {
	return host == domain || strings.HasSuffix(host, "."+domain)
}
