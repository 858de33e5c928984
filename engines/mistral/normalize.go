package mistral

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"intray/engines"
)

// lowConfidence is the mean of a page's words below which a person is warned: there
// are no places at which a single word could be shown.
const lowConfidence = 0.8

// Codes of warnings.
const (
	warnConfidence = "low_confidence"
	warnAnnotation = "annotation_unreadable"
)

// answer is the body of an OCR call (API reference, and recorded answers). Older
// models give only index, markdown, images and dimensions.
type answer struct {
	Model      string  `json:"model"`
	Pages      []page  `json:"pages"`
	Annotation *string `json:"document_annotation"`
}

type page struct {
	Index    int    `json:"index"`
	Markdown string `json:"markdown"`
	Tables   []struct {
		ID      string `json:"id"`
		Content string `json:"content"`
		Format  string `json:"format"`
	} `json:"tables"`
	Header     *string `json:"header"`
	Footer     *string `json:"footer"`
	Confidence *struct {
		Average *float64 `json:"average_page_confidence_score"`
		Words   []struct {
			Confidence float64 `json:"confidence"`
		} `json:"word_confidence_scores"`
	} `json:"confidence_scores"`
}

// Normalize reads the body of an OCR call. It is pure. Pages have text and no
// boxes. Errors are terminal: CodeHollow for an answer without pages, CodeService
// for one that cannot be read.
func (p *Provider) Normalize(raw []byte) (engines.Result, error) {
	unreadable := func(cause error) error {
		return &engines.Error{Kind: engines.Terminal, Code: engines.CodeService,
			Sentence: "The stored answer of Mistral cannot be read. Submit the document again.", Cause: cause}
	}
	var a answer
	if err := json.Unmarshal(raw, &a); err != nil {
		return engines.Result{}, unreadable(err)
	}
	if len(a.Pages) == 0 {
		return engines.Result{}, hollow()
	}
	last := 0
	for _, p := range a.Pages {
		if p.Index < 0 || p.Index >= maxPages {
			return engines.Result{}, unreadable(fmt.Errorf("it has a page %d", p.Index))
		}
		last = max(last, p.Index)
	}
	r := engines.Result{Model: a.Model, Pages: make([]engines.AnswerPage, last+1)}
	for i := range r.Pages {
		r.Pages[i].Failed = "Mistral left the page out."
	}
	for _, p := range a.Pages {
		p.into(&r)
	}
	if a.Annotation != nil && *a.Annotation != "" {
		annotate(&r, *a.Annotation)
	}
	return r, nil
}

// into puts a page's text and tables into the result.
func (p page) into(r *engines.Result) {
	number := p.Index + 1
	mean, known := p.mean()
	linked := map[string]string{}
	for _, t := range p.Tables {
		rows := pipeRows(t.Content)
		if t.Format == "html" || strings.Contains(t.Content, "<t") {
			rows = htmlRows(t.Content)
		}
		linked[t.ID] = rowsText(rows)
		r.Tables = append(r.Tables, table(rows, number, mean))
	}
	text, tables := plain(p.Markdown, linked)
	for _, rows := range tables {
		r.Tables = append(r.Tables, table(rows, number, mean))
	}
	out := &r.Pages[p.Index]
	out.Failed, out.Text = "", text
	// Head and foot are apart only where they were asked for so.
	if p.Header != nil && *p.Header != "" {
		head, _ := plain(*p.Header, nil)
		out.Text = head + "\n" + out.Text
	}
	if p.Footer != nil && *p.Footer != "" {
		foot, _ := plain(*p.Footer, nil)
		out.Text += "\n" + foot
	}
	if known && mean < lowConfidence {
		r.Warnings = append(r.Warnings, engines.Warning{Code: warnConfidence, Page: number,
			Sentence: fmt.Sprintf("Mistral is not sure of this page: its words have %.0f %% on the average.", mean*100)})
	}
}

// mean is the page's confidence: the mean of its words, or Mistral's own.
func (p page) mean() (mean float64, known bool) {
	if p.Confidence == nil {
		return 0, false
	}
	if n := len(p.Confidence.Words); n > 0 {
		for _, w := range p.Confidence.Words {
			mean += min(max(w.Confidence, 0), 1)
		}
		return min(mean/float64(n), 1), true
	}
	if p.Confidence.Average != nil {
		return min(max(*p.Confidence.Average, 0), 1), true
	}
	return 0, false
}

func table(rows [][]engines.Cell, number int, mean float64) engines.Table {
	for i := range rows {
		for k := range rows[i] {
			rows[i][k].Confidence = mean
		}
	}
	return engines.Table{Page: number, Rows: rows}
}

// What Markdown and LaTeX add to the words. Money is often set as a formula:
// $\$ 15.00$.
var (
	picture  = regexp.MustCompile(`!\[[^\]]*\]\([^)]*\)`)
	link     = regexp.MustCompile(`\[([^\]]*)\]\(([^)]*)\)`)
	heading  = regexp.MustCompile(`(?m)^ {0,3}#{1,6} +`)
	formula  = regexp.MustCompile(`\$((?:\\[$€£%#&]|[0-9\s.,%€£+\-/()])+)\$`)
	emphasis = regexp.MustCompile(`\*\*([^*\n]+)\*\*|__([^_\n]+)__`)
	escaped  = regexp.MustCompile("\\\\([!-/:-@\\[-`{-~])")
	lineMark = regexp.MustCompile(`(?i) ?<br ?/?> ?`)
	markup   = regexp.MustCompile(`(?is)<table\b.*?</table>`)
)

// plain is Markdown's text without its marks, and the tables in it. Tables stay in
// the text, cells parted by tabs; linked are those that the text only names.
func plain(markdown string, linked map[string]string) (string, [][][]engines.Cell) {
	var tables [][][]engines.Cell
	markdown = markup.ReplaceAllStringFunc(markdown, func(html string) string {
		rows := htmlRows(html)
		tables = append(tables, rows)
		return "\n" + rowsText(rows) + "\n"
	})
	var out []string
	lines := strings.Split(markdown, "\n")
	for i := 0; i < len(lines); {
		n := pipeLines(lines[i:])
		if n == 0 {
			out = append(out, words(lines[i], linked))
			i++
			continue
		}
		rows := pipeRows(strings.Join(lines[i:i+n], "\n"))
		tables = append(tables, rows)
		out = append(out, rowsText(rows))
		i += n
	}
	return strings.TrimSpace(strings.Join(out, "\n")), tables
}

// words takes the marks off one line.
func words(line string, linked map[string]string) string {
	line = picture.ReplaceAllString(line, "")
	line = link.ReplaceAllStringFunc(line, func(all string) string {
		m := link.FindStringSubmatch(all)
		if text, ok := linked[m[2]]; ok {
			return text
		}
		return m[1]
	})
	line = heading.ReplaceAllString(line, "")
	line = lineMark.ReplaceAllString(line, "\n")
	line = formula.ReplaceAllString(line, "$1")
	line = emphasis.ReplaceAllString(line, "$1$2")
	return strings.TrimRight(escaped.ReplaceAllString(line, "$1"), " ")
}
