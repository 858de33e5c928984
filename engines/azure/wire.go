package azure

import "encoding/json"

// answer is the body of a poll, the service's AnalyzeOperation.
type answer struct {
	Status string    `json:"status"`
	Error  problem   `json:"error"`
	Result *analysis `json:"analyzeResult"`
}

// analysis is the service's AnalyzeResult. Its spans count in the unit that
// IndexType names.
type analysis struct {
	ModelID    string         `json:"modelId"`
	IndexType  string         `json:"stringIndexType"`
	Content    string         `json:"content"`
	Pages      []wirePage     `json:"pages"`
	Paragraphs []paragraph    `json:"paragraphs"`
	Tables     []wireTable    `json:"tables"`
	Styles     []style        `json:"styles"`
	Languages  []language     `json:"languages"`
	Documents  []wireDocument `json:"documents"`
	KeyValues  []keyValue     `json:"keyValuePairs"`
	Warnings   []problem      `json:"warnings"`

	// ReadResults and DocumentResults are what version 2.1 has instead of pages
	// and documents.
	ReadResults     []oldPage     `json:"readResults"`
	DocumentResults []oldDocument `json:"documentResults"`
}

type span struct {
	Offset int `json:"offset"`
	Length int `json:"length"`
}

type wirePage struct {
	Number int        `json:"pageNumber"`
	Angle  float64    `json:"angle"`
	Width  float64    `json:"width"`
	Height float64    `json:"height"`
	Unit   string     `json:"unit"`
	Spans  []span     `json:"spans"`
	Words  []wireWord `json:"words"`
	Lines  []wireLine `json:"lines"`
	Marks  []wireMark `json:"selectionMarks"`
}

type wireWord struct {
	Content    string    `json:"content"`
	Polygon    []float64 `json:"polygon"`
	Confidence float64   `json:"confidence"`
	Span       span      `json:"span"`
}

type wireLine struct {
	Content string    `json:"content"`
	Polygon []float64 `json:"polygon"`
	Spans   []span    `json:"spans"`
}

type wireMark struct {
	State      string    `json:"state"`
	Polygon    []float64 `json:"polygon"`
	Confidence float64   `json:"confidence"`
}

type region struct {
	Page    int       `json:"pageNumber"`
	Polygon []float64 `json:"polygon"`
}

type paragraph struct {
	Role  string `json:"role"`
	Spans []span `json:"spans"`
}

type wireTable struct {
	RowCount    int      `json:"rowCount"`
	ColumnCount int      `json:"columnCount"`
	Cells       []cell   `json:"cells"`
	Regions     []region `json:"boundingRegions"`
	Spans       []span   `json:"spans"`
}

type cell struct {
	Kind    string   `json:"kind"`
	Row     int      `json:"rowIndex"`
	Column  int      `json:"columnIndex"`
	RowSpan int      `json:"rowSpan"`
	ColSpan int      `json:"columnSpan"`
	Content string   `json:"content"`
	Regions []region `json:"boundingRegions"`
	Spans   []span   `json:"spans"`
}

type style struct {
	Handwritten bool   `json:"isHandwritten"`
	Spans       []span `json:"spans"`
}

type language struct {
	Locale string `json:"locale"`
	Spans  []span `json:"spans"`
}

type wireDocument struct {
	Type       string           `json:"docType"`
	Confidence float64          `json:"confidence"`
	Regions    []region         `json:"boundingRegions"`
	Fields     map[string]value `json:"fields"`
}

type element struct {
	Content string   `json:"content"`
	Regions []region `json:"boundingRegions"`
}

type keyValue struct {
	Key        element  `json:"key"`
	Value      *element `json:"value"`
	Confidence float64  `json:"confidence"`
}

// value is a field: one member by its type.
type value struct {
	Type       string           `json:"type"`
	Content    string           `json:"content"`
	Confidence *float64         `json:"confidence"`
	Regions    []region         `json:"boundingRegions"`
	String     string           `json:"valueString"`
	Date       string           `json:"valueDate"`
	Time       string           `json:"valueTime"`
	Phone      string           `json:"valuePhoneNumber"`
	Number     json.Number      `json:"valueNumber"`
	Integer    json.Number      `json:"valueInteger"`
	Boolean    *bool            `json:"valueBoolean"`
	Country    string           `json:"valueCountryRegion"`
	Mark       string           `json:"valueSelectionMark"`
	Signature  string           `json:"valueSignature"`
	Currency   *money           `json:"valueCurrency"`
	Address    json.RawMessage  `json:"valueAddress"`
	Array      []value          `json:"valueArray"`
	Object     map[string]value `json:"valueObject"`
	// Text, Page and Box are version 2.1's content and region.
	Text string    `json:"text"`
	Page int       `json:"page"`
	Box  []float64 `json:"boundingBox"`
}

type money struct {
	Amount json.Number `json:"amount"`
	Code   string      `json:"currencyCode"`
}
