package sqlite

import (
	"context"
	"math"
	"strings"

	"allim.dev/allim/notify"
)

const (
	sqlWordsOf = `lower(coalesce(n.doc->>'$.title','')||' '||coalesce(n.doc->>'$.body','')||' '||coalesce(n.doc->>'$.params.subject','')||' '||
		coalesce(n.doc->>'$.params.fromName','')||' '||coalesce(n.doc->>'$.params.from','')||' '||coalesce(n.doc->>'$.params.title',''))`
	sqlRecent = `SELECT items.seq, ` + sqlNotificationColumns + ` FROM (` + sqlItems + `) items CROSS JOIN notifications n ON n.seq=items.notification
		WHERE items.seq<?4 AND (?5='' OR instr(` + sqlWordsOf + `, ?5)>0) ORDER BY items.seq DESC LIMIT ?6`
)

// Recent implements notify.RecentStore.
func (s *Store) Recent(ctx context.Context, user string, before int64, text string, limit int) ([]notify.InboxItem, error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	return read(ctx, s, "read inbox", func(q querier) ([]notify.InboxItem, error) {
		var key, joined, end, floor int64
		if err := q.row(sqlReader, user).Scan(&key, &joined, &end, &floor); err != nil {
			return nil, missing(err, notify.CodeUnknownUser, "there is no user %q", user)
		}
		return collect(q, scanItem, sqlRecent, key, joined, 0, before, strings.ToLower(text), limit)
	})
}
