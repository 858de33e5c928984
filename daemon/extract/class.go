package extract

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"intray/daemon/config"
	"intray/daemon/extract/value"
)

// class is a config.Class made ready.
type class struct {
	name                        string
	title, match, hint, against []pattern
	layout                      string
	mrz                         []string
	fields                      []field
	labels                      labelIndex
	sums                        []sum
	kinds                       []kind
	tables                      []tableRule
}

type field struct {
	config.Field
	pattern *regexp.Regexp
}

// accepts is true for values that fit the field's pattern, if it has one.
func (f *field) accepts(v string) bool { return f.pattern == nil || f.pattern.MatchString(v) }

// earliest is the first day, ISO, that a date of this field may be: only dates
// of birth and of issue lie in the last century.
func (f *field) earliest() string {
	if f.Name == "date_of_birth" || f.Name == "issue_date" {
		return ""
	}
	return "1970-01-01"
}

// sum says that fields add up: total is plus minus minus, all by index; those
// in optional may be missing. rows names the table whose amounts belong to it.
type sum struct {
	total                 int
	plus, minus, optional []int
	rows                  string
}

// kind is a variety of a class.
type kind struct {
	name     string
	title    []pattern
	positive bool
}

func compile(c config.Class) (class, error) {
	out := class{name: c.Name, layout: c.Layout, mrz: c.MRZ}
	for _, list := range []struct {
		to   *[]pattern
		from []string
	}{{&out.title, c.Title}, {&out.match, c.Match}, {&out.hint, c.Hint}, {&out.against, c.Against}} {
		var err error
		if *list.to, err = patterns(list.from); err != nil {
			return out, err
		}
	}
	for _, k := range c.Kinds {
		title, err := patterns(k.Title)
		if err != nil {
			return out, err
		}
		out.kinds = append(out.kinds, kind{name: k.Name, positive: k.Positive, title: title})
	}
	var labels []label
	for i, f := range c.Fields {
		one := field{Field: f}
		if f.Pattern != "" {
			re, err := regexp.Compile(`^(?:` + f.Pattern + `)$`)
			if err != nil {
				return out, fmt.Errorf("field %q: pattern %q: %w", f.Name, f.Pattern, err)
			}
			one.pattern = re
		}
		out.fields = append(out.fields, one)
		for rank, l := range f.Labels {
			labels = append(labels, label{value.Fold(l), i, rank})
		}
	}
	for _, l := range c.Ignore {
		labels = append(labels, label{value.Fold(l), other, 0})
	}
	out.labels = indexLabels(labels)
	for _, t := range c.Tables {
		out.tables = append(out.tables, compileTable(t))
	}
	return out, out.compileSums(c.Sums)
}

func patterns(list []string) (out []pattern, err error) {
	for _, expression := range list {
		p, err := newPattern(expression)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

func (c *class) compileSums(sums []config.Sum) error {
	for _, s := range sums {
		one := sum{total: c.index(s.Total), rows: s.Rows}
		for _, list := range []struct {
			to   *[]int
			from []string
		}{{&one.plus, s.Plus}, {&one.minus, s.Minus}, {&one.optional, s.Optional}} {
			for _, name := range list.from {
				*list.to = append(*list.to, c.index(name))
			}
		}
		all := slices.Concat([]int{one.total}, one.plus, one.minus, one.optional)
		if slices.Contains(all, other) {
			return fmt.Errorf("a sum names a field that is not in the class: %s", strings.Join(slices.Concat([]string{s.Total}, s.Plus, s.Minus, s.Optional), ", "))
		}
		c.sums = append(c.sums, one)
	}
	return nil
}

// index is a field's place in the class; other if it has none of that name.
func (c *class) index(name string) int {
	return slices.IndexFunc(c.fields, func(f field) bool { return f.Name == name })
}

// placed is the field with that place; other if there is none.
func (c *class) placed(place string) int {
	return slices.IndexFunc(c.fields, func(f field) bool { return f.Place == place })
}

// isTotal is true for a field that others add up to.
func (c *class) isTotal(i int) bool {
	return slices.ContainsFunc(c.sums, func(s sum) bool { return s.total == i })
}
