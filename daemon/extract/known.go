package extract

import (
	"fmt"
	"slices"
	"strings"

	"intray/daemon/document"
	"intray/daemon/extract/value"
)

// known is a field that the document's XML gives, and whether the pages print
// its value.
type known struct {
	document.Field
	fold    string
	printed bool
	named   bool // the page has it, written in another way
}

// contradictable are the fields in which page and XML must not differ: what is
// paid, to whom, and for which invoice. What is left out on the page, and a name
// written in another way, are no contradiction.
func contradictable() []string {
	return []string{"seller_name", "invoice_number", "issue_date", "due_date", "currency", "net_total", "tax_total", "gross_total", "amount_due", "iban", "seller_vat_id"}
}

// leastFold is how long a folded value must be to be looked for in a page's text.
const leastFold = 4

func makeKnown(fields []document.Field) (out []known) {
	for _, f := range fields {
		out = append(out, known{Field: f, fold: value.Fold(f.Raw)})
	}
	return out
}

// seek looks for the known values on a page. Dates and amounts are compared as
// values, everything else as printed. Where one is found, its place is kept.
func (x *search) seek(s sheet) {
	for i := range x.known {
		k := &x.known[i]
		for n := range s.rows {
			if k.printed {
				break
			}
			if at, ok := x.locate(&s.rows[n], k); ok {
				k.printed, k.Page, k.Box = true, x.page, at
			}
			k.named = k.named || k.Name == "seller_name" && hasName(&s.rows[n], k.Value)
		}
	}
}

func (x *search) locate(r *row, k *known) (document.Box, bool) {
	all := span{0, len(r.tokens)}
	var found []candidate
	switch k.Type {
	case "date":
		found = x.dates(&field{}, r, all)
	case "amount":
		for i := range r.tokens {
			if p, n, ok := readAmount(r, i, len(r.tokens)); ok {
				found = append(found, x.at(r, span{i, i + n}, strings.TrimPrefix(p.Amount.String(), "-"), 1))
			}
		}
	default:
		return locateText(r, k.fold)
	}
	i := slices.IndexFunc(found, func(c candidate) bool { return c.value == strings.TrimPrefix(k.Value, "-") })
	if i < 0 {
		return document.Box{}, false
	}
	return found[i].box, true
}

// locateText finds folded text in a row, from a word's beginning.
func locateText(r *row, fold string) (document.Box, bool) {
	if len(fold) < leastFold {
		return document.Box{}, false
	}
	for i := range r.tokens {
		joined := ""
		for j := i; j < len(r.tokens) && len(joined) < len(fold); j++ {
			if joined += r.tokens[j].fold; strings.HasPrefix(joined, fold) {
				return around(r.tokens[i : j+1]), true
			}
		}
	}
	return document.Box{}, false
}

// merge puts the known fields before those that were read, and tells where the
// pages say something else.
func (x *search) merge(read []document.Field, drawn bool) (out []document.Field, differ []document.Warning) {
	if len(x.known) == 0 {
		return read, nil
	}
	for _, k := range x.known {
		i := slices.IndexFunc(read, func(f document.Field) bool { return f.Name == k.Name })
		if i >= 0 && !drawn && k.contradicts(read[i]) {
			differ = append(differ, document.Warning{Code: CodeXMLDiffers, Page: read[i].Page, Field: k.Name, Message: fmt.Sprintf(
				"The e-invoice inside the file says %s is %s, the page says %s. Please check which is right.", words(k.Name), k.Value, read[i].Value)})
		}
		if i >= 0 && !k.printed && sameValue(k.Field, read[i]) {
			k.Page, k.Box = read[i].Page, read[i].Box
		}
		if k.Name == "iban" {
			if _, valid, _ := value.ParseIBAN(k.Value); !valid {
				k.Confidence = min(k.Confidence, refuted)
				differ = append(differ, document.Warning{Code: CodeCheckDigits, Page: k.Page, Field: k.Name, Message: fmt.Sprintf(
					"The check digits of the IBAN %s in the e-invoice do not hold. Please check it before anything is paid.", k.Value)})
			}
		}
		out = append(out, k.Field)
	}
	for _, f := range read {
		if !slices.ContainsFunc(x.known, func(k known) bool { return k.Name == f.Name }) {
			out = append(out, f)
		}
	}
	return out, differ
}

// contradicts is true where the page gives another value for a field in which it
// must not.
func (k *known) contradicts(read document.Field) bool {
	if !slices.Contains(contradictable(), k.Name) || read.Confidence < believes(k.Name) || sameValue(k.Field, read) {
		return false
	}
	return k.Name != "seller_name" || !k.printed && !k.named && !sameName(k.Value, read.Value)
}

const believed = 0.6

// refuted is the confidence of a value that proves itself wrong.
const refuted = 0.3

// believes is the confidence from which on a printed value contradicts the XML.
// Another account on the page, however badly read, is what fraud looks like.
func believes(name string) float64 {
	if name == "iban" {
		return 0
	}
	return believed
}

func sameValue(a, b document.Field) bool {
	if a.Type == "amount" {
		return strings.TrimPrefix(a.Value, "-") == strings.TrimPrefix(b.Value, "-")
	}
	return value.Fold(a.Value) == value.Fold(b.Value)
}

// words is a field's name for people.
func words(name string) string { return strings.ReplaceAll(name, "_", " ") }
