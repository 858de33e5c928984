package validate

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"
	"golang.org/x/text/unicode/norm"

	"intray/daemon/config"
	"intray/daemon/document"
)

// Class is a class's checks, ready to be used. It may be used in parallel.
type Class struct {
	config config.Class
	types  map[string]string // of all fields that rules may name
	rules  []rule
}

// RuleError is a rule that means nothing. Index is its place in the class.
type RuleError struct {
	Index int
	Cause error
}

func (e *RuleError) Error() string { return e.Cause.Error() }
func (e *RuleError) Unwrap() error { return e.Cause }

// Compile makes a class ready. The error of a rule is a *RuleError.
func Compile(c config.Class) (*Class, error) {
	out := &Class{config: c, types: document.FieldTypes()} // a rule may speak of them even if its class does not list them
	for _, f := range c.Fields {
		out.types[f.Name] = f.Type
	}
	for _, name := range c.Unique {
		if out.types[name] == "" {
			return nil, fmt.Errorf("unique of class %q cannot be used: %s", c.Name, noField(name, out.types))
		}
	}
	for i, r := range c.Rules {
		compiled, err := compile(r, out.types)
		if err != nil {
			return nil, &RuleError{i, err}
		}
		out.rules = append(out.rules, compiled)
	}
	return out, nil
}

// rule is one expression.
type rule struct {
	config  config.Rule
	program *vm.Program
	uses    []string // fields that must be there for it to apply
	asks    []string // fields that it asks about and can do without
}

// Functions that take the name of a field that need not be there.
const (
	hasFunction      = "has"
	optionalFunction = "optional"
)

// compile checks types: every field is an exact Amount, a time or a string.
func compile(r config.Rule, types map[string]string) (rule, error) {
	env := functions(nil)
	for name, kind := range types {
		env[name] = zero(kind)
	}
	// Amounts are read from decimal strings; a rule has no clock.
	options := []expr.Option{expr.Env(env), expr.AsBool(), expr.DisableBuiltin("now"), expr.DisableBuiltin("round"), expr.DisableBuiltin("abs")}
	options = append(options, arithmetic()...)
	program, err := expr.Compile(r.Check, options...)
	if err != nil {
		return rule{}, unusable(r, explain(err, types))
	}
	names := &identifiers{types: types}
	node := program.Node()
	ast.Walk(&node, names)
	if names.wrong != "" {
		return rule{}, unusable(r, names.wrong)
	}
	return rule{config: r, program: program, uses: names.uses, asks: names.asks}, nil
}

func unusable(r config.Rule, why string) error {
	return fmt.Errorf("the check %s cannot be used: %s", oneLine(r.Check), why)
}

// oneLine is an expression that was written on several.
func oneLine(check string) string {
	lines := strings.Split(check, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.TrimSpace(strings.Join(lines, " "))
}

func zero(kind string) any {
	switch kind {
	case "amount":
		return Amount{}
	case "date":
		return time.Time{}
	}
	return ""
}

// identifiers collects the fields a rule names. Those it only asks about need
// not be there.
type identifiers struct {
	types      map[string]string
	uses, asks []string
	wrong      string // a sentence
}

func (v *identifiers) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		if _, field := v.types[n.Value]; field && !slices.Contains(v.uses, n.Value) {
			v.uses = append(v.uses, n.Value)
		}
	case *ast.CallNode:
		callee, ok := n.Callee.(*ast.IdentifierNode)
		if !ok || callee.Value != hasFunction && callee.Value != optionalFunction || len(n.Arguments) != 1 {
			return
		}
		name, ok := n.Arguments[0].(*ast.StringNode)
		switch {
		case !ok:
		case v.types[name.Value] == "":
			v.wrong = noField(name.Value, v.types)
		case callee.Value == optionalFunction && v.types[name.Value] != "amount":
			v.wrong = fmt.Sprintf("optional(%q) is only for amounts, and that field is of type %q", name.Value, v.types[name.Value])
		case !slices.Contains(v.asks, name.Value):
			v.asks = append(v.asks, name.Value)
		}
	}
}

// valuesOf are a document's fields as rules see them; what is not of its type
// is missing.
func valuesOf(d document.Document, types map[string]string) map[string]any {
	out := map[string]any{}
	for _, f := range d.Fields {
		kind, known := types[f.Name]
		if _, seen := out[f.Name]; !known || seen || f.Value == "" || wrong(kind, f.Value) != "" {
			continue
		}
		switch kind {
		case "amount":
			out[f.Name], _ = parseAmount(f.Value)
		case "date":
			out[f.Name], _ = time.Parse(time.DateOnly, f.Value) // it is one, see wrong
		default:
			out[f.Name] = f.Value
		}
	}
	return out
}

// check applies the rule. One that speaks of a field that was not found does
// not apply; one that cannot be worked out does not hold.
func (r rule) check(values map[string]any) Finding {
	f := finding(KindRule, "", oneLine(r.config.Check), true, "")
	f.Severe = r.config.Severity != "warn"
	env := functions(values)
	var missing, said []string
	for _, name := range r.uses {
		if env[name] = values[name]; values[name] == nil {
			missing = append(missing, name)
		}
	}
	for _, name := range slices.Concat(r.uses, r.asks) {
		if values[name] != nil {
			said = append(said, fmt.Sprintf("%s is %s", name, show(values[name])))
		}
	}
	if len(missing) > 0 {
		f.Message = r.told("This does not apply: there is no " + join(missing))
		return f
	}
	holds, err := expr.Run(r.program, env)
	switch {
	case err != nil:
		f.Passed, f.Message = false, r.told("This cannot be worked out"+list(": ", said))
	case holds == true:
		f.Message = r.told("This is in order" + list(": ", said))
	default:
		f.Passed, f.Message = false, r.sentence("A rule of this kind of document does not hold")+list(": ", said)+"."
	}
	return f
}

// sentence is what the rule says when it does not hold, without the point.
func (r rule) sentence(otherwise string) string {
	if s := strings.TrimRight(r.config.Message, ". "); s != "" {
		return s
	}
	return otherwise
}

// told adds to a sentence what was looked for: the rule only says it for when
// that is so.
func (r rule) told(sentence string) string {
	if looked := r.sentence(""); looked != "" {
		return fmt.Sprintf("%s. It was checked for: %q.", sentence, looked)
	}
	return sentence + "."
}

func list(before string, said []string) string {
	if len(said) == 0 {
		return ""
	}
	return before + strings.Join(said, ", ")
}

func show(v any) string {
	if t, ok := v.(time.Time); ok {
		return t.Format(time.DateOnly)
	}
	if reflect.TypeOf(v).Kind() == reflect.String {
		return fmt.Sprintf("%q", v)
	}
	return fmt.Sprint(v)
}

// Key is the digest of the document's business key, "" if its class has none or
// a part of it was not found. Letter case, blanks and marks do not matter.
func (c *Class) Key(d document.Document) string {
	if len(c.config.Unique) == 0 {
		return ""
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s\n", c.config.Name)
	for _, name := range c.config.Unique {
		at := slices.IndexFunc(d.Fields, func(f document.Field) bool { return f.Name == name })
		if at < 0 {
			return ""
		}
		part := bare(d.Fields[at].Value)
		if part == "" {
			return ""
		}
		fmt.Fprintf(h, "%s=%s\n", name, part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// bare is a value without what may be written either way.
func bare(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, strings.ToLower(norm.NFKC.String(s)))
}
