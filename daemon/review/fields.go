package review

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/google/uuid"

	"intray/daemon/document"
)

// FieldsFile is the text file of a bundle in which a clerk corrects fields.
const FieldsFile = "fields.txt"

// PageFile is the page of a bundle that shows why it is in review.
const PageFile = "review.html"

// Names in fields.txt that are no fields.
const (
	nameConfirm = "confirm"
	nameReason  = "reason"
)

const (
	idMark    = "document "
	errorMark = "# !! "
	doubtMark = "# (?) "
)

// Spec is a field that a class has.
type Spec struct {
	Name, Type, Format string
	Required           bool
}

// Doubt is something to be looked at. Field is "" for the document as a whole.
type Doubt struct{ Field, Sentence string }

// Sheet is what the bundle of one document tells a clerk.
type Sheet struct {
	Document document.Document
	Specs    []Spec
	Doubts   []Doubt
	// MayConfirm is true when a rule does not hold that a person may overrule.
	MayConfirm bool
}

// FieldsText is fields.txt as it is delivered.
func FieldsText(s Sheet) string {
	var b strings.Builder
	line := func(format string, args ...any) { b.WriteString(oneLine(fmt.Sprintf(format, args...)) + "\n") }
	line("# %s%s (leave this line as it is)", idMark, s.Document.DocumentID) // first: nothing that was read stands above it
	if len(s.Lines()) > 0 {
		line("# Compare the values below with review.html, correct them here and save this file.")
	} else {
		line("# This document has no fields to correct: look at it in review.html.")
	}
	line("# Then move the whole folder into \"approve\" to release the document, into \"reject\" to refuse it, or into \"again\" to have it read once more.")
	line("#")
	line("# File: %s", s.Document.Source.Name)
	b.WriteString("\n")
	doubts := map[string][]string{}
	for _, d := range s.Doubts {
		doubts[d.Field] = append(doubts[d.Field], d.Sentence)
	}
	for _, sentence := range doubts[""] {
		line(doubtMark+"%s", sentence)
	}
	for _, f := range s.Lines() {
		for _, sentence := range doubts[f.Name] {
			line(doubtMark+"%s", sentence)
		}
		line("%s = %s", f.Name, Written(f.Value))
	}
	if s.MayConfirm {
		b.WriteString("\n" + confirmLines)
	}
	b.WriteString("\n# Only if you reject the document: why.\n" + nameReason + " = \n")
	return b.String()
}

const confirmLines = "# If the document is right although a check above fails, write yes here.\n" + nameConfirm + " = \n"

// Lines are the fields in the class's order, missing ones empty, then the others.
func (s Sheet) Lines() []document.Field {
	var out []document.Field
	used := map[string]bool{}
	for _, spec := range s.Specs {
		if used[spec.Name] {
			continue
		}
		used[spec.Name] = true
		f := document.Field{Name: spec.Name, Type: spec.Type}
		if at := find(s.Document.Fields, spec.Name); at >= 0 {
			f = s.Document.Fields[at]
		}
		out = append(out, f)
	}
	for _, f := range s.Document.Fields {
		if !used[f.Name] && f.Name != nameConfirm && f.Name != nameReason {
			used[f.Name] = true
			out = append(out, f)
		}
	}
	return out
}

// Written is a value as it stands in fields.txt: on one line.
func Written(value string) string {
	return oneLine(strings.Join(strings.FieldsFunc(value, func(r rune) bool { return r == '\n' || r == '\r' }), ", "))
}

func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
	return strings.TrimRight(s, " ")
}

func find(fields []document.Field, name string) int {
	for i, f := range fields {
		if f.Name == name {
			return i
		}
	}
	return -1
}

// Edit is one line "name = value", numbered from 1; Line is 0 for one that came
// another way.
type Edit struct {
	Line        int
	Name, Value string
}

// Objection is what is wrong with a line, in a sentence; Line is 0 when it
// belongs to none, and then Field may say to which field it belongs.
type Objection struct {
	Line     int
	Field    string
	Sentence string
}

// Text is what a clerk left in fields.txt.
type Text struct {
	// DocumentID is "" when the line that tells it is gone.
	DocumentID string
	Edits      []Edit
	Confirm    bool
	Reason     string
	Objections []Objection

	lines []string
	plain bool
	// ending is that of most of its lines, sum its SHA-256.
	ending, sum string
	// tooLarge is true for a text of which only the beginning was read.
	tooLarge bool
}

// largest bounds fields.txt, in bytes, mostLines in lines.
const (
	largest   = 1 << 20
	mostLines = 10_000
)

// ParseFields reads fields.txt however it was typed. What is not understood is
// among the objections; nothing else is an error.
func ParseFields(data []byte) Text {
	if len(data) > largest {
		return Text{tooLarge: true, Objections: []Objection{{Sentence: "This file is too large to be a list of fields, so nothing in it was used. " +
			"All you wrote is below: remove what does not belong here, save the file, and move the folder once more."}}}
	}
	text, plain := decodeText(data)
	t := Text{plain: plain, lines: splitLines(text), ending: "\n", sum: sumOf(data)}
	if 2*strings.Count(text, "\r\n") > strings.Count(text, "\n") {
		t.ending = "\r\n"
	}
	if len(t.lines) > mostLines {
		t.Objections = append(t.Objections, Objection{Sentence: "This file has too many lines to be a list of fields."})
		return t
	}
	seen := map[string]Edit{}
	for i, raw := range t.lines {
		t.line(i+1, strings.TrimFunc(raw, blank), seen)
	}
	return t
}

func splitLines(text string) []string {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\x00", "").Replace(text)
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

func blank(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || r == '\uFEFF' || r == '\u200B'
}

func (t *Text) line(number int, line string, seen map[string]Edit) {
	if line == "" {
		return
	}
	if line[0] == '#' || line[0] == ';' {
		if rest, ok := strings.CutPrefix(strings.TrimLeftFunc(line[1:], blank), idMark); ok {
			t.identify(number, rest)
		}
		return
	}
	at := strings.IndexAny(line, "=:")
	if at < 0 {
		t.Objections = append(t.Objections, Objection{Line: number, Sentence: "This line is not understood. Write: name = value"})
		return
	}
	e := Edit{Line: number, Name: fieldName(line[:at]), Value: strings.TrimFunc(line[at+1:], blank)}
	if before, twice := seen[e.Name]; twice {
		if before.Value != e.Value {
			t.Objections = append(t.Objections, Objection{Line: number, Field: e.Name,
				Sentence: fmt.Sprintf("%s stands in this file twice, with different values. Keep one of them.", e.Name)})
		}
		return
	}
	seen[e.Name] = e
	switch e.Name {
	case nameConfirm:
		t.Confirm = yes(e.Value)
	case nameReason:
		t.Reason = e.Value
	default:
		t.Edits = append(t.Edits, e)
	}
}

// identify takes the id that a line tells. What is no id is a remark.
func (t *Text) identify(number int, rest string) {
	word, _, _ := strings.Cut(rest, " ")
	id, err := uuid.Parse(word)
	switch {
	case err != nil || len(word) != len(id.String()):
	case t.DocumentID == "":
		t.DocumentID = id.String()
	case t.DocumentID != id.String():
		t.Objections = append(t.Objections, Objection{Line: number, Sentence: "This file names two documents. Remove the line of the one it does not belong to."})
	}
}

// fieldName forgives capitals, blanks and dashes.
func fieldName(s string) string {
	s = strings.ToLower(strings.TrimFunc(strings.Trim(strings.TrimFunc(s, blank), `"'`), blank))
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '-' {
			return '_'
		}
		return r
	}, s)
}

func yes(s string) bool {
	switch strings.ToLower(strings.Trim(s, `"'.! `)) {
	case "yes", "y", "ja", "j", "oui", "o", "si", "sí", "true", "1", "ok", "x":
		return true
	}
	return false
}

// Annotate is the text with objections as comments above their lines. All else
// stays as the clerk left it; comments of an earlier round are gone.
func (t Text) Annotate(objections []Objection, mayConfirm bool) []byte {
	above := map[int][]string{}
	for _, o := range objections {
		at := o.Line
		for _, e := range t.Edits {
			if at == 0 && e.Name == o.Field {
				at = e.Line
			}
		}
		above[at] = append(above[at], errorMark+oneLine(o.Sentence))
	}
	var b strings.Builder
	if !t.plain {
		b.WriteString("\uFEFF") // whoever needed a mark needs it again
	}
	for _, sentence := range above[0] {
		b.WriteString(sentence + t.ending)
	}
	hasConfirm := false
	for i, line := range t.lines {
		if strings.HasPrefix(strings.TrimFunc(line, blank), strings.TrimSpace(errorMark)) {
			continue
		}
		for _, sentence := range above[i+1] {
			b.WriteString(sentence + t.ending)
		}
		b.WriteString(line + t.ending)
		name, _, _ := strings.Cut(line, "=")
		hasConfirm = hasConfirm || fieldName(name) == nameConfirm
	}
	if mayConfirm && !hasConfirm {
		b.WriteString(strings.ReplaceAll("\n"+confirmLines, "\n", t.ending))
	}
	return []byte(b.String())
}
