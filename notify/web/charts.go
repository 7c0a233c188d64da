package web

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"allim.dev/allim/notify"
)

// The overview's charts show the hub's own history of the last day, by source or by platform, as SVG that is drawn here.

const (
	chartSpan   = 24 * time.Hour
	chartBars   = 96
	chartStep   = 4 // width of a bar with the gap behind it, in the picture's units
	chartHeight = 100.0
	chartSeries = 6 // colours; what goes beyond is one series
)

// chart is one picture, with the same in words.
type chart struct {
	Title, Text string
	Lines       bool // the series are lines, not bars on each other
	Series      []series
}

// series is one source's or platform's part of a chart.
type series struct {
	Label string
	N     int    // which colour
	Total int64  // the sum; of a longest or a standing value, the greatest
	Path  string // of SVG
}

// of a name of samples: how its values within a bar become one, and how the series are drawn.
type drawing struct {
	name  string
	most  bool // the greatest counts, not the sum
	lines bool
	words string // how the whole is said
}

func drawings() []drawing {
	return []drawing{{name: notify.SampleEvents, words: "sum"}, {name: notify.SampleAccepted, words: "sum"}, {name: notify.SampleFailed, words: "sum"},
		{name: notify.SampleLatency, most: true, lines: true, words: "latency"}, {name: notify.SampleDepth, most: true, words: "depth"}}
}

func (p *Pages) charts(v *visit) ([]chart, error) {
	now := p.o.Clock.Now()
	var out []chart
	for _, d := range drawings() {
		samples, err := p.o.Store.History(v.ctx, d.name, now.Add(-chartSpan))
		if err != nil {
			return nil, err
		}
		out = append(out, d.draw(v.lang, samples, now))
	}
	return out, nil
}

// bars are a series' values.
type bars [chartBars]float64

// gather sorts samples into bars, by label.
func (d drawing) gather(samples []notify.Sample, now time.Time) map[string]*bars {
	by := map[string]*bars{}
	for _, s := range samples {
		b := by[s.Label]
		if b == nil {
			b = &bars{}
			by[s.Label] = b
		}
		i := min(max(int(s.At.Sub(now.Add(-chartSpan))/(chartSpan/chartBars)), 0), chartBars-1)
		b[i] = d.join(b[i], s.Value)
	}
	return by
}

func (d drawing) join(a, b float64) float64 {
	if d.most {
		return max(a, b)
	}
	return a + b
}

func (d drawing) total(b *bars) (t float64) {
	for _, v := range b {
		t = d.join(t, v)
	}
	return t
}

// draw makes a chart: the greatest series first, and those beyond the colours as one.
func (d drawing) draw(lang string, samples []notify.Sample, now time.Time) chart {
	by := d.gather(samples, now)
	labels := slices.SortedFunc(maps.Keys(by), func(a, b string) int {
		return cmp.Or(cmp.Compare(d.total(by[b]), d.total(by[a])), strings.Compare(a, b))
	})
	if len(labels) > chartSeries {
		rest := &bars{}
		for _, l := range labels[chartSeries-1:] {
			for i, v := range by[l] {
				rest[i] = d.join(rest[i], v)
			}
		}
		others := text(lang, "chart.others", len(labels)-chartSeries+1)
		by[others], labels = rest, append(labels[:chartSeries-1:chartSeries-1], others)
	}
	c := chart{Title: text(lang, "chart."+d.name), Lines: d.lines}
	var whole, top float64
	var stack bars
	for _, l := range labels {
		whole = d.join(whole, d.total(by[l]))
		for i, v := range by[l] {
			if stack[i] += v; d.lines {
				stack[i] = v
			}
			top = max(top, stack[i])
		}
	}
	c.Text = text(lang, "chart.total."+d.words, int64(whole))
	stack = bars{}
	for n, l := range labels {
		path := barsPath(by[l], &stack, top)
		if d.lines {
			path = linePath(by[l], top)
		}
		c.Series = append(c.Series, series{Label: l, N: n, Total: int64(d.total(by[l])), Path: path})
	}
	return c
}

// barsPath draws a series' bars on those that stand there; the least is one unit high, so that it is seen.
func barsPath(b, stack *bars, top float64) string {
	var out strings.Builder
	for i, v := range b {
		if v <= 0 || top <= 0 {
			continue
		}
		height := max(1, chartHeight*v/top)
		stack[i] += height
		fmt.Fprintf(&out, "M%d %.1fh3v%.1fh-3z", i*chartStep, max(0, chartHeight-stack[i]), height)
	}
	return out.String()
}

// linePath draws a line from bar to bar, which breaks where there is nothing.
func linePath(b *bars, top float64) string {
	var out strings.Builder
	pen := "M"
	for i, v := range b {
		if v <= 0 || top <= 0 {
			pen = "M"
			continue
		}
		fmt.Fprintf(&out, "%s%d %.1f", pen, i*chartStep, chartHeight-max(1, chartHeight*v/top))
		if pen == "M" {
			out.WriteString("h3") // a single one is seen, too
		}
		pen = "L"
	}
	return out.String()
}
