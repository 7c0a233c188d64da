package e2e

import (
	"net/http"
	"strings"
	"testing"

	"allim.dev/allim/notify/api/wire"
)

const approvalTemplate = `templates:
  - id: approval
    params: [no]
    optional: [amount]
    words:
      ko: {title: "결재 {no}", body: ["{amount}원", "금액 미정"]}
      en: {title: "Approval {no}", body: ["{amount} won", "no amount"]}
mappings:
  - id: erp
    each: //o
    vars: {no: "@no"}
    notification: {to: {users: [kim, lee]}, template: approval, params: {no: "{{.no}}"}}
`

// TestTemplates: a template of the configuration is told in each person's language, whether it comes from the API or from
// a mapping; what it lacks is an error when it is posted, and when the configuration is read.
func TestTemplates(t *testing.T) {
	h := newHub(t, checked(t), approvalTemplate)
	h.start()
	tokens := map[string]string{}
	for user, locale := range map[string]string{"kim": "ko-KR", "lee": "fr-FR"} {
		h.must(http.MethodPut, "/v1/users/"+user, wire.UserInput{Locale: locale}, nil)
		var made wire.Token
		h.must(http.MethodPost, "/v1/users/"+user+"/tokens", nil, &made)
		tokens[user] = made.Token
	}
	if status, text := h.post(t, "/v1/notifications", "application/json", `{"to":{"all":true},"template":"approval","params":{"amount":"3"}}`); status != 400 ||
		!strings.Contains(text, "params.no") {
		t.Errorf("%d %s", status, text)
	}
	if status, text := h.post(t, "/v1/notifications", "application/xml", `<notification><to><all>true</all></to><template>approval</template>
		<params><entry key="no">7</entry><entry key="amount">3</entry></params></notification>`); status != 202 {
		t.Errorf("%d %s", status, text)
	}
	if status, text := h.post(t, "/v1/ingest/erp", "text/xml", `<o no="8"/>`); status != 202 || !strings.Contains(text, "<ingested") {
		t.Errorf("%d %s", status, text)
	}
	for user, want := range map[string]string{"kim": "결재 7|3원 결재 8|금액 미정", "lee": "Approval 7|3 won Approval 8|no amount"} {
		items, err := h.inbox(tokens[user])
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, i := range items {
			told = append(told, i.Title+"|"+i.Body)
		}
		if got := strings.Join(told, " "); got != want {
			t.Errorf("%s was told %q, want %q", user, got, want)
		}
	}
	h.configure(strings.NewReplacer("결재 {no}", "결재 {number}", `{no: "{{.no}}"}`, "{nr: a}").Replace(approvalTemplate))
	_, errText, code := h.try("check", "-c", h.conf())
	for _, want := range []string{"line 9, column 12: templates[0].words.ko.title: there is no param \"number\"", "mappings[0].notification.template"} {
		if code != 1 || !strings.Contains(errText, want) {
			t.Errorf("%d %s, want %s", code, errText, want)
		}
	}
}
