package config

import (
	"bytes"
	_ "embed"
	"fmt"
	"slices"

	"github.com/BurntSushi/toml"
)

// Class is one [[class]]: a kind of document, by what it is told and what is
// read from it.
type Class struct {
	Name string `toml:"name"`
	// Match are words or patterns (RE2) anywhere in the text that each are nearly
	// proof; Title the same in short lines of the first page's upper half; Hint what
	// occurs in such documents and in others; Against what speaks for another class.
	Match   []string `toml:"match"`
	Title   []string `toml:"title"`
	Hint    []string `toml:"hint"`
	Against []string `toml:"against"`
	// Layout is "strip" for till rolls, "sheet" for pages, "" for any; MRZ are the
	// formats of machine readable zones that are proof.
	Layout string   `toml:"layout"`
	MRZ    []string `toml:"mrz"`
	// Ignore are labels of what is no field, such as "total quantity" beside "total".
	Ignore []string `toml:"ignore"`
	// Unique are the fields that together name a document once.
	Unique []string `toml:"unique"`
	// MinConfidence is for the worst line of the document, 0..1.
	MinConfidence float64 `toml:"min_confidence"`
	MinPages      int     `toml:"min_pages"`
	// NeverCloud keeps documents of the class on this machine.
	NeverCloud bool `toml:"never_cloud"`
	MaxPages   int  `toml:"max_pages"`

	Kinds  []Kind  `toml:"kind"`
	Fields []Field `toml:"field"`
	Sums   []Sum   `toml:"sum"`
	Tables []Table `toml:"table"`
	Rules  []Rule  `toml:"rule"`
}

// Field is one field of a class and how it is found.
type Field struct {
	Name          string  `toml:"name"`
	Type          string  `toml:"type"`
	Required      bool    `toml:"required"`
	MinConfidence float64 `toml:"min_confidence"`
	// Labels are printed beside, above or over the column of the value, the surest
	// first. Pattern is what the whole value must match; Format a form with rules of
	// its own: "iban", "bic", "vat_id", "time" or "phone".
	Labels []string `toml:"labels"`
	// Numbers are printed instead of labels on cards that number their fields.
	Numbers []string `toml:"numbers"`
	Pattern string   `toml:"pattern"`
	Format  string   `toml:"format"`
	// Anywhere finds values by their type alone; Place "letterhead" finds the name of
	// who sent the document, "address" the lines under it, "kind" the name of the
	// kind, "period_start" and
	// "period_end" the first and the last of two dates; Pick "last" prefers the last
	// of equals; Fallback names the field whose value is taken where there is none.
	Anywhere bool   `toml:"anywhere"`
	Place    string `toml:"place"`
	Pick     string `toml:"pick"`
	Fallback string `toml:"fallback"`
}

// Kind is a variety of a class, such as a credit note among invoices, known by
// its title. Positive makes amounts positive that are printed as negative.
type Kind struct {
	Name     string   `toml:"name"`
	Title    []string `toml:"title"`
	Positive bool     `toml:"positive"`
}

// Sum says that Total is the sum of Plus and of what there is of Optional, less
// Minus. Rows names a table whose amounts belong to it, too: those of a column
// named debit are taken off, those of credit and amount added.
type Sum struct {
	Total    string   `toml:"total"`
	Plus     []string `toml:"plus"`
	Minus    []string `toml:"minus"`
	Optional []string `toml:"optional"`
	Rows     string   `toml:"rows"`
}

// Table is a table of a class, known by the labels over its columns.
type Table struct {
	Name    string   `toml:"name"`
	Columns []Column `toml:"column"`
}

// Column is one column of a table.
type Column struct {
	Name   string   `toml:"name"`
	Type   string   `toml:"type"`
	Labels []string `toml:"labels"`
}

// Rule is one check of a class.
type Rule struct {
	Check    string `toml:"check"`
	Message  string `toml:"message"`
	Severity string `toml:"severity"`
}

//go:embed classes.toml
var builtInClasses []byte

// BuiltInClasses are the classes every configuration has.
func BuiltInClasses() ([]Class, error) {
	var file struct {
		Classes []Class `toml:"class"`
	}
	meta, err := toml.NewDecoder(bytes.NewReader(builtInClasses)).Decode(&file)
	if err != nil {
		return nil, fmt.Errorf("read built-in classes: %w", err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return nil, fmt.Errorf("read built-in classes: unknown key %s", unknown[0])
	}
	return file.Classes, nil
}

// AddBuiltInClasses completes a configuration that comes from no file.
func (c *Config) AddBuiltInClasses() error {
	return c.mergeClasses(func(string) bool { return false })
}

// mergeClasses adds the built-in classes behind the file's own, so that these
// keep their places; what the file says of a built-in class comes first in it.
func (c *Config) mergeClasses(written func(key string) bool) error {
	builtIn, err := BuiltInClasses()
	if err != nil {
		return err
	}
	for _, b := range builtIn {
		i := slices.IndexFunc(c.Classes, func(o Class) bool { return o.Name == b.Name })
		if i < 0 {
			c.Classes = append(c.Classes, b)
			continue
		}
		own := &c.Classes[i]
		own.merge(b, func(key string) bool { return written(fmt.Sprintf("class.%d.%s", i, key)) })
	}
	return nil
}

// merge completes the file's class with the built-in one. Lists get longer,
// words that are written replace, fields, tables and rules are told by name.
func (c *Class) merge(b Class, written func(key string) bool) {
	for _, list := range []struct {
		own     *[]string
		builtIn []string
	}{{&c.Match, b.Match}, {&c.Title, b.Title}, {&c.Hint, b.Hint}, {&c.Against, b.Against}, {&c.MRZ, b.MRZ}, {&c.Ignore, b.Ignore}} {
		*list.own = append(*list.own, list.builtIn...)
	}
	if !written("layout") {
		c.Layout = b.Layout
	}
	if !written("unique") {
		c.Unique = b.Unique
	}
	if !written("min_confidence") {
		c.MinConfidence = b.MinConfidence
	}
	if !written("min_pages") {
		c.MinPages = b.MinPages
	}
	if !written("max_pages") {
		c.MaxPages = b.MaxPages
	}
	for _, f := range b.Fields {
		i := slices.IndexFunc(c.Fields, func(o Field) bool { return o.Name == f.Name })
		if i < 0 {
			c.Fields = append(c.Fields, f)
			continue
		}
		c.Fields[i].merge(f, func(key string) bool { return written(fmt.Sprintf("field.%d.%s", i, key)) })
	}
	c.Kinds = withMissing(c.Kinds, b.Kinds, func(k Kind) string { return k.Name })
	c.Tables = withMissing(c.Tables, b.Tables, func(t Table) string { return t.Name })
	c.Rules = withMissing(c.Rules, b.Rules, func(r Rule) string { return r.Check })
	c.Sums = append(c.Sums, b.Sums...)
}

// withMissing adds what own has not, by its key.
func withMissing[T any](own, builtIn []T, key func(T) string) []T {
	for _, b := range builtIn {
		if !slices.ContainsFunc(own, func(o T) bool { return key(o) == key(b) }) {
			own = append(own, b)
		}
	}
	return own
}

func (f *Field) merge(b Field, written func(key string) bool) {
	f.Labels = append(f.Labels, b.Labels...)
	f.Numbers = append(f.Numbers, b.Numbers...)
	for _, word := range []struct {
		key     string
		own     *string
		builtIn string
	}{{"type", &f.Type, b.Type}, {"pattern", &f.Pattern, b.Pattern}, {"format", &f.Format, b.Format}, {"place", &f.Place, b.Place},
		{"pick", &f.Pick, b.Pick}, {"fallback", &f.Fallback, b.Fallback}} {
		if !written(word.key) {
			*word.own = word.builtIn
		}
	}
	if !written("required") {
		f.Required = b.Required
	}
	if !written("min_confidence") {
		f.MinConfidence = b.MinConfidence
	}
	if !written("anywhere") {
		f.Anywhere = b.Anywhere
	}
}
