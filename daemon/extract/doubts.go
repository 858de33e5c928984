package extract

import (
	"fmt"
	"slices"

	"intray/daemon/document"
	"intray/daemon/extract/value"
)

// tell puts what speaks against a field's value into words for the person who is
// to decide.
func tell(reason string, f document.Field, list []candidate) (w document.Warning, told bool) {
	w.Page, w.Field = f.Page, f.Name
	switch reason {
	case "check_digits":
		w.Code, w.Message = CodeCheckDigits, fmt.Sprintf("The check digits of %s %q do not hold: it may be misread.", words(f.Name), f.Value)
	case "sum":
		w.Code, w.Message = CodeReadBySum, fmt.Sprintf("%s was read as \"%s\", but the other amounts say %s. Please check which is right.", words(f.Name), f.Raw, f.Value)
	case "conflict":
		w.Code, w.Message = CodeConflict, fmt.Sprintf("The document gives two values for %s: %s and %s. It was read as %s; please check which is right.",
			words(f.Name), list[0].value, list[1].value, f.Value)
	case "order":
		w.Code, w.Message = CodeDateOrder, fmt.Sprintf("%s is printed as \"%s\", and nothing on the document says whether its day or its month comes first. It was read as %s.",
			words(f.Name), f.Raw, f.Value)
	case "alone":
		w.Code, w.Message = CodeTotalAlone, fmt.Sprintf("%s was read as %s, not very well, and no other amount on the document leads to it. Please check it.", words(f.Name), f.Value)
	}
	return w, w.Code != ""
}

// told are the warnings about fields that the pages have the last word on.
func (x *search) told(fields []document.Field) (out []document.Warning) {
	for _, f := range fields {
		if w, doubted := x.doubts[f.Name]; doubted && f.From != "xml" {
			out = append(out, w)
		}
	}
	return out
}

// sighting is an amount printed somewhere, whatever it is.
type sighting struct {
	candidate
	places int
}

const (
	// wellRead is the confidence of words that needs no other amount's support.
	wellRead = 0.8
	// mostAddends bounds the amounts in a column that are added up.
	mostAddends = 100
	// leastOthers are needed for their sum to tell anything.
	leastOthers = 3
)

// alone is true for a total that no other amount leads to, and that was not read
// well or is more than everything else on the document together.
func (x *search) alone(total candidate) bool {
	if _, noted := x.printed[total.amount]; !noted || x.supported(total.amount) {
		return false
	}
	var others value.Amount
	for amount := range x.printed {
		if amount != total.amount {
			others += amount.Abs()
		}
	}
	return total.confidence < wellRead || len(x.printed) > leastOthers && total.amount.Abs() > others
}

// supported is true for an amount that is printed again, is the sum of two others
// or the sum of those above it in its column.
func (x *search) supported(total value.Amount) bool {
	if x.printed[total].places > 1 {
		return true
	}
	for a := range x.printed {
		if b := total - a; a != 0 && b != 0 && a != b && x.printed[b].places > 0 {
			return true
		}
	}
	for i, a := range x.rightmost {
		if a != total {
			continue
		}
		var sum value.Amount
		for k, above := range slices.Backward(x.rightmost[max(0, i-mostAddends):i]) {
			if sum += above; sum == total && k < i-1 {
				return true
			}
		}
	}
	return false
}
