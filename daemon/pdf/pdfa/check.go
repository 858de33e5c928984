package pdfa

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"intray/daemon/pdf/syntax"
)

// Violation is one thing that speaks against the claim to be PDF/A-2b.
type Violation struct {
	Clause   string // of ISO 19005-2
	Sentence string // for a person
}

// maxViolations is how many are listed; one is enough against a claim.
const maxViolations = 100

// Report is what a check found.
type Report struct {
	// Part and Level are what the file claims, such as "2" and "B"; "" without a
	// claim.
	Part, Level string
	Violations  []Violation
}

// Conformance is what the file claims and keeps, "PDF/A-2b" or "PDF/A-3b"; ""
// for neither. Of claims to a higher level, only b is checked.
func (r Report) Conformance() string {
	if len(r.Violations) > 0 || r.Part == "" {
		return ""
	}
	return "PDF/A-" + r.Part + "b"
}

// Mendable is true where all that was found concerns how the file's objects are
// written, not what they are: white space, lengths, header, end.
func (r Report) Mendable() bool {
	for _, v := range r.Violations {
		if !oneOf(v.Clause, "6.1.2", "6.1.3", "6.1.4", "6.1.6", "6.1.7.1", "6.1.9") {
			return false
		}
	}
	return true
}

// Check reads a finished file of size bytes and lists what speaks against its
// being PDF/A-2b, a missing claim included. What cannot be checked is listed
// too. Files that claim part 3 are held to the rules of part 2, which differ in
// attachments only (ISO 19005-3, Introduction). An error means that the file
// could not be read at all.
func Check(r io.ReaderAt, size int64) (out Report, err error) {
	c := &checker{profiles: map[int]*profileHead{}, fonts: map[int]*fontUse{}, spaces: map[spaceKey]bool{}, visited: map[visit]bool{}, separations: map[syntax.Name]string{}}
	defer func() {
		switch p := recover(); p { // no claim where the check itself fails
		case nil:
		case errBudget:
			c.add("6.1", "The file is too large or intricate to be checked.")
			out, err = Report{c.part, c.level, c.violations}, c.failure
		default:
			c.add("6.1", "The file cannot be checked: %v.", p)
			out, err = Report{c.part, c.level, c.violations}, c.failure
		}
	}()
	c.run(r, size)
	return Report{c.part, c.level, c.violations}, c.failure
}

// checker is one check of one file.
type checker struct {
	f          *syntax.File
	root       syntax.Dict
	violations []Violation
	seen       map[string]bool
	failure    error // of reading
	where      string

	part, level string // the claim
	spent       int    // of budget

	intent      intent
	profiles    map[int]*profileHead
	fonts       map[int]*fontUse
	loose       []*fontUse // fonts that are no objects of their own
	spaces      map[spaceKey]bool
	visited     map[visit]bool
	separations map[syntax.Name]string
	metadata    []metadata
	inks        bool // ICCBased CMYK is used
	overprint   bool // with overprint mode 1
}

func (c *checker) run(r io.ReaderAt, size int64) {
	f, err := syntax.Open(r, size)
	if err != nil {
		c.unreadable("6.1.4", "The file's cross-reference table", err)
		return
	}
	c.f = f
	c.ends()
	if c.failure != nil || c.f.Trailer()["Encrypt"] != nil {
		return // the rest would be noise
	}
	c.objects()
	if c.root = c.dict(f.Trailer()["Root"]); c.root == nil {
		c.add("6.1.3", "The file has no catalog.")
		return
	}
	c.catalog()
	c.outputIntents()
	c.pages()
	c.annotationForms()
	c.checkFonts()
	if c.inks && c.overprint {
		c.add("6.2.4.2", "Ink colours are overprinted with overprint mode 1.")
	}
	c.packets()
}

// add lists a violation once.
func (c *checker) add(clause, format string, args ...any) {
	sentence := fmt.Sprintf(format, args...)
	if c.seen == nil {
		c.seen = map[string]bool{}
	}
	if len(c.violations) >= maxViolations || c.seen[clause+sentence] {
		return
	}
	c.seen[clause+sentence] = true
	c.violations = append(c.violations, Violation{clause, sentence})
}

// unreadable lists what cannot be checked; failures of reading the file itself
// end the check.
func (c *checker) unreadable(clause, what string, err error) {
	if errors.Is(err, syntax.ErrSyntax) || errors.Is(err, syntax.ErrFilter) {
		c.add(clause, "%s cannot be checked: %v.", what, err)
		return
	}
	c.failure = errors.Join(c.failure, err)
}

// budget bounds a check: roughly the bytes it looks at. Objects may refer to one
// another in ways that multiply.
const budget = 1 << 30

var errBudget = errors.New("budget spent")

// spend ends the check where it takes too long.
func (c *checker) spend(n int) {
	if c.spent += n; c.spent > budget {
		panic(errBudget) // caught in Check
	}
}

// resolve follows references; what cannot be read is listed and nil.
func (c *checker) resolve(o syntax.Object) syntax.Object {
	out, err := c.f.Resolve(o)
	if err != nil {
		c.unreadable("6.1.9", "An object", err)
	}
	return out
}

// dict resolves a dictionary, a stream's own included; nil for all else.
func (c *checker) dict(o syntax.Object) syntax.Dict {
	switch v := c.resolve(o).(type) {
	case syntax.Dict:
		return v
	case *syntax.Stream:
		return v.Dict
	}
	return nil
}

func (c *checker) array(o syntax.Object) syntax.Array {
	a, _ := c.resolve(o).(syntax.Array)
	return a
}

func (c *checker) name(o syntax.Object) syntax.Name {
	n, _ := c.resolve(o).(syntax.Name)
	return n
}

func (c *checker) integer(o syntax.Object) (int, bool) {
	n, ok := c.resolve(o).(int64)
	return int(n), ok
}

// number is an integer or real number.
func (c *checker) number(o syntax.Object) (float64, bool) {
	switch v := c.resolve(o).(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// numbers is an array of numbers; nil if it is something else.
func (c *checker) numbers(o syntax.Object) []float64 {
	var out []float64
	for _, e := range c.array(o) {
		v, ok := c.number(e)
		if !ok {
			return nil
		}
		out = append(out, v)
	}
	return out
}

// maxStream is the most a stream that the check looks into may hold.
const maxStream = 64 << 20

// decode reads a stream; nil and a violation where it cannot be read.
func (c *checker) decode(o syntax.Object, clause, what string) []byte {
	s, ok := c.resolve(o).(*syntax.Stream)
	if !ok {
		c.add(clause, "%s is no stream.", what)
		return nil
	}
	data, err := c.f.Decode(s, maxStream)
	if err != nil {
		c.unreadable(clause, what, err)
		return nil
	}
	c.spend(len(data))
	return data
}

// on puts the place of what is checked into a sentence, such as " on page 3".
func (c *checker) on() string {
	if c.where == "" {
		return ""
	}
	return " " + c.where
}

// plain is a name of the file's as it may be shown in a sentence.
func plain(n syntax.Name) string {
	s := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F || r == 0xFFFD {
			return '?'
		}
		return r
	}, string(n))
	if runes := []rune(s); len(runes) > 60 {
		s = string(runes[:60]) + "…"
	}
	return s
}

func oneOf[T comparable](v T, of ...T) bool { return slices.Contains(of, v) }
