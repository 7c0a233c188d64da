package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"allim.dev/allim/notify/api/wire"
)

// soapOutcome is what npm's soap gave for a call.
type soapOutcome struct {
	Answer struct {
		Notification struct {
			ID, State, Title string
			Counts           struct{ Targeted any }
		}
		Notifications struct {
			Notification []struct{ ID string }
		}
		Replayed any
		Created  any
		Device   struct{ ID, User, Name string }
	}
	Fault *struct {
		Faultcode, Faultstring string // 1.1
		Code                   struct {
			Value   any
			Subcode struct{ Value any }
		}
		Detail struct{ Problem soapProblem }
	}
	Status int
	Said   string
	Asked  string
	Error  string
}

type soapProblem struct {
	Code   string
	Errors struct {
		I struct{ Path, Message string }
	}
}

// TestUnmodifiedSOAP: the client library soap of npm reads the WSDL, sends, asks, registers a device and reads faults, in
// both versions of SOAP and with each way to bring a key.
func TestUnmodifiedSOAP(t *testing.T) {
	h := newOldHouse(t)
	h.must(http.MethodPut, "/v1/users/kim", wire.UserInput{Identities: []wire.Identity{{Kind: "employee", Value: "E1001"}}}, nil)
	var raw map[string]struct {
		Operations json.RawMessage
		Sent, Again, Many, Status, Nobody,
		Refused, Device, WrongKey, NotUnderstood json.RawMessage
	}
	outside(t, &raw, "soap.js", h.url(), h.send, h.key)
	schema := schemaFiles(t, h.hub)
	for way, r := range raw {
		t.Run(way, func(t *testing.T) {
			s := &soapRun{t: t, way: way, schema: schema}
			for _, name := range []string{"send", "sendMany", "getStatus", "registerDevice"} {
				if !strings.Contains(string(r.Operations), `"`+name+`"`) {
					t.Errorf("the library found no %s: %s", name, r.Operations)
				}
			}
			sent, again, many, status := s.read("send", r.Sent), s.read("send", r.Again), s.read("sendMany", r.Many), s.read("getStatus", r.Status)
			id := sent.Answer.Notification.ID
			if id == "" || again.Answer.Notification.ID != id || fmt.Sprint(again.Answer.Replayed) != "true" || len(many.Answer.Notifications.Notification) != 2 {
				t.Errorf("sent %+v, again %+v, many %+v", sent, again, many)
			}
			if n := status.Answer.Notification; n.ID != id || !strings.HasPrefix(n.Title, "Order") || n.Counts.Targeted == nil {
				t.Errorf("status %+v", status)
			}
			if d := s.read("registerDevice", r.Device); d.Answer.Device.User != "kim" || d.Answer.Device.ID == "" || d.Answer.Created == nil {
				t.Errorf("device %+v", d)
			}
			s.fault("an unknown person", r.Nobody, "unknown-user", 400)
			s.fault("another scope", r.Refused, "forbidden", 400)
			s.fault("a wrong key", r.WrongKey, "unauthenticated", 401)
			if n := s.read("", r.NotUnderstood); n.Fault == nil || n.Status != 500 || !strings.Contains(n.Said, "soap:MustUnderstand<") {
				t.Errorf("not understood: %+v", n)
			}
		})
	}
	for _, title := range []string{"Order 1.1", "Order 1.2", "Order wsse", "Order 1.1 b"} {
		h.pushed(title)
	}
}

// soapRun is one way of calling.
type soapRun struct {
	t      *testing.T
	way    string
	schema string
}

var inSOAPBody = regexp.MustCompile(`(?s)<soap:Body[^>]*>(.*)</soap:Body>`)

// read takes what the script printed of a call that should work, and holds both messages against the schema.
func (s *soapRun) read(operation string, raw json.RawMessage) (o soapOutcome) {
	s.t.Helper()
	if err := json.Unmarshal(raw, &o); err != nil {
		s.t.Fatalf("%s: %v in %s", operation, err, raw)
	}
	if operation == "" {
		return o
	}
	for what, message := range map[string]string{"asked": o.Asked, "said": o.Said} {
		m := inSOAPBody.FindStringSubmatch(message)
		if m == nil {
			s.t.Errorf("%s %s: no Body in %s", operation, what, raw)
			continue
		}
		file := filepath.Join(s.t.TempDir(), "body.xml")
		if err := os.WriteFile(file, []byte(m[1]), 0o600); err != nil {
			s.t.Fatal(err)
		}
		if out, err := exec.CommandContext(s.t.Context(), "xmllint", "--noout", "--nonet", "--schema", s.schema, file).CombinedOutput(); err != nil {
			s.t.Errorf("%s %s: %v\n%s\n%s", operation, what, err, out, m[1])
		}
	}
	return o
}

// fault sees that the library found the problem; status is that of SOAP 1.2.
func (s *soapRun) fault(what string, raw json.RawMessage, code string, status int) {
	s.t.Helper()
	o := s.read("", raw)
	if s.way != "v12" && status != http.StatusUnauthorized {
		status = http.StatusInternalServerError
	}
	if o.Fault == nil || o.Fault.Detail.Problem.Code != code || o.Status != status {
		s.t.Errorf("%s: want %s with %d, got %s", what, code, status, raw)
		return
	}
	if at := o.Fault.Detail.Problem.Errors.I; code == "unknown-user" && (at.Path != "notification.to.users[1]" || !strings.Contains(at.Message, "(line 1)")) {
		s.t.Errorf("%s: %+v", what, at)
	}
}

// schemaFiles saves the hub's schemas and gives the name of the first.
func schemaFiles(t *testing.T, h *hub) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"allim.xsd", "problem.xsd"} {
		res, err := h.http.Get(h.url() + "/schemas/" + name)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		if err = errors.Join(err, res.Body.Close()); err != nil || res.StatusCode != http.StatusOK {
			t.Fatal(name, res.StatusCode, err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "allim.xsd")
}
