package configs

import (
	"fmt"
	"slices"
	"strings"
)

// unknown says that name is not one of the known ones, with the nearest of them, or all of them when none is near.
func unknown(what, name, where string, known []string) string {
	text := fmt.Sprintf("unknown %s %q", what, name)
	if where != "" {
		text += " in " + where
	}
	if near := nearest(name, known); near != "" {
		return fmt.Sprintf("%s; did you mean %q?", text, near)
	}
	if len(known) == 0 {
		return text
	}
	known = slices.Clone(known)
	slices.Sort(known)
	return text + "; known are: " + strings.Join(known, ", ")
}

// nearest gives the known word that name was probably meant to be; empty when none is close enough: one wrong letter in
// three.
func nearest(name string, known []string) string {
	best, least := "", max(1, len(name)/3)+1
	for _, k := range known {
		if d := distance(strings.ToLower(name), k); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance counts the letters to add, drop, replace or swap with their neighbour to make a into b.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 { // no key is that long
		return len(a) + len(b)
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
