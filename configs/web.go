package configs

import "net/url"

// Web is the people's page and the console.
type Web struct {
	OIDC OIDC `yaml:"oidc"`
	// ApproveBroadcasts: what is sent to everybody, from the console or by a key without the scope broadcast, waits for a
	// second person's word.
	ApproveBroadcasts bool `yaml:"approve_broadcasts"`
}

// OIDC is the organisation's single sign-on (OpenID Connect).
type OIDC struct {
	Issuer       string `yaml:"issuer"` // empty: none
	ClientID     string `yaml:"client_id"`
	ClientSecret string `yaml:"client_secret"`
	// Claim of the ID token that names the person, and the kind of identity that it is.
	Claim    string `yaml:"claim"`
	Identity string `yaml:"identity"`
	// TrustEmail takes an e-mail address of which the provider does not say whether it verified it.
	TrustEmail bool `yaml:"trust_email"`
}

// Enabled tells whether there is a provider.
func (o OIDC) Enabled() bool { return o.Issuer != "" }

func (c *checks) oidc(at *Section, o OIDC) {
	if !o.Enabled() {
		if o.ClientID != "" || o.ClientSecret != "" {
			c.add(at, "web.oidc.issuer", "is required")
		}
		return
	}
	u, err := url.Parse(o.Issuer)
	if err != nil || u.Host == "" || (u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname()))) {
		c.add(at, "web.oidc.issuer", "must be an https:// URL")
	}
	if o.ClientID == "" {
		c.add(at, "web.oidc.client_id", "is required")
	}
	if o.Claim == "" || o.Identity == "" {
		c.add(at, "web.oidc", "needs claim and identity")
	}
}

func loopback(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }
