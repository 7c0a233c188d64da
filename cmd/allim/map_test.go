package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/text/encoding/korean"

	"allim.dev/allim/notify/api/wire"
)

const erpMapping = `mappings:
  - id: erp
    namespaces: {o: "urn:erp:order"}
    each: "//o:Order"
    vars: {no: "@no", owner: "o:Owner/@id", amount: "number(o:Amount)"}
    when: "amount > 1000000"
    notification:
      to: {identities: [{kind: employee, value: "{{.owner}}"}]}
      title: "주문 {{.no}} 승인"
    idempotency: "{{.no}}"
`

func documentFile(t *testing.T, text string) string {
	t.Helper()
	raw, err := korean.EUCKR.NewEncoder().String(`<?xml version="1.0" encoding="EUC-KR"?>` + "\n" + text)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "orders.xml")
	if err := os.WriteFile(name, []byte(raw), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestMapTry applies a mapping of a file, without a hub.
func TestMapTry(t *testing.T) {
	conf := configFile(t, erpMapping)
	doc := documentFile(t, `<l xmlns="urn:erp:order"><Order no="가1"><Owner id="E1001"/><Amount>2000000</Amount></Order>`+
		`<Order no="가2"><Owner id="E1002"/><Amount>2</Amount></Order></l>`)
	contains(t, must(t, "map", "try", "erp", doc, "-c", conf), "match[0]", "employee:e1001", "주문 가1 승인")
	got := inJSON[wire.Trial](t, "map", "try", "erp", doc, "-c", conf)
	if len(got.Notifications) != 1 || got.Notifications[0].Title != "주문 가1 승인" || got.Notifications[0].Idempotency != "가1" {
		t.Errorf("%+v", got)
	}
	refused(t, 1, `has no mapping "nope"; it has: erp`, "map", "try", "nope", doc, "-c", conf)
	refused(t, 1, "its outermost element is \"x\"", "map", "try", "erp", documentFile(t, "<x/>"), "-c", conf)
	refused(t, 1, "would send nothing", "map", "try", "erp", documentFile(t, "<Order xmlns='urn:erp:order'/>"), "-c", conf)
	refused(t, 1, "line 2, column", "map", "try", "erp", documentFile(t, "<x>"), "-c", conf)
	refused(t, 1, "cannot be read", "map", "try", "erp", doc+".no", "-c", conf)
	refused(t, 2, "accepts 2 arg", "map", "try", "erp", "-c", conf)
}

// TestCheckOfMappings: every mistake of a mapping is told at its place in the file.
func TestCheckOfMappings(t *testing.T) {
	bad := configFile(t, `mappings:
  - id: erp
    namespaces: {o: "urn:erp:order"}
    each: "//o:Order["
    vars:
      no: "@no"
      owner: "x:Owner/@id"
    when: "amount > 1000000"
    notification:
      to: {identities: [{kind: employee, value: "{{.owner}}"}]}
      title: "주문 {{.number}} 승인"
      body: |
        한 줄
        {{.no
      colour: red
  - id: erp
    notification: {to: {users: [kim]}, title: a, urgent: maybe}
`)
	o := allim(t, "check", "-c", bad)
	want := []string{`line 16, column 7: unknown key "colour" in mappings[0].notification`, "line 17, column 5: mappings[1].id: is the id of mappings[0] too",
		"line 18, column 50: mappings[1].notification.urgent: must be true or false"}
	for _, w := range want {
		if !strings.Contains(o.errOut, bad+": "+w) {
			t.Errorf("not told: %s\n%s", w, o.errOut)
		}
	}
	text, err := os.ReadFile(bad)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bad, []byte(strings.Replace(string(text), "      colour: red\n", "", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	o = allim(t, "check", "-c", bad)
	for _, w := range []string{"line 5, column 5: mappings[0].each: is not a valid XPath", "line 8, column 7: mappings[0].vars.owner: is not a valid XPath: prefix x not defined",
		"line 9, column 5: mappings[0].when: is not a valid condition: unknown name amount", `line 12, column 7: mappings[0].notification.title: there is no variable "number"; there are: no, owner`,
		"line 13, column 7: mappings[0].notification.body: unclosed action"} {
		if !strings.Contains(o.errOut, bad+": "+w) {
			t.Errorf("not told: %s\n%s", w, o.errOut)
		}
	}
	if o.status != 1 {
		t.Error("exit status", o.status)
	}
}
