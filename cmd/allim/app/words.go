package app

import (
	"strconv"
	"strings"
	"time"
)

// oneLine makes a text fit a table's line.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// days says roughly how long: "1 day", "12 days", "less than a day".
func days(d time.Duration) string {
	switch n := int(d / (24 * time.Hour)); n {
	case 0:
		return "less than a day"
	case 1:
		return "1 day"
	default:
		return strconv.Itoa(n) + " days"
	}
}
