package imap

import "strings"

// capabilities are what a server offers; equal ones are shared between accounts.
type capabilities struct {
	idle, saslIR, startTLS, loginDisabled, specialUse, listExtended, id bool

	plain, xoauth2, oauthBearer bool
}

func parseCapabilities(s string) *capabilities {
	var c capabilities
	for _, word := range strings.Fields(strings.ToUpper(s)) {
		switch word {
		case "IDLE":
			c.idle = true
		case "SASL-IR":
			c.saslIR = true
		case "STARTTLS":
			c.startTLS = true
		case "LOGINDISABLED":
			c.loginDisabled = true
		case "SPECIAL-USE":
			c.specialUse = true
		case "ID":
			c.id = true
		case "LIST-EXTENDED":
			c.listExtended = true
		case "IMAP4REV2": // RFC 9051 contains these
			c.idle, c.saslIR, c.listExtended, c.specialUse = true, true, true, true
		case "AUTH=PLAIN":
			c.plain = true
		case "AUTH=XOAUTH2":
			c.xoauth2 = true
		case "AUTH=OAUTHBEARER":
			c.oauthBearer = true
		}
	}
	return &c
}
