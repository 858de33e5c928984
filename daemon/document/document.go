// Package document is the one shape of a read document, whatever engine read
// it: the JSON that Intray writes beside each PDF, "intray.document/1".
//
// It holds types, the published JSON Schema and encoding, nothing else: it
// reads no files and takes no decisions.
package document

import "time"

// Schema is the value of every document's "schema" key.
const Schema = "intray.document/1"

// Document is one document as it stands in its JSON file.
type Document struct {
	Schema     string     `json:"schema"`
	Version    int        `json:"version"`
	DocumentID string     `json:"document_id"`
	AttemptID  string     `json:"attempt_id"`
	State      string     `json:"state"`
	CreatedAt  time.Time  `json:"created_at"`
	FinishedAt time.Time  `json:"finished_at"`
	Source     Source     `json:"source"`
	Engine     Engine     `json:"engine"`
	Class      Class      `json:"class"`
	Languages  []string   `json:"languages"`
	Pages      []Page     `json:"pages"`
	Text       string     `json:"text"`
	Fields     []Field    `json:"fields"`
	Tables     []Table    `json:"tables"`
	Warnings   []Warning  `json:"warnings"`
	Validation Validation `json:"validation"`
	Files      Files      `json:"files"`
	History    []Change   `json:"history"`
}

// Value is that of the first field of the name that has one; "" if none has.
func (d Document) Value(name string) string {
	for _, f := range d.Fields {
		if f.Name == name && f.Value != "" {
			return f.Value
		}
	}
	return ""
}

// Source says where the document came from. Size is in bytes. For a part of a
// file, SHA256, Size, Path and MIME are the file's, Parent is the document the
// file is recorded as and ParentPages are the part's pages in it; Halves are the
// files that fronts and backs came in.
type Source struct {
	Folder     string    `json:"folder"`
	Path       string    `json:"path"`
	Name       string    `json:"name"`
	SHA256     string    `json:"sha256"`
	Size       int64     `json:"size"`
	MIME       string    `json:"mime"`
	Pages      int       `json:"pages"`
	ReceivedAt time.Time `json:"received_at"`

	Parent      string `json:"parent"`
	ParentPages []int  `json:"parent_pages"`
	Halves      []Half `json:"halves"`
}

// Half is one of two files that became one document: its fronts or its backs.
type Half struct {
	DocumentID string `json:"document_id"`
	SHA256     string `json:"sha256"`
	Path       string `json:"path"`
	Pages      int    `json:"pages"`
}

// Engine says who read it. ProviderJobID is "" for local engines. Parts are there
// for a document that a provider read in several: the job's is then the first's.
type Engine struct {
	Name          string `json:"name"`
	Kind          string `json:"kind"`
	Version       string `json:"version"`
	Model         string `json:"model"`
	ProviderJobID string `json:"provider_job_id"`

	Parts []EnginePart `json:"parts"`
}

// EnginePart is what was one submission: its first and last page, from 1, the job's
// name at the provider, and where the raw answer is kept in data_dir.
type EnginePart struct {
	Pages         [2]int `json:"pages"`
	ProviderJobID string `json:"provider_job_id"`
	Raw           string `json:"raw"`
}

// Class is the kind of document, "" when not classified; Confidence is 0..1.
type Class struct {
	Name       string  `json:"name"`
	Confidence float64 `json:"confidence"`
}

// Decisions on a page.
const (
	DecisionOCR    = "ocr"
	DecisionKept   = "kept_text"
	DecisionBlank  = "blank"
	DecisionFailed = "failed"
)

// Page is one page. Width, Height and all boxes are in points (1/72 inch) of
// the upright page, origin at its top left. Rotation is the clockwise turn in
// degrees that was applied to make it upright; Skew is by how many degrees,
// clockwise, its text leaned before the page was straightened by as much.
// Confidences are 0..1; WorstConfidence is that of the worst line. Reason says
// in a sentence why Decision was taken. Ink is the share of dark pixels of what
// was read, 0..1.
type Page struct {
	Number          int         `json:"number"`
	Width           float64     `json:"width"`
	Height          float64     `json:"height"`
	Rotation        int         `json:"rotation"`
	Skew            float64     `json:"skew"`
	Decision        string      `json:"decision"`
	Reason          string      `json:"reason"`
	Orientation     Orientation `json:"orientation"`
	Ink             float64     `json:"ink"`
	Engine          string      `json:"engine"`
	Confidence      float64     `json:"confidence"`
	WorstConfidence float64     `json:"worst_confidence"`
	Blocks          []Block     `json:"blocks"`
	Barcodes        []Barcode   `json:"barcodes"`
	Marks           []Mark      `json:"marks"`
	// Languages are BCP 47 tags as a provider names them, the one with most text
	// first. Script is the ISO 15924 code of a page that the engine on this machine
	// made little of and could tell it of; "" else. Handwriting is "" for none known.
	Languages   []string `json:"languages"`
	Script      string   `json:"script"`
	Handwriting string   `json:"handwriting"`
}

// Values of Page.Handwriting: a provider says so, or the lines look so.
const (
	HandwritingFound     = "found"
	HandwritingSuspected = "suspected"
)

// MarkSelection is the one kind of Mark: a check box or a radio button.
const MarkSelection = "selection"

// States of a Mark.
const (
	MarkSelected   = "selected"
	MarkUnselected = "unselected"
)

// Mark is what is ticked, or could be, on a page.
type Mark struct {
	Kind       string  `json:"kind"`
	State      string  `json:"state"`
	Box        Box     `json:"box"`
	Confidence float64 `json:"confidence"`
}

// Barcode is one on a page. Format is its kind, such as "Code39", "Code128",
// "EAN13", "QRCode", "DataMatrix", "Aztec" or "PDF417".
type Barcode struct {
	Format string `json:"format"`
	Text   string `json:"text"`
	Box    Box    `json:"box"`
}

// Orientation is how a page's text lies in its file: Angle is the clockwise
// turn in degrees that makes it upright, Confidence the share of the text that
// asks for it, 0..1. Reason says in a sentence why the turn was Applied or not.
type Orientation struct {
	Angle      int     `json:"angle"`
	Confidence float64 `json:"confidence"`
	Applied    bool    `json:"applied"`
	Reason     string  `json:"reason"`
}

// Box is [x0, y0, x1, y1] in points.
type Box [4]float64

// Block is a region of lines that belong together.
type Block struct {
	Kind  string `json:"kind"`
	Box   Box    `json:"box"`
	Lines []Line `json:"lines"`
}

// Line is one printed line. Baseline is the two ends of the line the letters
// stand on, [x0, y0, x1, y1] in points, in reading direction.
type Line struct {
	Box      Box `json:"box"`
	Baseline Box `json:"baseline"`
	// Handwritten is true where the engine says that most of the line is.
	Handwritten bool   `json:"handwritten"`
	Words       []Word `json:"words"`
}

// Word is one printed word.
type Word struct {
	Text       string  `json:"text"`
	Box        Box     `json:"box"`
	Confidence float64 `json:"confidence"`
}

// Field is one extracted value: Value typed (ISO date, decimal string, ISO
// 4217), Raw as printed, From where it was found.
type Field struct {
	Name       string  `json:"name"`
	Value      string  `json:"value"`
	Raw        string  `json:"raw"`
	Type       string  `json:"type"`
	Confidence float64 `json:"confidence"`
	Page       int     `json:"page"`
	Box        Box     `json:"box"`
	From       string  `json:"from"`
}

// FromReview is where a field comes from that a person typed.
const FromReview = "review"

// Table is a grid of cells. Name says what its rows are, such as "line_items",
// and Columns what each column is; both are empty where that is not known. Page
// is 0 for a table that stands on no page.
type Table struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
	Page    int      `json:"page"`
	Box     Box      `json:"box"`
	Rows    [][]Cell `json:"rows"`
}

// Cell is one cell of a table.
type Cell struct {
	Text       string  `json:"text"`
	Box        Box     `json:"box"`
	Confidence float64 `json:"confidence"`
	RowSpan    int     `json:"row_span"`
	ColSpan    int     `json:"col_span"`
}

// Warning is something a person should know. Page is 0 for the whole document.
type Warning struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Page    int    `json:"page"`
	// Field is the field it is about, "" for none; the message names it in the JSON.
	Field string `json:"-"`
}

// Verdicts of validation.
const (
	VerdictRelease  = "release"
	VerdictWarnings = "release_with_warnings"
	VerdictReview   = "review"
)

// Validation is the verdict and the checks that led to it.
type Validation struct {
	Verdict string  `json:"verdict"`
	Checks  []Check `json:"checks"`
}

// Check is one rule applied.
type Check struct {
	Rule    string `json:"rule"`
	Passed  bool   `json:"passed"`
	Message string `json:"message"`
}

// Files are the names of what belongs to the document, relative to the folder
// the JSON stands in; Original is the original's SHA-256, and Raw where the engine's
// raw answer is kept in data_dir. "" means there is none.
// Conformance is the standard the PDF claims and meets, such as "PDF/A-2b".
type Files struct {
	Original    string `json:"original"`
	PDF         string `json:"pdf"`
	Text        string `json:"text"`
	Raw         string `json:"raw"`
	Conformance string `json:"conformance"`
}

// Change is one version of the document.
type Change struct {
	Version int       `json:"version"`
	At      time.Time `json:"at"`
	By      string    `json:"by"`
	Changes []string  `json:"changes"`
}
