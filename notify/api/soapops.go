package api

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/codec"
	"allim.dev/allim/notify/api/wire"
)

// Operation is one operation of SOAP, for the handler, the WSDL and the tests. It does what a call of the API does.
type Operation struct {
	Name            string         // of the Body's element
	Scopes          []notify.Scope // one of them is needed
	Request, Answer reflect.Type   // structs of package wire

	serve func(a *API, s *soapCall, e codec.Element) (any, error)
}

// Operations is the table of all operations.
func Operations() []Operation {
	return []Operation{
		operation("send", send(), (*API).soapSend),
		operation("sendMany", send(), (*API).soapSendMany),
		operation("getStatus", follow(), (*API).soapGetStatus),
		operation("registerDevice", admin(), (*API).soapRegisterDevice),
	}
}

func operationNames() string {
	var names []string
	for _, o := range Operations() {
		names = append(names, o.Name)
	}
	return strings.Join(names, ", ")
}

// operation makes one of a typed handler. Faults of the handler get the lines of what they name.
func operation[In, Out any](name string, scopes []notify.Scope, h func(*API, *soapCall, *In) (*Out, error)) Operation {
	return Operation{Name: name, Scopes: scopes, Request: reflect.TypeFor[In](), Answer: reflect.TypeFor[Out](),
		serve: func(a *API, s *soapCall, e codec.Element) (any, error) {
			in := new(In)
			if err := a.codec.DecodeElement(e, in); err != nil {
				return nil, err
			}
			out, err := h(a, s, in)
			if err != nil {
				return nil, withLines(err, e)
			}
			return out, nil
		}}
}

// withLines adds to each bad field of an error where it stands.
func withLines(err error, e codec.Element) error {
	return withFields(err, func(f notify.FieldError) notify.FieldError {
		f.Message += fmt.Sprintf(" (line %d)", e.Line(f.Path))
		return f
	})
}

// within says of the bad fields of an error that they are within an element.
func within(err error, element string) error {
	return withFields(err, func(f notify.FieldError) notify.FieldError {
		f.Path = element + "." + f.Path
		return f
	})
}

// withFields changes the bad fields of an error.
func withFields(err error, change func(notify.FieldError) notify.FieldError) error {
	var e *notify.Error
	if !errors.As(err, &e) || len(e.Fields) == 0 {
		return err
	}
	changed := *e
	changed.Fields = mapped(e.Fields, change)
	return &changed
}

func (a *API) soapSend(s *soapCall, in *wire.Send) (*wire.SendResponse, error) {
	key, err := s.idempotencyKey(in.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	n, replayed, err := a.accept(s.call, &in.Notification, key)
	if err != nil {
		return nil, within(err, "notification")
	}
	return &wire.SendResponse{Notification: toAccepted(n), Replayed: replayed}, nil
}

// idempotencyKey takes the key from the message or from the header of HTTP.
func (s *soapCall) idempotencyKey(inBody string) (string, error) {
	inHeader, err := idempotencyKey(s.gin.Request.Header.Values("Idempotency-Key"))
	switch {
	case err != nil || inBody == "":
		return inHeader, err
	case inHeader != "" && inHeader != inBody:
		return "", invalid("the message is not valid", []notify.FieldError{{Path: "idempotencyKey", Message: "is another one than the header Idempotency-Key has"}})
	}
	if _, err := idempotencyKey([]string{inBody}); err != nil {
		return "", invalid("the message is not valid", []notify.FieldError{{Path: "idempotencyKey", Message: fmt.Sprintf("must be 1 to %d ASCII characters", maxIdempotencyKey)}})
	}
	return inBody, nil
}

// maxMany is how many notifications one message may send.
const maxMany = 1000

func (a *API) soapSendMany(s *soapCall, in *wire.SendMany) (*wire.SendManyResponse, error) {
	key, err := s.idempotencyKey(in.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	if n := len(in.Notifications); n == 0 || n > maxMany {
		return nil, invalid("the message is not valid", []notify.FieldError{{Path: "notifications", Message: fmt.Sprintf("must be 1 to %d, and are %d", maxMany, n)}})
	}
	items, err := a.submissions(s, in.Notifications, key)
	if err != nil {
		return nil, err
	}
	accepted, _, err := a.hub.SendAll(s.ctx, notify.Posting{Items: items, By: s.key.ID})
	if err != nil {
		return nil, err
	}
	out := &wire.SendManyResponse{Notifications: make([]wire.Accepted, len(accepted))}
	for i, one := range accepted {
		out.Notifications[i] = toAccepted(one.Notification)
		out.Replayed = out.Replayed || one.Replayed
	}
	return out, nil
}

// submissions makes them of the notifications; the error names all bad fields of all. The key binds each of them to its
// place in the whole message, so that the same key with any other message is a conflict.
func (a *API) submissions(s *soapCall, list []wire.NotificationInput, key string) ([]notify.Submission, error) {
	items := make([]notify.Submission, len(list))
	var faults notify.Faults
	var sum [sha256.Size]byte
	if key != "" {
		sum = sha256.Sum256(a.codec.Encode(codec.JSON, &wire.SendMany{Notifications: list}))
	}
	for i := range list {
		item := &items[i]
		item.Where = indexed("notifications", i)
		err := mayHurry(s.key, &list[i])
		if err == nil {
			item.Notification, err = posted(s.key, &list[i])
		}
		if err != nil {
			faults.Add(*item, err)
		}
		if key != "" { // a tab at the beginning: no key of another call has one there
			item.Idempotency = notify.Idempotency{KeyID: s.key.ID, Key: fmt.Sprintf("\t%s\t%d", key, i), BodyHash: sum[:]}
		}
	}
	return items, faults.Err(len(list))
}

func (a *API) soapGetStatus(s *soapCall, in *wire.GetStatus) (*wire.GetStatusResponse, error) {
	n, err := a.visibleNotification(s.call, in.ID, notify.ScopeRead)
	if err != nil {
		return nil, err
	}
	return &wire.GetStatusResponse{Notification: *a.shown(n)}, nil
}

func (a *API) soapRegisterDevice(s *soapCall, in *wire.RegisterDevice) (*wire.RegisterDeviceResponse, error) {
	if in.User == "" {
		return nil, invalid("the message is not valid", []notify.FieldError{{Path: "user", Message: "is required"}})
	}
	d, created, err := a.registered(s.call, in.User, &in.Device)
	if notify.CodeOf(err) == notify.CodeUnknownUser {
		return nil, &notify.Error{Code: notify.CodeUnknownUser, Fields: []notify.FieldError{{Path: "user", Message: "is not known"}}}
	}
	if err != nil {
		return nil, within(err, "device")
	}
	a.act(s.call, post+" "+SOAPPath+" registerDevice", "/v1/users/"+in.User+"/devices")
	return &wire.RegisterDeviceResponse{Device: d, Created: created}, nil
}
