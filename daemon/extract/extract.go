// Package extract finds a read document's class, fields and tables by rules over
// words and their boxes. The rules are data: [[class]] sections of the
// configuration, of which Intray brings some along.
//
// It is pure: no disk, no clock, no network, and it decodes nothing: e-invoices
// come parsed. What does not add up, fails its check digits or contradicts
// another label keeps its value with less confidence; whether that is enough is
// validation's to say. Only a total one digit off its parts takes their sum, with a
// warning that brings it before a person.
package extract

import (
	"fmt"
	"iter"
	"slices"

	"intray/daemon/config"
	"intray/daemon/document"
)

// Values of a folder's class.
const (
	Auto = "auto"
	None = "none"
)

// Codes of the warnings this package gives.
const (
	CodeAmbiguous   = "class_ambiguous"
	CodeCheckDigits = "check_digits"
	CodeReadBySum   = "read_by_sum"
	CodeXMLDiffers  = "xml_differs"
	CodeTableCut    = "table_cut"
	CodeConflict    = "label_conflict"
	CodeDateOrder   = "date_order"
	CodeTotalAlone  = "total_alone"
)

// Extractor knows the classes. It is immutable and may be shared.
type Extractor struct{ classes []class }

// New compiles the classes; config has checked them before.
func New(classes []config.Class) (*Extractor, error) {
	e := &Extractor{}
	for _, c := range classes {
		compiled, err := compile(c)
		if err != nil {
			return nil, fmt.Errorf("compile class %q: %w", c.Name, err)
		}
		e.classes = append(e.classes, compiled)
	}
	return e, nil
}

// Question says what is expected of a document.
type Question struct {
	// Class is Auto, None or the name of the one class it is taken to be.
	Class string
	// Among are the classes Auto may pick; empty for all.
	Among []string
	// Known are fields from the e-invoice in the file, and Lines its lines; such a
	// document is an invoice, whatever its pages look like.
	Known []document.Field
	Lines document.Table
	// Drawn is true for a page that was drawn of the e-invoice: it cannot
	// contradict it.
	Drawn bool
	// Languages are those it was read in, as Tesseract names them.
	Languages []string
}

// Answer is what was found.
type Answer struct {
	Class    document.Class
	Fields   []document.Field
	Tables   []document.Table
	Warnings []document.Warning
}

// Document reads the pages twice: the first few to tell the class, then all of
// them for its fields. At any time it holds one page.
func (e *Extractor) Document(pages iter.Seq2[document.Page, error], q Question) (Answer, error) {
	if q.Class == None {
		return Answer{}, nil
	}
	look, err := e.look(pages, q)
	if err != nil {
		return Answer{}, err
	}
	class, answer := e.classify(look, q)
	if class == nil {
		return answer, nil
	}
	x := newSearch(class, look)
	x.known = makeKnown(q.Known)
	for page, err := range pages {
		if err != nil {
			return Answer{}, err
		}
		x.read(lay(page))
	}
	fields, differ := x.merge(x.resolve(), q.Drawn)
	answer.Fields, answer.Tables = fields, x.tables
	if len(q.Lines.Rows) > 0 {
		answer.Tables = []document.Table{q.Lines}
	}
	answer.Warnings = append(answer.Warnings, x.warnings...)
	answer.Warnings = append(answer.Warnings, differ...)
	answer.Warnings = append(answer.Warnings, x.told(answer.Fields)...)
	return answer, nil
}

// named is the class of that name; nil if there is none.
func (e *Extractor) named(name string) *class {
	i := slices.IndexFunc(e.classes, func(c class) bool { return c.name == name })
	if i < 0 {
		return nil
	}
	return &e.classes[i]
}
