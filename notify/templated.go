package notify

import "context"

// WithTemplates gives a store whose notifications, as they are read to be shown, know the configuration's words.
func WithTemplates(s Store, t *Templates) Store { return templated{s, t} }

type templated struct {
	Store
	words *Templates
}

// Notification implements NotificationStore.
func (s templated) Notification(ctx context.Context, id string) (Notification, error) {
	n, err := s.Store.Notification(ctx, id)
	n.Words = s.words
	return n, err
}

// Inbox implements InboxStore.
func (s templated) Inbox(ctx context.Context, user string, after Cursor, limit int) (InboxPage, error) {
	page, err := s.Store.Inbox(ctx, user, after, limit)
	for i := range page.Items {
		page.Items[i].Notification.Words = s.words
	}
	return page, err
}
