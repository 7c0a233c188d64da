package app

import (
	"net/http"
	"time"

	"allim.dev/allim/configs"
	"allim.dev/allim/notify/web"
)

// ssoTimeout is how long one request to the single sign-on may take.
const ssoTimeout = 15 * time.Second

// pages puts the people's page and the console before the API.
func (a *App) pages(c *configs.Config) (http.Handler, error) {
	sso := c.Web.OIDC
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = c.Outgoing.Notify().Proxy
	transport.DisableKeepAlives = true // a sign-in now and then
	return web.New(web.Options{Hub: a.hub, Store: a.store, API: a.api, Clock: a.clock, Log: a.log, PublicURL: a.PublicURL(),
		ApproveBroadcasts: c.Web.ApproveBroadcasts, TrustedProxies: c.TrustedProxies, Next: a.api,
		OIDC: web.OIDC{Issuer: sso.Issuer, ClientID: sso.ClientID, ClientSecret: sso.ClientSecret, Claim: sso.Claim, Identity: sso.Identity,
			TrustEmail: sso.TrustEmail, Client: &http.Client{Timeout: ssoTimeout, Transport: transport}}})
}
