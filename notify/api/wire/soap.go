package wire

// The bodies of the SOAP operations: each is an element that holds what the call of the same meaning has.

// Send is the operation that sends one notification.
type Send struct {
	// IdempotencyKey names this request, 1 to 255 ASCII characters: a repeat of it within a day sends nothing. The header
	// Idempotency-Key does the same.
	IdempotencyKey string            `json:"idempotencyKey,omitempty"`
	Notification   NotificationInput `json:"notification"`
}

// SendResponse is the answer to Send.
type SendResponse struct {
	Notification Accepted `json:"notification"`
	Replayed     bool     `json:"replayed,omitempty"` // it had been accepted before
}

// SendMany is the operation that sends up to 1,000 notifications, all of them or none.
type SendMany struct {
	// IdempotencyKey names this request, 1 to 255 ASCII characters: a repeat of it within a day sends nothing.
	IdempotencyKey string              `json:"idempotencyKey,omitempty"`
	Notifications  []NotificationInput `json:"notifications"`
}

// SendManyResponse is the answer to SendMany, in its order.
type SendManyResponse struct {
	Notifications []Accepted `json:"notifications"`
	Replayed      bool       `json:"replayed,omitempty"` // they had been accepted before
}

// GetStatus is the operation that asks how far a notification is.
type GetStatus struct {
	ID string `json:"id"` // of the notification
}

// GetStatusResponse is the answer to GetStatus.
type GetStatusResponse struct {
	Notification Notification `json:"notification"`
}

// RegisterDevice is the operation that registers a device of a person.
type RegisterDevice struct {
	User   string      `json:"user"` // the person's id
	Device DeviceInput `json:"device"`
}

// RegisterDeviceResponse is the answer to RegisterDevice.
type RegisterDeviceResponse struct {
	Device  Device `json:"device"`
	Created bool   `json:"created"` // false: the device was known, and is updated
}
