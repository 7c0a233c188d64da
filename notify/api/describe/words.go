package describe

import (
	"reflect"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/codec"
	"allim.dev/allim/notify/api/wire"
)

// wordsOf gives the words that a field can be; nil: any text.
func wordsOf(f codec.ModelField) []string {
	if w := fieldWords(f.Owner.Name() + "." + f.Go); w != nil {
		return w
	}
	m := f.Model
	for m.Elem != nil {
		m = m.Elem
	}
	return typeWords()[m.Type]
}

// typeWords are the types that are one of a few words.
func typeWords() map[reflect.Type][]string {
	return map[reflect.Type][]string{
		reflect.TypeFor[notify.Platform](): words(notify.APNs, notify.FCM, notify.WNS, notify.WebPush, notify.Webhook),
		reflect.TypeFor[notify.Priority](): words(notify.PriorityHigh, notify.PriorityNormal, notify.PriorityLow),
		reflect.TypeFor[notify.State](): words(notify.StateAwaitingApproval, notify.StateScheduled, notify.StateSending,
			notify.StatePaused, notify.StateDone, notify.StateCancelled),
		reflect.TypeFor[notify.DeliveryState](): words(notify.DeliveryPending, notify.DeliveryAccepted, notify.DeliveryConfirmed,
			notify.DeliveryFailed, notify.DeliveryGone, notify.DeliveryExpired, notify.DeliverySuppressed),
		reflect.TypeFor[notify.DeviceState](): words(notify.DeviceActive, notify.DeviceSuspect, notify.DeviceRetired),
		reflect.TypeFor[notify.HealthState](): words(notify.HealthStarting, notify.HealthWatching, notify.HealthPolling,
			notify.HealthBackoff, notify.HealthAuthFailed, notify.HealthUnreachable),
		reflect.TypeFor[notify.Privacy](): words(notify.PrivacyFull, notify.PrivacySender, notify.PrivacyNone),
		reflect.TypeFor[notify.Say]():     words(notify.SayTell, notify.SayInbox, notify.SayUrgent),
		// ScopeUser is a person's own token's, which no key can have.
		reflect.TypeFor[notify.Scope](): words(notify.KeyScopes()...),
	}
}

// fieldWords are the texts that are one of a few words, by "Type.Field".
func fieldWords(field string) []string {
	switch field {
	case "Receipt.State":
		return words(wire.ReceiptReceived, wire.ReceiptOpened)
	case "DeviceInput.Environment":
		return words[string](notify.Production, notify.Development)
	case "Lane.State":
		return words(notify.LaneOK, notify.LaneThrottled, notify.LaneOpen, notify.LaneMisconfigured, notify.LanePaused)
	case "RoleInput.Role":
		return words("person", string(notify.RoleAuditor), string(notify.RoleOperator), string(notify.RoleAdmin))
	case "Status.Status":
		return words("ok", "degraded", "unready")
	}
	return nil
}

func words[T ~string](list ...T) []string {
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = string(w)
	}
	return out
}
