package config

import (
	"fmt"
	"regexp"
	"slices"
)

// Words of blank_pages.
const (
	BlankKeep   = "keep"
	BlankRemove = "remove"
)

// SplitRule is one way to tell where a document begins; exactly one of
// Separator, Barcode, Pages and Blank is set.
type SplitRule struct {
	// Separator is a pattern for the text of a barcode on sheets that stand
	// between documents and are left out.
	Separator string
	// Barcode is a pattern for one on the first page of each document.
	Barcode string
	// Formats are the kinds of barcode that count; empty: all.
	Formats []string
	// Pages is how many pages each document has.
	Pages int
	// Blank is for blank pages that stand between documents and are left out.
	Blank bool

	pattern *regexp.Regexp
}

// Matches is true for a barcode the rule waits for.
func (r SplitRule) Matches(format, text string) bool {
	return (len(r.Formats) == 0 || slices.Contains(r.Formats, format)) && r.pattern != nil && r.pattern.MatchString(text)
}

// SplitRules are a folder's; none means that files stay whole.
type SplitRules []SplitRule

// UnmarshalTOML takes "off", a rule or a list of rules.
func (s *SplitRules) UnmarshalTOML(v any) error {
	*s = SplitRules{}
	switch v := v.(type) {
	case string:
		if v == "off" {
			return nil
		}
	case map[string]any:
		return s.add(v)
	case []map[string]any:
		for _, one := range v {
			if err := s.add(one); err != nil {
				return err
			}
		}
		return nil
	case []any:
		for _, one := range v {
			table, ok := one.(map[string]any)
			if !ok {
				return errSplit(one)
			}
			if err := s.add(table); err != nil {
				return err
			}
		}
		return nil
	}
	return errSplit(v)
}

func errSplit(v any) error {
	return fmt.Errorf(`split must be "off" or rules such as { separator = "PATCHT" }, { barcode = "^ASN" }, { pages = 2 } or { blank = true }, not %v`, v)
}

func (s *SplitRules) add(table map[string]any) error {
	var r SplitRule
	kinds := 0
	for key, value := range table {
		ok := true
		switch key {
		case "separator":
			r.Separator, ok = value.(string)
			kinds++
		case "barcode":
			r.Barcode, ok = value.(string)
			kinds++
		case "pages":
			var n int64
			n, ok = value.(int64)
			r.Pages, ok = int(n), ok && n > 0
			kinds++
		case "blank":
			r.Blank, ok = value.(bool)
			ok = ok && r.Blank
			kinds++
		case "formats":
			ok = (*EngineList)(&r.Formats).UnmarshalTOML(value) == nil
		default:
			return fmt.Errorf("a rule of split has separator, barcode, pages or blank, and formats, not %q", key)
		}
		if !ok {
			return errSplit(table)
		}
	}
	if kinds != 1 {
		return fmt.Errorf("a rule of split has exactly one of separator, barcode, pages and blank; %v has %d", table, kinds)
	}
	if text := r.Separator + r.Barcode; text != "" {
		pattern, err := regexp.Compile(text)
		if err != nil {
			return fmt.Errorf("split: %q is not a pattern: %w", text, err)
		}
		r.pattern = pattern
	} else if r.Pages == 0 && !r.Blank {
		return errSplit(table)
	}
	*s = append(*s, r)
	return nil
}
