package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"
)

//go:embed page.html
var pageHTML string

// mostRows bounds a list on the page; the rest is counted in one line.
const mostRows = 12

// WriteHTML writes the report as one page with everything in it.
func (r *Report) WriteHTML(w io.Writer) error {
	t, err := template.New("report").Funcs(template.FuncMap{
		"date": func(t time.Time) string { return t.Format("2 January 2006") }, "moment": func(t time.Time) string { return t.Format("2 January 2006, 15:04") },
		"span": span, "percent": percent, "share": of, "lastDay": func(t time.Time) time.Time { return t.Add(-time.Second) },
		"volume": r.volume, "asked": r.asked, "waits": r.waits, "failures": func() template.HTML { return causeBars(r.Failures, "bad") },
		"retries": func() template.HTML { return causeBars(r.Retries, "look") }, "scale": r.scale,
		"fields": func() template.HTML { return rightBars(r.Fields) }, "sellers": func() template.HTML { return rightBars(r.Sellers) }, "spend": r.spend,
	}).Parse(pageHTML)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := t.Execute(w, r); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func (r *Report) labels() []string {
	var out []string
	for _, d := range r.Days {
		out = append(out, d.Date.Format("2 Jan"))
	}
	return out
}

func (r *Report) perDay(of func(Day) int) []float64 {
	var out []float64
	for _, d := range r.Days {
		out = append(out, float64(of(d)))
	}
	return out
}

func (r *Report) volume() template.HTML {
	return columns("Documents by day", r.labels(), []series{
		{"delivered", "good", r.perDay(func(d Day) int { return d.Delivered })},
		{"in review", "look", r.perDay(func(d Day) int { return d.Review })},
		{"failed", "bad", r.perDay(func(d Day) int { return d.Failed + d.Rejected })},
		{"still waiting", "wait", r.perDay(func(d Day) int { return d.Waiting })},
		{"repetitions", "dim", r.perDay(func(d Day) int { return d.Duplicates })},
	})
}

func (r *Report) asked() template.HTML {
	return columns("Share of documents that a person was asked about, in percent", r.labels(), []series{{"%", "look", func() []float64 {
		var out []float64
		for _, d := range r.Days {
			out = append(out, 100*of(d.Asked, d.Documents()-d.Duplicates))
		}
		return out
	}()}})
}

func (r *Report) waits() template.HTML {
	most := max(r.ToResult.Longest, r.InReview.Longest)
	var all []bar
	for _, of := range []struct {
		name  string
		times Times
	}{{"arrival to result", r.ToResult}, {"review to decision", r.InReview}} {
		if of.times.Count > 0 {
			for _, at := range []struct {
				name string
				v    float64
			}{{"half", of.times.Median}, {"95 of 100", of.times.P95}, {"99 of 100", of.times.P99}, {"longest", of.times.Longest}} {
				all = append(all, bar{of.name + ", " + at.name, span(at.v), at.v, most, "good"})
			}
		}
	}
	return bars(all)
}

func causeBars(causes []Cause, class string) template.HTML {
	var all []bar
	rest := 0
	for i, c := range causes {
		if i >= mostRows {
			rest += c.Count
			continue
		}
		all = append(all, bar{strings.ReplaceAll(c.Code, "_", " "), fmt.Sprintf("%d · %s", c.Count, c.Sentence), float64(c.Count), float64(causes[0].Count), class})
	}
	if rest > 0 {
		all = append(all, bar{"others", fmt.Sprint(rest), float64(rest), float64(causes[0].Count), class})
	}
	return bars(all)
}

// rightBars has the worst first.
func rightBars(all []Accuracy) template.HTML {
	var out []bar
	for i, a := range worstFirst(all) {
		if i == mostRows {
			break
		}
		class := "good"
		if a.Right() < fewRight {
			class = "bad"
		}
		out = append(out, bar{a.Name, fmt.Sprintf("%s of %d", percent(a.Right()), a.Seen), a.Right(), 1, class})
	}
	return bars(out)
}

func (r *Report) scale() template.HTML {
	labels, found, wrong := []string{}, []float64{}, []float64{}
	for _, t := range r.Scale {
		labels = append(labels, t.From)
		found, wrong = append(found, float64(max(t.Found-t.Wrong, 0))), append(wrong, float64(t.Wrong))
	}
	return columns("Values by the confidence they were read with", labels, []series{{"read", "good", found}, {"corrected by a person", "bad", wrong}})
}

func (r *Report) spend() template.HTML {
	var all []series
	for _, e := range r.Engines {
		if e.Cloud {
			values := make([]float64, len(r.Days))
			for i, n := range e.Spent {
				values[i] = float64(n)
			}
			all = append(all, series{e.Name, fmt.Sprintf("engine%d", len(all)%4), values})
		}
	}
	if len(all) == 0 {
		return `<p class="none">No cloud engine is configured, and none was used.</p>`
	}
	return columns("Pages sent to cloud engines by day", r.labels(), all)
}

// WriteMarkdown writes the same figures as Markdown, without the plots.
func (r *Report) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Intray: %s to %s\n\n", r.Since.Format(time.DateOnly), r.Until.Add(-time.Second).Format(time.DateOnly))
	fmt.Fprintf(&b, "%d documents, %d pages: %d delivered, %d in review, %d failed, %d rejected, %d repetitions, %d still waiting.\n\n",
		r.Total.Documents(), r.Total.Pages, r.Total.Delivered, r.Total.Review, r.Total.Failed, r.Total.Rejected, r.Total.Duplicates, r.Total.Waiting)
	for _, c := range r.Checkpoints {
		fmt.Fprintf(&b, "## %s: %s\n\n%s\n\n", c.Name, c.Verdict, c.Question)
		for _, s := range c.Says {
			fmt.Fprintf(&b, "- %s\n", plain(s))
		}
		for _, s := range c.Next {
			fmt.Fprintf(&b, "- **Next:** %s\n", plain(s))
		}
		b.WriteString("\n")
	}
	b.WriteString("## Waiting times\n\n| | half | 95 of 100 | 99 of 100 | longest |\n|---|---|---|---|---|\n")
	for _, row := range []struct {
		name string
		t    Times
	}{{"arrival to result", r.ToResult}, {"review to decision", r.InReview}} {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", row.name, span(row.t.Median), span(row.t.P95), span(row.t.P99), span(row.t.Longest))
	}
	b.WriteString("\n## Causes of failure\n\n| code | times | for example |\n|---|---|---|\n")
	for _, c := range r.Failures {
		fmt.Fprintf(&b, "| %s | %d | %s |\n", plain(c.Code), c.Count, plain(c.Sentence))
	}
	b.WriteString("\n## Engines\n\n| engine | attempts | delivered | review | again | failed | half | 95 of 100 | pages sent |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, e := range r.Engines {
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d | %s | %s | %d |\n", plain(e.Name), e.Attempts, e.Delivered, e.Review, e.Again, e.Failed, span(e.Took.Median), span(e.Took.P95), e.Total)
	}
	b.WriteString("\n## Accuracy\n\n| field or seller | right | seen |\n|---|---|---|\n")
	for _, a := range append(worstFirst(r.Fields), worstFirst(r.Sellers)...) {
		fmt.Fprintf(&b, "| %s | %s | %d |\n", plain(a.Name), percent(a.Right()), a.Seen)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// plain keeps a text from being Markdown of its own.
func plain(s string) string {
	s = strings.NewReplacer("\n", " ", "|", `\|`, "<", "&lt;", "*", `\*`, "[", `\[`, "#", `\#`).Replace(s)
	return strings.Join(strings.Fields(s), " ")
}
