package ical

import "time"

// civilDay is one day of the Gregorian calendar.
type civilDay struct {
	n           int // days since 1970-01-01
	year, month int
	mday, yday  int // from 1
	monthLen    int
	yearLen     int
	wday        time.Weekday
	yearStart   int // n of January 1
}

const secondsPerDay = 86400

// dayNumber gives the days since 1970-01-01; months and days out of range are carried over.
func dayNumber(year, month, mday int) int {
	return floorDiv(int(time.Date(year, time.Month(month), mday, 0, 0, 0, 0, time.UTC).Unix()), secondsPerDay)
}

func dayOf(n int) civilDay {
	t := time.Unix(int64(n)*secondsPerDay, 0).UTC()
	y, m, d := t.Date()
	c := civilDay{n: n, year: y, month: int(m), mday: d, yday: t.YearDay(), wday: t.Weekday(), yearLen: yearLen(y), monthLen: monthLen(y, int(m))}
	c.yearStart = n - c.yday + 1
	return c
}

// next gives the day after, quicker than dayOf.
func (c civilDay) next() civilDay {
	c.n++
	c.wday = (c.wday + 1) % 7
	c.mday++
	c.yday++
	if c.mday > c.monthLen {
		c.mday = 1
		c.month++
		if c.month > 12 {
			c.month, c.year, c.yday, c.yearStart = 1, c.year+1, 1, c.n
			c.yearLen = yearLen(c.year)
		}
		c.monthLen = monthLen(c.year, c.month)
	}
	return c
}

func leap(y int) bool { return y%4 == 0 && (y%100 != 0 || y%400 == 0) }

func yearLen(y int) int {
	if leap(y) {
		return 366
	}
	return 365
}

func monthLen(y, m int) int {
	switch m {
	case 2:
		return yearLen(y) - 337
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

func floorDiv(a, b int) int {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

// week gives a day's week number and how many weeks that week's year has. Weeks begin on wkst and belong to the year in which
// they have at least four days (RFC 5545 section 3.3.10, BYWEEKNO; ISO 8601 with Monday).
func (c civilDay) week(wkst time.Weekday) (number, weeks int) {
	begin := c.n - int(c.wday-wkst+7)%7
	mid := dayOf(begin + 3) // in the year that the week belongs to
	last := dayOf(mid.yearStart + mid.yearLen - 4)
	lastMid := last.n - int(last.wday-wkst+7)%7 + 3 // of the week with December 28, always this year's last
	return (mid.yday-1)/7 + 1, (lastMid-mid.yearStart)/7 + 1
}
