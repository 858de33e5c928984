package validate

import (
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/currency"

	"intray/daemon/extract/value"
)

// Amount is an exact number: 0.10 + 0.20 is 0.30. Rules reckon with it.
type Amount struct{ rat *big.Rat }

var decimal = regexp.MustCompile(`^-?[0-9]{1,40}(\.[0-9]{1,20})?$`)

// parseAmount reads a decimal string.
func parseAmount(s string) (Amount, bool) {
	if !decimal.MatchString(s) {
		return Amount{}, false
	}
	r, ok := new(big.Rat).SetString(s)
	return Amount{r}, ok
}

// String is the amount with as many decimals as it needs, two at least.
func (a Amount) String() string {
	for decimals := 2; decimals < 6; decimals++ {
		s := a.rat.FloatString(decimals)
		if back, ok := new(big.Rat).SetString(s); ok && back.Cmp(a.rat) == 0 {
			return s
		}
	}
	return a.rat.FloatString(6)
}

// exact makes an operand of a rule an Amount: literals are numbers.
func exact(v any) (Amount, error) {
	switch v := v.(type) {
	case Amount:
		return v, nil
	case int:
		return Amount{new(big.Rat).SetInt64(int64(v))}, nil
	case float64:
		if r, ok := new(big.Rat).SetString(strconv.FormatFloat(v, 'f', -1, 64)); ok {
			return Amount{r}, nil
		}
	}
	return Amount{}, fmt.Errorf("%v is no number", v)
}

func reckon(operator string, a, b Amount) (any, error) {
	out := Amount{new(big.Rat)}
	switch operator {
	case "+":
		out.rat.Add(a.rat, b.rat)
	case "-":
		out.rat.Sub(a.rat, b.rat)
	case "*":
		out.rat.Mul(a.rat, b.rat)
	case "/":
		if b.rat.Sign() == 0 {
			return nil, fmt.Errorf("division by zero")
		}
		out.rat.Quo(a.rat, b.rat)
	default:
		return compare(operator, a.rat.Cmp(b.rat)), nil
	}
	return out, nil
}

func compare(operator string, order int) bool {
	switch operator {
	case "==":
		return order == 0
	case "!=":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}

// rounded is the amount to so many decimals, half away from zero.
func rounded(a Amount, decimals int) (Amount, error) {
	r, ok := new(big.Rat).SetString(a.rat.FloatString(min(max(decimals, 0), 20)))
	if !ok {
		return a, fmt.Errorf("cannot round %v", a)
	}
	return Amount{r}, nil
}

// unproven says what speaks against a value that a person typed, by its own check
// digits; "" when nothing does. What was read has its doubts from extraction.
func unproven(format, typed string) string {
	var found string
	var valid, ok bool
	kind := ""
	switch format {
	case "iban":
		kind = "IBAN"
		found, valid, ok = value.ParseIBAN(typed)
	case "vat_id":
		kind = "VAT number"
		found, valid, ok = value.ParseVATID(typed)
	default:
		return ""
	}
	switch {
	case !ok || found != typed:
		return fmt.Sprintf("that is no %s", kind)
	case !valid:
		return fmt.Sprintf("the check digits of this %s do not hold", kind)
	}
	return ""
}

// wrong says what a value of a type is instead; "" when it is right.
func wrong(kind, value string) string {
	switch kind {
	case "amount":
		if _, ok := parseAmount(value); !ok {
			return "no amount"
		}
	case "date":
		if _, err := time.Parse(time.DateOnly, value); err != nil {
			return "no date"
		}
	case "currency":
		if _, err := currency.ParseISO(value); err != nil || value != strings.ToUpper(value) {
			return "no currency"
		}
	}
	return ""
}
