package api

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/codec"
)

// serveWSDL answers GET /soap?wsdl. It needs no key: what it says is the same on every hub, but for the address.
func (a *API) serveWSDL(g *gin.Context) {
	c := callOf(g)
	c.route, c.form = get+" "+SOAPPath, codec.XML
	switch strings.ToLower(g.Request.URL.RawQuery) {
	case "", "wsdl", "wsdl=", "singlewsdl": // the last one is .NET's
	default:
		a.fail(c, notify.Errorf(notify.CodeInvalid, "the only thing to get here is %s?wsdl", SOAPPath))
		return
	}
	all, err := a.documents()
	if err != nil {
		a.fail(c, err)
		return
	}
	c.header("Cache-Control", "no-store") // the address may be that of this request
	g.Data(http.StatusOK, "text/xml; charset=utf-8", all.wsdl(a.soapAddress(g.Request)))
}

// soapAddress is where the operations are posted: below the configured address of the hub, else where it was asked for.
func (a *API) soapAddress(r *http.Request) string {
	if a.soapURL != "" {
		return strings.TrimRight(a.soapURL, "/") + SOAPPath
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host + SOAPPath
}
