package docmap

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"
	"time"
	"unicode/utf8"
)

// functions are what templates may call beside text/template's own.
func functions() template.FuncMap {
	return template.FuncMap{
		"trim":    strings.TrimSpace,
		"upper":   strings.ToUpper,
		"lower":   strings.ToLower,
		"replace": func(old, new, s string) string { return strings.ReplaceAll(s, old, new) },
		"default": func(other, v any) any {
			if s := fmt.Sprint(v); s == "" || s == "NaN" {
				return other
			}
			return v
		},
		"cut":   cut,
		"comma": comma,
		"date":  date,
	}
}

// cut keeps the first n characters, the last of them an ellipsis when something was left out.
func cut(n int, s string) string {
	if n < 1 || utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// comma groups the digits before the point by three: 1500000 is 1,500,000.
func comma(v any) string {
	s := fmt.Sprint(v)
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	whole, rest, point := strings.Cut(s, ".")
	if strings.Trim(whole, "0123456789") != "" {
		return sign + s
	}
	var b strings.Builder
	for i, c := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	if point {
		b.WriteString("." + rest)
	}
	return sign + b.String()
}

// date reads a time by a layout of Go's time package, in a zone, and writes it as RFC 3339: for sendAt.
func date(layout, zone, s string) (string, error) {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return "", fmt.Errorf("there is no time zone %q", zone)
	}
	t, err := time.ParseInLocation(layout, strings.TrimSpace(s), loc)
	if err != nil {
		return "", fmt.Errorf("the time is not of the form %q", layout)
	}
	return t.Format(time.RFC3339), nil
}

func listed(names map[string]any) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(names)), ", ")
}
