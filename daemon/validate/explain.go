package validate

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/expr-lang/expr/file"

	"intray/daemon/config"
)

var (
	unknownName = regexp.MustCompile(`^unknown name (\w+)`)
	mismatched  = regexp.MustCompile(`^invalid operation: (\S+) \(mismatched types? (\S+?)(?: and (\S+?))?\)`)
	notTrue     = regexp.MustCompile(`^expected bool, but got (\S+)`)
	wrongCall   = regexp.MustCompile(`(?:no matching overload for|arguments? .*to call) (\w+)`)
)

// explain puts what the expression library says about a check into words for
// whoever wrote the configuration.
func explain(err error, types map[string]string) string {
	message, place := err.Error(), ""
	if e, ok := errors.AsType[*file.Error](err); ok {
		message, place = e.Message, fmt.Sprintf(" from character %d on", e.Column+1)
		if e.Line > 1 {
			place = fmt.Sprintf(" from line %d, character %d on", e.Line, e.Column+1)
		}
	}
	if m := unknownName.FindStringSubmatch(message); m != nil {
		return noField(m[1], types)
	}
	if m := mismatched.FindStringSubmatch(message); m != nil && m[3] != "" {
		return fmt.Sprintf("%s stands between %s and %s; compare and reckon amounts with amounts or numbers, dates with dates, and text with text in quotes",
			m[1], kindOf(m[2]), kindOf(m[3]))
	} else if m != nil {
		return fmt.Sprintf("%s stands before %s, which means nothing", m[1], kindOf(m[2]))
	}
	if m := notTrue.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("it gives %s, and a check must be true or false; compare it with something, as in amount_due == net_total + tax_total", kindOf(m[1]))
	}
	if m := wrongCall.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("%s() cannot be used with what stands in its brackets; write it as in %s", m[1], example(m[1]))
	}
	if strings.Contains(message, "EOF") {
		return "it ends too early: something is missing at its end, such as a value, a bracket or a quote"
	}
	return fmt.Sprintf("it is not understood%s; write it like amount_due == net_total + tax_total", place)
}

// example is a right use of a function.
func example(function string) string {
	switch function {
	case hasFunction:
		return `has("seller_vat_id")`
	case optionalFunction:
		return `optional("shipping")`
	case "abs":
		return "abs(prepaid)"
	case "round":
		return "round(net_total * 0.19, 2)"
	case "near":
		return "near(total, net_total + tax_total) or near(total, net_total, 0.05)"
	}
	return function + `(…) in the description of the expression language, https://expr-lang.org`
}

// kindOf is a type of the expression library as people know it.
func kindOf(name string) string {
	switch name {
	case "validate.Amount":
		return "an amount"
	case "time.Time":
		return "a date"
	case "time.Duration":
		return "a span of time"
	case "string":
		return "text"
	case "int", "float64":
		return "a number"
	case "bool":
		return "true or false"
	}
	return "something else"
}

// noField says that there is no such field, and which is meant most likely.
func noField(name string, types map[string]string) string {
	sentence := fmt.Sprintf("there is no field %q", name)
	if near := config.Nearest(name, slices.Sorted(maps.Keys(types))); near != "" {
		return sentence + fmt.Sprintf("; did you mean %q?", near)
	}
	return sentence + "; give the class a [[class.field]] of that name"
}
