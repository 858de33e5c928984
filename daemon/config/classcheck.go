package config

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

// reservedFields are the lines of a review bundle's fields.txt that are no fields.
func reservedFields() []string { return []string{"confirm", "reason"} }

func (v *checker) classes(all []Class) {
	for i, c := range all {
		key := fmt.Sprintf("class.%d", i)
		if !word.MatchString(c.Name) {
			v.add(key+".name", "class name %q: use letters, digits, dot, dash and underscore", c.Name)
		}
		if slices.ContainsFunc(all[:i], func(o Class) bool { return o.Name == c.Name }) {
			v.add(key+".name", "two classes are called %q", c.Name)
		}
		if !(c.MinConfidence >= 0 && c.MinConfidence <= 1) {
			v.add(key+".min_confidence", "min_confidence of class %q is %g; it must be from 0 to 1", c.Name, c.MinConfidence)
		}
		v.pageSpan(key, c)
		for _, m := range c.Match {
			if _, err := regexp.Compile(m); err != nil {
				v.add(key+".match", "class %q: %q is not a pattern: %s", c.Name, m, patternFault(err))
			}
		}
		for j := range c.Fields {
			v.field(fmt.Sprintf("%s.field.%d", key, j), c, j)
		}
		v.shape(key, c)
		for j, r := range c.Rules {
			rkey := fmt.Sprintf("%s.rule.%d", key, j)
			if r.Check == "" {
				v.add(rkey+".check", "class %q has a rule without a check", c.Name)
			}
			v.oneOf(rkey+".severity", r.Severity, "review", "warn")
		}
	}
}

func (v *checker) pageSpan(key string, c Class) {
	for name, n := range map[string]int{"min_pages": c.MinPages, "max_pages": c.MaxPages} {
		if n < 0 {
			v.add(key+"."+name, "class %q: %s is %d; write a number of pages, or 0 for no limit", c.Name, name, n)
		}
	}
	if c.MaxPages > 0 && c.MaxPages < c.MinPages {
		v.add(key+".max_pages", "class %q: min_pages is %d and max_pages %d; no document has that many (0 is no limit)", c.Name, c.MinPages, c.MaxPages)
	}
}

// field checks the class's field number j.
func (v *checker) field(key string, c Class, j int) {
	f := c.Fields[j]
	if !fieldName.MatchString(f.Name) {
		v.add(key+".name", "field name %q of class %q: use lower-case letters, digits and underscore, such as \"order_number\"", f.Name, c.Name)
	}
	if slices.Contains(reservedFields(), f.Name) {
		v.add(key+".name", "class %q: %q has a meaning of its own in fields.txt and cannot be a field", c.Name, f.Name)
	}
	if slices.ContainsFunc(c.Fields[:j], func(o Field) bool { return o.Name == f.Name }) {
		v.add(key+".name", "class %q has two fields called %q; write all that is to be said of it into one [[class.field]], or give one of them another name", c.Name, f.Name)
	}
	v.found(key, c, f)
	v.oneOf(key+".type", f.Type, "text", "amount", "date", "currency", "code")
	if !(f.MinConfidence >= 0 && f.MinConfidence <= 1) {
		v.add(key+".min_confidence", "min_confidence of field %q is %g; it must be from 0 to 1", f.Name, f.MinConfidence)
	}
}

// patternFault is what is wrong with a pattern, without the words of the package
// that found it.
func patternFault(err error) string {
	if e, ok := errors.AsType[*syntax.Error](err); ok {
		return fmt.Sprintf("%s at %q", e.Code, e.Expr)
	}
	return err.Error()
}

var fieldName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// found checks how a field is to be found.
func (v *checker) found(key string, c Class, f Field) {
	if _, err := regexp.Compile(f.Pattern); err != nil {
		v.add(key+".pattern", "field %q of class %q: %q is not a pattern: %s", f.Name, c.Name, f.Pattern, patternFault(err))
	}
	v.oneOf(key+".format", f.Format, "", "iban", "bic", "vat_id", "time", "phone")
	v.oneOf(key+".place", f.Place, "", "letterhead", "address", "kind", "period_start", "period_end")
	v.oneOf(key+".pick", f.Pick, "", "first", "last")
	if f.Fallback != "" && !c.has(f.Fallback) {
		v.add(key+".fallback", "field %q of class %q falls back on %q, which is no field of the class", f.Name, c.Name, f.Fallback)
	}
	for _, l := range f.Labels {
		if strings.Trim(l, " .:,;-") == "" {
			v.add(key+".labels", "field %q of class %q has an empty label; leave it out", f.Name, c.Name)
		}
	}
}

// has is true for a field of the class.
func (c *Class) has(name string) bool {
	return slices.ContainsFunc(c.Fields, func(f Field) bool { return f.Name == name })
}

// shape checks what a class says beside its fields.
func (v *checker) shape(key string, c Class) {
	lists := map[string][]string{"title": c.Title, "hint": c.Hint, "against": c.Against}
	for _, k := range c.Kinds {
		lists["kind"] = append(lists["kind"], k.Title...)
	}
	for name, list := range lists {
		for _, p := range list {
			if _, err := regexp.Compile(p); err != nil {
				v.add(key+"."+name, "class %q: %q is not a pattern: %s", c.Name, p, patternFault(err))
			}
		}
	}
	v.oneOf(key+".layout", c.Layout, "", "strip", "sheet")
	for _, m := range c.MRZ {
		v.oneOf(key+".mrz", m, "TD1", "TD2", "TD3")
	}
	for _, s := range c.Sums {
		for _, name := range slices.Concat([]string{s.Total}, s.Plus, s.Minus, s.Optional) {
			if !c.has(name) {
				v.add(key+".sum", "a sum of class %q names %q, which is no field of the class", c.Name, name)
			}
		}
		if s.Rows != "" && !slices.ContainsFunc(c.Tables, func(t Table) bool { return t.Name == s.Rows }) {
			v.add(key+".sum", "a sum of class %q adds the rows of %q, which is no table of the class", c.Name, s.Rows)
		}
		if len(s.Plus) == 0 {
			v.add(key+".sum", "the sum of %q in class %q says nothing of what it adds; give it plus = [\"...\"]", s.Total, c.Name)
		}
	}
	for _, t := range c.Tables {
		for _, col := range t.Columns {
			v.oneOf(key+".table.column.type", col.Type, "", "text", "amount", "date", "code")
			if col.Name == "" || len(col.Labels) == 0 {
				v.add(key+".table", "table %q of class %q has a column without a name or without labels", t.Name, c.Name)
			}
		}
	}
}
