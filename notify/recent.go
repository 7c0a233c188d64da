package notify

import "context"

// RecentStore reads inboxes from their end.
type RecentStore interface {
	// Recent gives the person's items before a number (0: from the end), newest first, at most limit, whose words hold text
	// (empty: all; letters of the Latin alphabet match in both cases). Expired ones are there, too. CodeUnknownUser.
	Recent(ctx context.Context, user string, before int64, text string, limit int) ([]InboxItem, error)
}
