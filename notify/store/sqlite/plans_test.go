package sqlite

import (
	"context"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// spy tells, when it is closed, which statements were prepared on its connections.
type spy struct {
	*Store
	seen map[string]bool
}

func (s spy) Close() error {
	_ = s.w.submit(context.Background(), newJob(func(t *tx) error {
		for q := range t.stmts {
			s.seen[q] = true
		}
		return nil
	}))
	for range s.r.size {
		select {
		case c := <-s.r.idle:
			if c != nil {
				for q := range c.stmts {
					s.seen[q] = true
				}
			}
			s.r.idle <- c
		default: // closed by the test
		}
	}
	return s.Store.Close()
}

// mayScan are the statements that read a table from its beginning: it is small, or they stop early.
func mayScan() map[string]string {
	return map[string]string{
		sqlLaneStates: "a handful", sqlKeys: "API keys are few", sqlNewestSending: "only open walks", sqlUnplanned: "only unplanned events",
		sqlOldEvents: "stops at the limit", sqlOldTold: "stops at the limit", sqlOldMoves: "stops at the limit", sqlOldAnswers: "stops at the limit",
		sqlOldNotices: "stops at the first that is young", sqlNextReminder: "stops at the first",
		sqlPeople: "counts in the smallest index", sqlAllDevices: "a handful", sqlLanesOn: "a handful",
	}
}

// mustNotSort are the statements that give a page of something big in its order.
func mustNotSort() []string {
	return []string{sqlNextAll, sqlNextMany, sqlNextSmall, sqlReady, sqlDueRetries, sqlNextRetry, sqlDead, sqlNewest, sqlNewestRare, sqlRows,
		sqlDevices, sqlUsers, sqlAccounts, sqlAccountsOf, sqlTopics, sqlFindID, sqlFindName, sqlFindIdentity, sqlFindTopics, sqlActs, sqlMarksAfter, sqlDueReminders}
}

// checkPlans: no statement that was seen walks through a table that grows, except those that are named.
func checkPlans(t *testing.T, seen map[string]bool) {
	t.Helper()
	for _, q := range append(slices.Collect(maps.Keys(mayScan())), mustNotSort()...) {
		if !seen[q] {
			t.Errorf("the contract's tests do not use %s", oneLine(q))
		}
	}
	s := opened(t)
	for q := range seen {
		if transactional.MatchString(q) {
			continue
		}
		for _, step := range plan(t, s, q) {
			if scansTable(step) && mayScan()[q] == "" {
				t.Errorf("%s: %s", step, oneLine(q))
			}
			if strings.HasSuffix(step, "devices_lane (lane=?)") && q != sqlAllTargets { // there for a few devices only
				t.Errorf("%s: %s", step, oneLine(q))
			}
			if strings.Contains(step, "TEMP B-TREE") && slices.Contains(mustNotSort(), q) {
				t.Errorf("%s: %s", step, oneLine(q))
			}
		}
	}
	if len(seen) < 100 {
		t.Errorf("only %d statements were seen", len(seen))
	}
}

func oneLine(query string) string { return strings.Join(strings.Fields(query), " ") }

// scansTable tells whether a step reads a whole table, and not the result of a sub-query.
func scansTable(step string) bool {
	what, ok := strings.CutPrefix(step, "SCAN ")
	return ok && !strings.HasSuffix(what, "-ROW VALUES CLAUSE") && !slices.ContainsFunc([]string{"CONSTANT ROW", "who", "zones", "json_each", "picked", "items", "(subquery", "sqlite_sequence"},
		func(result string) bool { return strings.HasPrefix(what, result) })
}

var transactional = regexp.MustCompile(`^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)`)

// plan gives the steps in which SQLite would run the query.
func plan(t *testing.T, s *Store, query string) []string {
	t.Helper()
	lines, err := write(t.Context(), s, "explain", func(x *tx) ([]string, error) {
		return collect(x, func(r scanner) (line string, err error) {
			var id, parent, unused int
			err = r.Scan(&id, &parent, &unused, &line)
			return line, err
		}, "EXPLAIN QUERY PLAN "+query, make([]any, 200)...)
	})
	if err != nil {
		t.Errorf("%s: %v: %v", query, err, errors.Unwrap(err))
	}
	return lines
}
