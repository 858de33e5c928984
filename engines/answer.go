package engines

// Result is a provider's normalized answer. It has one page for each page of the
// document that was sent, in order; a page that the provider left out or failed
// at is there with Failed saying why.
type Result struct {
	// Model is what the provider says has read the document; "" if it does not.
	Model string       `json:"model,omitempty"`
	Pages []AnswerPage `json:"pages"`
	// Class is one of the design's class names (invoice, receipt, id, passport,
	// bank_statement) or the provider's own in snake_case; "" if it names none.
	Class           string  `json:"class,omitempty"`
	ClassConfidence float64 `json:"class_confidence,omitempty"`
	// Fields have the design's names; others the provider's own in snake_case.
	Fields []Field `json:"fields,omitempty"`
	Tables []Table `json:"tables,omitempty"`
	// Languages are BCP 47 tags, the one with most text first.
	Languages []string `json:"languages,omitempty"`
	// Warnings are what the provider says against its own answer.
	Warnings []Warning `json:"warnings,omitempty"`
	// Partial says in a sentence that the provider itself calls its answer incomplete,
	// where it does not say of which pages; "" for a whole one.
	Partial string `json:"partial,omitempty"`
}

// AnswerPage is one page of a provider's answer. Boxes are in a unit of the
// provider's own, in which the whole page is Width by Height (1 by 1 where it
// gives shares of the page); both are 0 where it gives no places at all, and then
// so are the boxes. The page is as the provider saw it: upright as the file says.
type AnswerPage struct {
	PageResult
	// Text is the page's text in reading order where Blocks have no words.
	Text string `json:"text,omitempty"`
	// Angle is how much the text leans or is turned, in degrees clockwise,
	// -180..180.
	Angle float64 `json:"angle,omitempty"`
	Marks []Mark  `json:"marks,omitempty"`
	// Failed says in a sentence why the page was not read; "" for one that was.
	Failed string `json:"failed,omitempty"`
}

// Mark is a check box or a radio button.
type Mark struct {
	Box        Box     `json:"box"`
	Selected   bool    `json:"selected"`
	Confidence float64 `json:"confidence"`
}

// Field is a value that a provider found. Value is typed as in the document's
// JSON: an ISO date, a decimal, an ISO 4217 currency; Raw is what is printed.
// Type is text, amount, date, currency or code. Page counts from 1, 0 for a value
// that stands nowhere; Confidence is 0..1, and HasConfidence false where the
// provider gives none.
type Field struct {
	Name          string  `json:"name"`
	Value         string  `json:"value"`
	Raw           string  `json:"raw"`
	Type          string  `json:"type"`
	Confidence    float64 `json:"confidence"`
	HasConfidence bool    `json:"has_confidence"`
	Page          int     `json:"page"`
	Box           Box     `json:"box"`
}

// Table is a grid. Name is "line_items" or "transactions" where its rows are
// known to be such, else ""; Columns name its columns then, as snake_case.
// A table that goes on over pages has the page and box of its beginning.
type Table struct {
	Name    string   `json:"name,omitempty"`
	Columns []string `json:"columns,omitempty"`
	Page    int      `json:"page"`
	Box     Box      `json:"box"`
	// Rows have their cells from left to right. A cell that spans others stands
	// once, at its first place.
	Rows [][]Cell `json:"rows"`
}

// Cell is one cell of a table; spans are at least 1. Header is set for cells that
// name their column or row.
type Cell struct {
	Text       string  `json:"text"`
	Box        Box     `json:"box"`
	Confidence float64 `json:"confidence"`
	RowSpan    int     `json:"row_span"`
	ColSpan    int     `json:"col_span"`
	Header     bool    `json:"header,omitempty"`
}

// Warning is a provider's remark, in a sentence. Page is 0 for the whole document.
type Warning struct {
	Code     string `json:"code"`
	Sentence string `json:"sentence"`
	Page     int    `json:"page"`
}
