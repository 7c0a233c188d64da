package web

import "strings"

// What servers and networks say of a failure, and what that means in plain words. The first that is in the error holds.
var failures = []struct {
	key   string // of the phrase
	words []string
}{
	{"plain.certificate", []string{"x509", "certificate", "tls: ", "handshake"}},
	{"plain.refused", []string{"connection refused"}},
	{"plain.name", []string{"no such host", "server misbehaving"}},
	{"plain.slow", []string{"timeout", "timed out", "deadline exceeded", "did not answer", "does not answer", "no answer in time"}},
	{"plain.route", []string{"no route to host", "network is unreachable"}},
	{"plain.many", []string{"too many", "maximum number", "throttl", "[limit]", "[inuse]", "429"}},
	{"plain.login", []string{"authenticationfailed", "authentication failed", "login failed", "invalid credentials", "refused the login", "refuses the login", "wrong password",
		"no password", "401", "unauthorized", "authorizationfailed"}},
	{"plain.forbidden", []string{"403", "forbidden"}},
	{"plain.gone", []string{"404", "410", "not found"}},
	{"plain.server", []string{"500", "502", "503", "504", "internal server error", "bad gateway", "unavailable"}},
	{"plain.cut", []string{"eof", "reset by peer", "broken pipe", "closed"}},
}

// plain says what an error of a server means and what to do; empty: nothing more is known than the error itself.
func plain(lang, err string) string {
	low := strings.ToLower(err)
	for _, f := range failures {
		for _, w := range f.words {
			if has(low, w) {
				return text(lang, f.key)
			}
		}
	}
	return ""
}

// has finds a word in an error; a number only by itself, not within another one.
func has(s, word string) bool {
	for at := 0; ; {
		i := strings.Index(s[at:], word)
		if i < 0 {
			return false
		}
		at += i
		end := at + len(word)
		if !digit(word, 0) || !digit(s, at-1) && !digit(s, end) {
			return true
		}
		at = end
	}
}

func digit(s string, i int) bool { return i >= 0 && i < len(s) && s[i] >= '0' && s[i] <= '9' }

// Plain is plain for a page.
func (w view) Plain(err string) string { return plain(w.Lang, err) }
