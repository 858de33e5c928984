package report

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"
)

// series is one colour of a chart; class names it in the style sheet.
type series struct {
	Name, Class string
	Values      []float64
}

// Sizes of a chart, in its own units.
const (
	chartWidth, chartHeight = 860.0, 220.0
	chartLeft, chartBottom  = 44.0, 26.0
	chartTop                = 10.0
)

// columns draws stacked columns, one for each label; every so many labels are
// written. A reader that cannot see it gets the title.
func columns(title string, labels []string, all []series) template.HTML {
	most := 0.0
	for i := range labels {
		sum := 0.0
		for _, s := range all {
			sum += s.Values[i]
		}
		most = max(most, sum)
	}
	if most == 0 || len(labels) == 0 {
		return `<p class="none">Nothing to draw.</p>`
	}
	top := nice(most)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="chart" viewBox="0 0 %g %g" role="img" aria-label="%s">`, chartWidth, chartHeight, html.EscapeString(title))
	height := chartHeight - chartTop - chartBottom
	y := func(v float64) float64 { return chartTop + height*(1-v/top) }
	for i := range 5 {
		v := top * float64(i) / 4
		fmt.Fprintf(&b, `<line class="grid" x1="%g" x2="%g" y1="%.1f" y2="%.1f"/><text class="axis" x="%g" y="%.1f" text-anchor="end">%s</text>`,
			chartLeft, chartWidth, y(v), y(v), chartLeft-6, y(v)+4, short(v))
	}
	step := (chartWidth - chartLeft) / float64(len(labels))
	every := max(1, int(math.Ceil(float64(len(labels))/12)))
	for i, label := range labels {
		x, base := chartLeft+step*float64(i), 0.0
		for _, s := range all {
			if v := s.Values[i]; v > 0 {
				fmt.Fprintf(&b, `<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"><title>%s: %s %s</title></rect>`,
					s.Class, x+step*.1, y(base+v), max(step*.8, .8), y(base)-y(base+v), html.EscapeString(label), short(v), html.EscapeString(s.Name))
				base += v
			}
		}
		if i%every == 0 {
			fmt.Fprintf(&b, `<text class="axis" x="%.1f" y="%g" text-anchor="middle">%s</text>`, x+step/2, chartHeight-8, html.EscapeString(label))
		}
	}
	b.WriteString(`</svg>`)
	if len(all) > 1 {
		b.WriteString(`<p class="legend">`)
		for _, s := range all {
			fmt.Fprintf(&b, `<span><i class="%s"></i>%s</span>`, s.Class, html.EscapeString(s.Name))
		}
		b.WriteString(`</p>`)
	}
	return template.HTML(b.String())
}

// bar is one line of a chart of bars: how much of Most, and what is written behind.
type bar struct {
	Name, Says  string
	Value, Most float64
	Class       string
}

// bars draws lines with a bar in each, as a table: names may be long.
func bars(all []bar) template.HTML {
	if len(all) == 0 {
		return `<p class="none">Nothing was counted.</p>`
	}
	var b strings.Builder
	b.WriteString(`<table class="bars">`)
	for _, one := range all {
		share := 0.0
		if one.Most > 0 {
			share = min(max(one.Value/one.Most, 0), 1)
		}
		fmt.Fprintf(&b, `<tr><th scope="row"><bdi>%s</bdi></th><td class="track"><svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="%s" width="%.1f" height="10"/></svg></td><td>%s</td></tr>`,
			html.EscapeString(one.Name), one.Class, 100*share, html.EscapeString(one.Says))
	}
	b.WriteString(`</table>`)
	return template.HTML(b.String())
}

// nice is a round number at or above v that four steps divide well.
func nice(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 4, 8, 10} {
		if m*power >= v {
			return max(m*power, 4)
		}
	}
	return 10 * power
}

func short(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%.3gM", v/1e6)
	case v >= 1e4:
		return fmt.Sprintf("%.3gk", v/1e3)
	}
	return fmt.Sprintf("%.4g", v)
}

func percent(share float64) string {
	switch {
	case math.IsNaN(share):
		return "–"
	case share > 0 && share < .01 || share > .99 && share < 1:
		return fmt.Sprintf("%.1f %%", 100*share)
	}
	return fmt.Sprintf("%.0f %%", 100*share)
}

// span is a time in seconds as people say it.
func span(seconds float64) string {
	switch {
	case seconds < 1:
		return fmt.Sprintf("%.0f ms", 1000*seconds)
	case seconds < 90:
		return fmt.Sprintf("%.1f s", seconds)
	case seconds < 90*60:
		return fmt.Sprintf("%.0f min", seconds/60)
	case seconds < 48*3600:
		return fmt.Sprintf("%.1f h", seconds/3600)
	}
	return fmt.Sprintf("%.1f days", seconds/86400)
}
