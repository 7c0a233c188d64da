package notifytest

import (
	"fmt"
	"reflect"

	"allim.dev/allim/notify"
)

// Section is a notify.Section whose content is a function that fills in the settings, for tests that need no file.
type Section[T any] func(into *T)

// Decode implements notify.Section.
func (s Section[T]) Decode(into any) error {
	t, ok := into.(*T)
	if !ok {
		return fmt.Errorf("the settings are a %s, not a %T", reflect.TypeFor[*T](), into)
	}
	if s != nil {
		s(t)
	}
	return nil
}

// Errorf implements notify.Section: the key stands before the message.
func (s Section[T]) Errorf(key, format string, args ...any) error {
	return fmt.Errorf(key+": "+format, args...)
}

// ConnectorEnv is what a connector is made of in tests: a source with the given settings.
func ConnectorEnv[T any](kind string, clock notify.Clock, fill func(into *T)) notify.ConnectorEnv {
	return notify.ConnectorEnv{Clock: clock, Log: Quiet(),
		Source: notify.SourceConfig{ID: "test-" + kind, Kind: kind, Privacy: notify.PrivacyFull, Section: Section[T](fill)}}
}
