package extract

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode"
)

// pattern is a pattern of a class. A class has dozens, and few of them fit a page:
// looking first for the words that must be there saves most of the matching.
type pattern struct {
	re *regexp.Regexp
	// needs are texts, canonical, of which every match has one in it; none if that
	// cannot be told.
	needs []string
}

// subject is a text with its canonical form.
type subject struct{ text, canonical string }

func newSubject(text string) subject { return subject{text, canonical(text)} }

func newPattern(expression string) (pattern, error) {
	re, err := regexp.Compile(expression)
	if err != nil {
		return pattern{}, fmt.Errorf("pattern %q: %w", expression, err)
	}
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return pattern{}, fmt.Errorf("pattern %q: %w", expression, err)
	}
	return pattern{re, needs(parsed)}, nil
}

func (p pattern) matches(s subject) bool {
	for _, n := range p.needs {
		if strings.Contains(s.canonical, n) {
			return p.re.MatchString(s.text)
		}
	}
	return len(p.needs) == 0 && p.re.MatchString(s.text)
}

// mostRunes bounds the classes of characters that are taken apart.
const mostRunes = 4

// needs are texts of which every match of an expression has one in it.
func needs(re *syntax.Regexp) (out []string) {
	switch re.Op {
	case syntax.OpLiteral:
		return []string{canonical(string(re.Rune))}
	case syntax.OpCharClass:
		for i := 0; i+1 < len(re.Rune); i += 2 {
			for r := re.Rune[i]; r <= re.Rune[i+1]; r++ {
				if out = append(out, canonical(string(r))); len(out) > mostRunes {
					return nil
				}
			}
		}
	case syntax.OpCapture, syntax.OpPlus:
		return needs(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return needs(re.Sub[0])
		}
	case syntax.OpAlternate:
		for _, sub := range re.Sub {
			one := needs(sub)
			if one == nil {
				return nil
			}
			out = append(out, one...)
		}
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			if one := needs(sub); one != nil && (out == nil || shortest(one) > shortest(out)) {
				out = one
			}
		}
	}
	return out
}

func shortest(list []string) int {
	n := len(list[0])
	for _, s := range list {
		n = min(n, len(s))
	}
	return n
}

// canonical is a text in which letters that patterns take for the same whatever
// their case are the same.
func canonical(s string) string {
	return strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII && r != 'k' && r != 's' && r != 'K' && r != 'S' {
			if 'a' <= r && r <= 'z' {
				r -= 'a' - 'A'
			}
			return r
		}
		least := r
		for o := unicode.SimpleFold(r); o != r; o = unicode.SimpleFold(o) {
			least = min(least, o)
		}
		return least
	}, s)
}
