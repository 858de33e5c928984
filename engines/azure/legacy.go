package azure

import "strings"

// oldPage and oldDocument are what version 2.1 of the interface answers: no spans,
// words within lines. Stored answers of that time can be normalized anew.
type oldPage struct {
	Page   int     `json:"page"`
	Angle  float64 `json:"angle"`
	Width  float64 `json:"width"`
	Height float64 `json:"height"`
	Unit   string  `json:"unit"`
	Lines  []struct {
		Text  string    `json:"text"`
		Box   []float64 `json:"boundingBox"`
		Words []struct {
			Text       string    `json:"text"`
			Box        []float64 `json:"boundingBox"`
			Confidence float64   `json:"confidence"`
		} `json:"words"`
	} `json:"lines"`
}

type oldDocument struct {
	Type       string           `json:"docType"`
	Confidence float64          `json:"docTypeConfidence"`
	Pages      []int            `json:"pageRange"`
	Fields     map[string]value `json:"fields"`
}

// modern turns an answer of version 2.1 into one of today, with spans in a content
// of its own; any other stays as it is.
func (a *analysis) modern() {
	if len(a.Pages) > 0 || len(a.ReadResults) == 0 {
		return
	}
	a.IndexType = "unicodeCodePoint"
	var content strings.Builder
	at := 0
	add := func(text string) span {
		s := span{at, len([]rune(text))}
		content.WriteString(text)
		content.WriteByte('\n')
		at += s.Length + 1
		return s
	}
	for _, old := range a.ReadResults {
		page := wirePage{Number: old.Page, Angle: old.Angle, Width: old.Width, Height: old.Height, Unit: old.Unit}
		for _, l := range old.Lines {
			line := wireLine{Content: l.Text, Polygon: l.Box}
			for _, w := range l.Words {
				word := wireWord{Content: w.Text, Polygon: w.Box, Confidence: w.Confidence, Span: add(w.Text)}
				page.Words, line.Spans = append(page.Words, word), append(line.Spans, word.Span)
			}
			page.Lines = append(page.Lines, line)
		}
		a.Pages = append(a.Pages, page)
	}
	a.Content = content.String()
	for _, old := range a.DocumentResults {
		name := strings.ReplaceAll(strings.TrimPrefix(old.Type, "prebuilt:"), ":", ".")
		a.Documents = append(a.Documents, wireDocument{Type: name, Confidence: old.Confidence, Fields: modernFields(old.Fields)})
	}
}

func modernFields(old map[string]value) map[string]value {
	fields := map[string]value{}
	for name, v := range old {
		fields[name] = v.modern()
	}
	return fields
}

func (v value) modern() value {
	if v.Content == "" {
		v.Content = v.Text
	}
	if len(v.Regions) == 0 && v.Page > 0 {
		v.Regions = []region{{v.Page, v.Box}}
	}
	for i := range v.Array {
		v.Array[i] = v.Array[i].modern()
	}
	if v.Object != nil {
		v.Object = modernFields(v.Object)
	}
	return v
}
