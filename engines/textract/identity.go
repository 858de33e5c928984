package textract

import (
	"strings"
	"time"

	"intray/engines"
)

// identityDocument is what AnalyzeID finds. This engine does not call it, which
// has no asynchronous form, but reads its answers.
type identityDocument struct {
	IdentityDocumentFields []struct {
		Type           detection
		ValueDetection struct {
			Text            string
			Confidence      float64
			NormalizedValue struct{ Value, ValueType string }
		}
	}
	Blocks []block
}

// identityNames are AnalyzeID's types under the design's names.
var identityNames = map[string]struct{ name, kind string }{
	"FIRST_NAME":      {"given_names", "text"},
	"LAST_NAME":       {"surname", "text"},
	"DOCUMENT_NUMBER": {"document_number", "code"},
	"EXPIRATION_DATE": {"expiry_date", "date"},
	"DATE_OF_BIRTH":   {"date_of_birth", "date"},
	"DATE_OF_ISSUE":   {"issue_date", "date"},
	"ID_TYPE":         {"document_type", "text"},
	"PLACE_OF_BIRTH":  {"place_of_birth", "text"},
}

// identity turns what was found into fields. Every type is always there; one
// without text was not found.
func (n *normalizer) identity() {
	for i, d := range n.ids {
		for _, f := range d.IdentityDocumentFields {
			text := f.ValueDetection.Text
			if text == "" {
				continue
			}
			out := engines.Field{Name: engines.SnakeCase(f.Type.Text), Type: "text", Raw: text, Value: text, Page: i + 1,
				Confidence: confidence(f.ValueDetection.Confidence), HasConfidence: true}
			if known, ok := identityNames[f.Type.Text]; ok {
				out.Name, out.Type = known.name, known.kind
			}
			if n.page(out.Page) == nil {
				out.Page = 0
			}
			switch day, _, timed := strings.Cut(f.ValueDetection.NormalizedValue.Value, "T"); {
			case f.Type.Text == "MRZ_CODE":
				n.mrz(out)
				continue
			case out.Type == "date" && timed && isDay(day):
				out.Value = day
			default:
				out = n.typed(out)
			}
			n.class(out)
			n.add(out)
		}
	}
}

// class is what the document calls itself.
func (n *normalizer) class(f engines.Field) {
	if f.Name != "document_type" || n.result.Class != "" {
		return
	}
	n.result.Class, n.result.ClassConfidence = "id", f.Confidence
	if strings.Contains(strings.ToUpper(f.Raw), "PASSPORT") {
		n.result.Class = "passport"
	}
}

// mrz gives each line of the machine-readable zone a field.
func (n *normalizer) mrz(f engines.Field) {
	for i, line := range strings.Fields(f.Raw) {
		if i == 3 {
			return
		}
		f.Name, f.Type, f.Raw, f.Value = "mrz_line"+string(rune('1'+i)), "code", line, line
		n.add(f)
	}
}

func isDay(text string) bool {
	_, err := time.Parse(time.DateOnly, text)
	return err == nil
}
