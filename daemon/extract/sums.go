package extract

import (
	"cmp"
	"slices"

	"intray/daemon/extract/value"
)

// outcome says what sums make of a field.
type outcome struct{ holds, fails bool }

// tolerance is what rounding may make of a sum.
const tolerance = value.Amount(100) // 0.01

// addUp chooses the candidates of amounts that add up. Sums are tried in their
// order; what one has settled, the next does not change.
func (x *search) addUp() []outcome {
	held := make([]outcome, len(x.found))
	for _, s := range x.class.sums {
		x.solve(s, held)
	}
	for _, s := range x.class.sums {
		x.suspect(s, held)
	}
	for _, s := range x.class.sums {
		x.completeSum(s, held)
	}
	return held
}

// solve finds the combination of a sum's candidates that holds and has the
// highest scores.
func (x *search) solve(s sum, held []outcome) {
	parts := slices.Concat([]int{s.total}, s.plus, s.minus)
	for _, i := range parts {
		if len(x.found[i]) == 0 {
			return
		}
	}
	rows, any := x.rowsTotal(s.rows)
	if s.rows != "" && !any {
		return
	}
	optional := slices.DeleteFunc(slices.Clone(s.optional), func(i int) bool { return len(x.found[i]) == 0 })
	best, picked := 0.0, map[int]int(nil)
	x.combine(slices.Concat(parts, optional), len(parts), map[int]int{}, held, func(pick map[int]int) {
		if !x.holds(s, pick, rows) {
			return
		}
		score := 0.0
		for i, k := range pick {
			if k >= 0 {
				score += x.found[i][k].score
			}
		}
		if x.found[s.total][pick[s.total]].amount == 0 {
			score -= 1 // nothing plus nothing is nothing says little
		}
		if score > best {
			best, picked = score, pick
		}
	})
	if picked == nil {
		if !held[s.total].holds {
			for _, i := range parts {
				held[i].fails = !held[i].holds
			}
		}
		return
	}
	for i, k := range picked {
		if k < 0 {
			continue
		}
		list := x.found[i]
		c := list[k]
		x.found[i] = append([]candidate{c}, slices.Delete(slices.Clone(list), k, k+1)...)
		held[i] = outcome{holds: true}
	}
}

// completeSum looks for the one part that a sum lacks among all printed amounts.
func (x *search) completeSum(s sum, held []outcome) {
	if held[s.total].holds || s.rows != "" || len(s.plus) != 2 || len(s.minus) > 0 || len(x.found[s.total]) == 0 || x.found[s.total][0].doubt == "sum" {
		return
	}
	parts := slices.Clone(s.plus)
	slices.SortFunc(parts, func(a, b int) int { return cmp.Compare(x.best(a), x.best(b)) })
	for k, i := range parts { // the least certain part is the one to look for
		other := parts[1-k]
		if x.best(other) < 0.5 {
			continue
		}
		lacking := x.found[s.total][0].amount - x.found[other][0].amount
		c, ok := x.printed[lacking]
		if !ok || lacking <= 0 || lacking == x.found[other][0].amount {
			continue
		}
		x.found[i] = append([]candidate{c.candidate}, x.found[i]...)
		held[i], held[other], held[s.total] = outcome{holds: true}, outcome{holds: true}, outcome{holds: true}
		return
	}
}

// best is the score of a field's first candidate; 0 if it has none.
func (x *search) best(i int) float64 {
	if len(x.found[i]) == 0 {
		return 0
	}
	return x.found[i][0].score
}

// tried bounds the candidates of each field that sums are tried with.
const tried = 5

// combine calls fn with every choice of candidates, by field; optional fields
// (from must on) may have none, -1.
func (x *search) combine(parts []int, must int, pick map[int]int, held []outcome, fn func(map[int]int)) {
	if len(parts) == 0 {
		clone := map[int]int{}
		for i, k := range pick {
			clone[i] = k
		}
		fn(clone)
		return
	}
	i := parts[0]
	n := min(len(x.found[i]), tried)
	if held[i].holds {
		n = 1
	}
	if must <= 0 {
		pick[i] = -1
		x.combine(parts[1:], must-1, pick, held, fn)
	}
	for k := range n {
		pick[i] = k
		x.combine(parts[1:], must-1, pick, held, fn)
	}
	delete(pick, i)
}

// holds is true when the picked amounts add up. Credit notes print all amounts
// negative, or all positive, or mix them.
func (x *search) holds(s sum, pick map[int]int, rows value.Amount) bool {
	total := x.found[s.total][pick[s.total]].amount
	d := total - x.partsOf(s, pick) - rows
	if x.positive {
		d = total.Abs() - x.partsOf(s, pick) - rows
	}
	return d <= tolerance && d >= -tolerance
}

// rowsTotal is what a table's rows come to: what is in a column named debit goes
// off, other amounts count but for balances. any is false if it has none.
func (x *search) rowsTotal(name string) (total value.Amount, any bool) {
	for _, t := range x.tables {
		if t.Name != name {
			continue
		}
		for _, r := range t.Rows {
			for i, cell := range r {
				a, ok := value.ParseDecimal(cell.Text)
				switch t.Columns[i] {
				case "debit":
					total -= a.Abs()
				case "credit", "amount":
					total += a
				default:
					continue
				}
				any = any || ok
			}
		}
	}
	return total, any
}

func (x *search) partsOf(s sum, pick map[int]int) (sum value.Amount) {
	for _, i := range slices.Concat(s.plus, s.optional) {
		if k, ok := pick[i]; ok && k >= 0 {
			if x.positive {
				sum += x.found[i][k].amount.Abs()
				continue
			}
			sum += x.found[i][k].amount
		}
	}
	for _, i := range s.minus {
		sum -= x.found[i][pick[i]].amount.Abs()
	}
	return sum
}

// suspect replaces a total by what its parts say where it differs from that in
// one digit that is easily misread. It does not count as a sum that holds: it keeps
// little confidence, and a person sees both amounts.
func (x *search) suspect(s sum, held []outcome) {
	if held[s.total].holds || len(x.found[s.total]) == 0 || s.rows != "" {
		return
	}
	// A lone part that is a round sum may be a banknote.
	if p := s.plus[0]; len(s.plus)+len(s.minus) == 1 && len(x.found[p]) > 0 && x.found[p][0].amount%10000 == 0 {
		return
	}
	for _, i := range slices.Concat(s.plus, s.minus) {
		if len(x.found[i]) == 0 || x.found[i][0].score < 0.4 {
			return
		}
	}
	total := &x.found[s.total][0]
	x.combine(slices.Clone(s.plus), len(s.plus), map[int]int{}, held, func(p map[int]int) {
		for _, i := range s.minus {
			p[i] = 0
		}
		want := x.partsOf(s, p)
		if total.doubt == "sum" || !oneDigitOff(total.amount.String(), want.String()) {
			return
		}
		total.doubt, total.amount, total.value = "sum", want, want.String()
		held[s.total].fails = true
	})
}

// oneDigitOff is true for decimals that differ in one digit that is easily
// taken for the other.
func oneDigitOff(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	off := 0
	for i := range len(a) {
		if a[i] == b[i] {
			continue
		}
		off++
		pair := string([]byte{min(a[i], b[i]), max(a[i], b[i])})
		if !slices.Contains([]string{"56", "38", "08", "17", "68", "69", "09", "35", "02", "27", "49", "89"}, pair) {
			return false
		}
	}
	return off == 1
}
