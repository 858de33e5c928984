package site

import (
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"intray/daemon/document"
	"intray/ledger"
)

// pageSet is the templates in one language, by page.
type pageSet struct{ all map[string]*template.Template }

func (p *pageSet) execute(w io.Writer, name string, data page) error {
	t, ok := p.all[name]
	if !ok {
		return fmt.Errorf("there is no page %q", name)
	}
	return t.ExecuteTemplate(w, "layout.html", data)
}

// shared are the templates that every page has.
var shared = []string{"pages/layout.html", "pages/parts.html"}

func parsePages(t *texts, lang string) (*pageSet, error) {
	base, err := template.New("").Funcs(functions(t, lang)).ParseFS(embedded, shared...)
	if err != nil {
		return nil, fmt.Errorf("parse templates: %w", err)
	}
	files, err := fs.Glob(embedded, "pages/*.html")
	if err != nil {
		return nil, fmt.Errorf("list templates: %w", err)
	}
	out := &pageSet{map[string]*template.Template{}}
	for _, file := range files {
		if slices.Contains(shared, file) {
			continue
		}
		one, err := base.Clone()
		if err == nil {
			one, err = one.ParseFS(embedded, file)
		}
		if err != nil {
			return nil, fmt.Errorf("parse templates: %w", err)
		}
		out.all[strings.TrimSuffix(path.Base(file), ".html")] = one
	}
	return out, nil
}

func functions(t *texts, lang string) template.FuncMap {
	get := func(key string, args ...any) string { return t.get(lang, key, args...) }
	return template.FuncMap{
		"t":      get,
		"state":  func(s ledger.State) string { return get("state." + string(s)) },
		"move":   func(m string) string { return get("move." + strings.ReplaceAll(m, " ", "_")) },
		"field":  func(name string) string { return fieldLabel(t, lang, name) },
		"number": func(n int) string { return grouped(n, lang) },
		"when":   func(at time.Time) template.HTML { return moment(at, lang) },
		"name":   visible,
		// What a person said counts for more than what was doubted before.
		"rejected": func(d ledger.Document) bool { return d.State == ledger.Rejected && d.Reason != "" },
		"size":     func(n int64) string { return sizeText(n, lang) },
		"level":    level, "percent": func(c float64) int { return int(100 * c) },
		"color": stateColor,
		"n":     func(f float64) string { return strconv.FormatFloat(f, 'f', 2, 64) },
		"list":  func(v ...any) []any { return v },
		"langs": languages,
	}
}

// fieldLabel is a field's name for people.
func fieldLabel(t *texts, lang, name string) string {
	if label, ok := t.find(lang, "field."+name); ok {
		return label
	}
	words := []rune(visible(strings.ReplaceAll(name, "_", " ")))
	if len(words) > 0 {
		words[0] = unicode.ToUpper(words[0])
	}
	return string(words)
}

// visible shows a name as it is: marks that turn the direction of writing or
// cannot be seen would let one name look like another.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) || unicode.IsControl(r) {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

func grouped(n int, lang string) string {
	mark := ","
	if lang == "de" {
		mark = "."
	}
	s := strconv.Itoa(n)
	for at := len(s) - 3; at > 0 && s[at-1] != '-'; at -= 3 {
		s = s[:at] + mark + s[at:]
	}
	return s
}

// moment is a time of this place, in the language's own way.
func moment(at time.Time, lang string) template.HTML {
	if at.IsZero() {
		return "–"
	}
	local, form := at.Local(), "2 Jan 2006, 15:04"
	if lang == "de" {
		form = "02.01.2006, 15:04"
	}
	return template.HTML(fmt.Sprintf(`<time datetime="%s">%s</time>`, at.UTC().Format(time.RFC3339), local.Format(form)))
}

func sizeText(n int64, lang string) string {
	units, at, v := []string{"B", "kB", "MB", "GB"}, 0, float64(n)
	for ; v >= 1000 && at < len(units)-1; at++ {
		v /= 1000
	}
	digits := 0
	if at > 1 {
		digits = 1
	}
	s := strconv.FormatFloat(v, 'f', digits, 64)
	if lang == "de" {
		s = strings.Replace(s, ".", ",", 1)
	}
	return s + "\u00A0" + units[at]
}

// level is a confidence as a class: doubtful, fair, good or sure.
func level(confidence float64) string {
	switch {
	case confidence < 0.6:
		return "doubtful"
	case confidence < 0.8:
		return "fair"
	case confidence < 0.93:
		return "good"
	}
	return "sure"
}

// stateColor sorts states into kinds that look alike.
func stateColor(s ledger.State) string {
	switch s {
	case ledger.Completed, ledger.CompletedWithWarnings:
		return "done"
	case ledger.NeedsHumanReview:
		return "ask"
	case ledger.FailedTerminal, ledger.DeadLetter:
		return "bad"
	case ledger.FailedRetryable:
		return "late"
	case ledger.Rejected, ledger.Duplicate, ledger.Purged:
		return "past"
	}
	return "work"
}

// ended is true for states that nothing leaves by itself.
func ended(s ledger.State) bool {
	switch stateColor(s) {
	case "work", "late":
		return false
	}
	return true
}

// drawnWord and drawnLine are words where they stand on the picture, in points.
type drawnWord struct {
	Text                string
	X, Y, Width, Height float64
	Size, Base          float64
	Level               string
	Percent             int
}

type drawnLine struct{ Words []drawnWord }

// mostWords bounds the words laid over one page.
const mostWords = 5000

func wordsOf(p document.Page) (out []drawnLine) {
	n := 0
	for _, b := range p.Blocks {
		for _, l := range b.Lines {
			var line drawnLine
			for _, w := range l.Words {
				width, height := w.Box[2]-w.Box[0], w.Box[3]-w.Box[1]
				if n++; n > mostWords || width <= 0 || height <= 0 {
					continue
				}
				line.Words = append(line.Words, drawnWord{Text: visible(w.Text), X: w.Box[0], Y: w.Box[1], Width: width, Height: height,
					Size: 0.9 * height, Base: w.Box[3] - 0.2*height, Level: level(w.Confidence), Percent: int(100 * w.Confidence)})
			}
			if len(line.Words) > 0 {
				out = append(out, line)
			}
		}
	}
	return out
}
