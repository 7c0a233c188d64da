package web

import (
	"html/template"
	"strings"

	"allim.dev/allim/notify"
)

// tab is one part of the console.
type tab struct {
	Path, Text string
	role       notify.Role
}

func tabs() []tab {
	return []tab{
		{"/admin", "c.overview", notify.RoleAuditor}, {"/admin/users", "c.users", notify.RoleAuditor}, {"/admin/topics", "c.topics", notify.RoleAuditor},
		{"/admin/sources", "c.sources", notify.RoleAuditor}, {"/admin/send", "c.send", notify.RoleOperator},
		{"/admin/notifications", "c.history", notify.RoleAuditor}, {"/admin/dead", "c.dead", notify.RoleAuditor},
		{"/admin/trace", "c.trace", notify.RoleAuditor}, {"/admin/keys", "c.keys", notify.RoleAdmin}, {"/admin/audit", "c.audit", notify.RoleAuditor},
	}
}

// Console tells whether the page is one of the console, for somebody who may see it.
func (w view) Console() bool {
	return strings.HasPrefix(w.Path, "/admin") && w.Has(string(notify.RoleAuditor))
}

// Tabs gives the parts of the console that who looks may see.
func (w view) Tabs() (out []tab) {
	for _, t := range tabs() {
		if w.Has(string(t.role)) {
			out = append(out, t)
		}
	}
	return out
}

// Tab gives the path of the part that is open.
func (w view) Tab() string {
	path, _, _ := strings.Cut(w.Path, "?")
	best := "/admin"
	for _, t := range tabs() {
		if t.Path != "/admin" && (path == t.Path || strings.HasPrefix(path, t.Path+"/")) {
			best = t.Path
		}
	}
	return best
}

// safeImage marks a picture that was made here as one that may stand in a page.
func safeImage(s string) template.URL { return template.URL(s) }
