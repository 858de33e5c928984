package validate

import (
	"fmt"
	"math/big"

	"github.com/expr-lang/expr"
)

// nearEnough is what near() forgives where a rule names no tolerance: a cent of
// rounding in each of two sums.
const nearEnough = 0.02

// functions are those that look at a document's fields; nil stands for one
// without any.
func functions(values map[string]any) map[string]any {
	return map[string]any{
		hasFunction: func(name string) bool { return values[name] != nil },
		optionalFunction: func(name string) Amount {
			if a, ok := values[name].(Amount); ok {
				return a
			}
			return Amount{new(big.Rat)}
		},
	}
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
	return append(out, expr.Function("abs", abs, new(func(Amount) Amount)), expr.Function("round", round, new(func(Amount, int) Amount)),
		expr.Function("near", near, new(func(Amount, Amount) bool), new(func(Amount, Amount, float64) bool), new(func(Amount, Amount, int) bool)))
}

// near is true for amounts that differ by the tolerance, its third operand, or less.
func near(params ...any) (any, error) {
	operands := params
	if len(operands) == 2 {
		operands = []any{params[0], params[1], nearEnough}
	}
	var all [3]Amount
	for i := range all {
		a, err := exact(operands[i])
		if err != nil {
			return nil, err
		}
		all[i] = a
	}
	apart := new(big.Rat).Sub(all[0].rat, all[1].rat)
	return apart.Abs(apart).Cmp(all[2].rat) <= 0, nil
}
