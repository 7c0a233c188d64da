package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// sign makes the value of Allim-Signature: "t=SECONDS,v1=HEX", the seconds since 1970 and the HMAC-SHA256 (RFC 2104) of
// "SECONDS.BODY", one v1 for each secret that is not empty. A receiver takes it when one v1 is right and the time is
// within five minutes of its own.
func sign(now time.Time, body []byte, secrets ...string) string {
	at := strconv.FormatInt(now.Unix(), 10)
	var b strings.Builder
	b.WriteString("t=" + at)
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(at + "."))
		mac.Write(body)
		b.WriteString(",v1=" + hex.EncodeToString(mac.Sum(nil)))
	}
	return b.String()
}
