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

// Steps implements WalkStore.
func (s templated) Steps(ctx context.Context, walks []int64) (map[int64]Step, error) {
	steps, err := s.Store.Steps(ctx, walks)
	for walk, step := range steps {
		step.Notification.Words = s.words
		steps[walk] = step
	}
	return steps, err
}

// Inbox implements InboxStore.
func (s templated) Inbox(ctx context.Context, user string, after Cursor, limit int) (InboxPage, error) {
	page, err := s.Store.Inbox(ctx, user, after, limit)
	for i := range page.Items {
		page.Items[i].Notification.Words = s.words
	}
	return page, err
}
