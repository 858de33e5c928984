package validate

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/big"
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
	out := &Class{config: c, types: knownFields()}
	for _, f := range c.Fields {
		out.types[f.Name] = f.Type
	}
	for _, name := range c.Unique {
		if out.types[name] == "" {
			return nil, fmt.Errorf("class %q: unique asks for a field %q that there is not", c.Name, name)
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

// knownFields are the names that mean the same whatever engine found them. A
// rule may speak of them even if its class does not list them.
func knownFields() map[string]string {
	out := map[string]string{}
	for kind, names := range map[string]string{
		"amount": "net_total tax_total gross_total amount_due prepaid total opening_balance closing_balance total_debit total_credit",
		"date":   "issue_date due_date delivery_date date date_of_birth expiry_date statement_start statement_end",
		"code": "invoice_number order_number seller_vat_id seller_tax_number buyer_vat_id iban bic merchant_phone receipt_number time " +
			"document_number personal_number mrz_line1 mrz_line2 mrz_line3 account_number nationality issuing_country sex document_type",
		"currency": "currency",
		"text": "seller_name seller_address buyer_name merchant_name merchant_address surname given_names full_name place_of_birth " +
			"bank_name account_holder",
	} {
		for _, name := range strings.Fields(names) {
			out[name] = kind
		}
	}
	return out
}

// rule is one expression.
type rule struct {
	config  config.Rule
	program *vm.Program
	uses    []string // fields that must be there for it to apply
}

const hasFunction = "has"

// compile checks types: every field is an exact Amount, a time or a string.
func compile(r config.Rule, types map[string]string) (rule, error) {
	env := map[string]any{hasFunction: func(string) bool { return false }}
	for name, kind := range types {
		env[name] = zero(kind)
	}
	// Amounts are read from decimal strings; a rule has no clock.
	options := []expr.Option{expr.Env(env), expr.AsBool(), expr.DisableBuiltin("now"), expr.DisableBuiltin("round"), expr.DisableBuiltin("abs")}
	options = append(options, arithmetic()...)
	program, err := expr.Compile(r.Check, options...)
	if err != nil {
		return rule{}, fmt.Errorf("%q cannot be checked: %w", r.Check, err)
	}
	names := &identifiers{types: types}
	node := program.Node()
	ast.Walk(&node, names)
	if names.unknown != "" {
		return rule{}, fmt.Errorf("%q asks for a field %q that there is not", r.Check, names.unknown)
	}
	return rule{config: r, program: program, uses: names.uses}, nil
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

// arithmetic lets rules reckon with amounts, and with amounts and numbers.
func arithmetic() []expr.Option {
	type binary = func(Amount, Amount) Amount
	var out []expr.Option
	for i, operator := range []string{"+", "-", "*", "/", "==", "!=", "<", "<=", ">", ">="} {
		name := fmt.Sprintf("amount_operator_%d", i)
		run := func(params ...any) (any, error) {
			a, err := exact(params[0])
			if err != nil {
				return nil, err
			}
			b, err := exact(params[1])
			if err != nil {
				return nil, err
			}
			return reckon(operator, a, b)
		}
		signatures := []any{new(binary), new(func(Amount, int) Amount), new(func(int, Amount) Amount), new(func(Amount, float64) Amount), new(func(float64, Amount) Amount)}
		if i >= 4 {
			signatures = []any{new(func(Amount, Amount) bool), new(func(Amount, int) bool), new(func(int, Amount) bool), new(func(Amount, float64) bool), new(func(float64, Amount) bool)}
		}
		out = append(out, expr.Function(name, run, signatures...), expr.Operator(operator, name))
	}
	abs := func(params ...any) (any, error) {
		a, err := exact(params[0])
		if err == nil {
			a.rat = new(big.Rat).Abs(a.rat) // others have the amount, too
		}
		return a, err
	}
	round := func(params ...any) (any, error) {
		a, err := exact(params[0])
		if err != nil {
			return nil, err
		}
		return rounded(a, params[1].(int))
	}
	return append(out, expr.Function("abs", abs, new(func(Amount) Amount)), expr.Function("round", round, new(func(Amount, int) Amount)))
}

// identifiers collects the fields a rule names. Those it only asks about with
// has() need not be there.
type identifiers struct {
	types   map[string]string
	uses    []string
	unknown string
}

func (v *identifiers) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		if _, field := v.types[n.Value]; field && !slices.Contains(v.uses, n.Value) {
			v.uses = append(v.uses, n.Value)
		}
	case *ast.CallNode:
		callee, ok := n.Callee.(*ast.IdentifierNode)
		if !ok || callee.Value != hasFunction || len(n.Arguments) != 1 {
			return
		}
		if name, ok := n.Arguments[0].(*ast.StringNode); ok && v.types[name.Value] == "" {
			v.unknown = name.Value
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
	f := finding(KindRule, "", r.config.Check, true, r.config.Check+" holds.")
	f.Severe = r.config.Severity != "warn"
	env := map[string]any{hasFunction: func(name string) bool { return values[name] != nil }}
	var missing []string
	for _, name := range r.uses {
		if env[name] = values[name]; values[name] == nil {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		f.Message = fmt.Sprintf("%s does not apply: there is no %s.", r.config.Check, join(missing))
		return f
	}
	holds, err := expr.Run(r.program, env)
	if err != nil {
		f.Passed, f.Message = false, fmt.Sprintf("%s cannot be worked out.", r.config.Check)
		return f
	}
	if holds == true {
		return f
	}
	var said []string
	for _, name := range r.uses {
		said = append(said, fmt.Sprintf("%s is %s", name, show(values[name])))
	}
	message := strings.TrimRight(r.config.Message, ". ")
	if message == "" {
		message = r.config.Check + " does not hold"
	}
	f.Passed, f.Message = false, fmt.Sprintf("%s: %s.", message, strings.Join(said, ", "))
	return f
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
