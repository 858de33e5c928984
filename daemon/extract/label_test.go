package extract

import "testing"

func TestEdits(t *testing.T) {
	for _, c := range []struct {
		a, b string
		most int
		want int
	}{{"", "", 1, 0}, {"total", "total", 2, 0}, {"total", "tota1", 1, 1}, {"total", "otal", 1, 1}, {"total", "ttal", 2, 1}, {"rechnungsnummer", "rechungsnumner", 2, 2},
		{"total", "tool", 1, 2}, {"abcdef", "badcfe", 2, 3}, {"a", "abc", 2, 2}, {"abc", "a", 1, 2}, {"invoiceno", "nvoicenos", 2, 2}} {
		if got := edits(c.a, c.b, c.most); got != c.want {
			t.Errorf("%q to %q, up to %d: %d, want %d", c.a, c.b, c.most, got, c.want)
		}
		if got := edits(c.b, c.a, c.most); got != c.want {
			t.Errorf("%q to %q, up to %d: %d, want %d", c.b, c.a, c.most, got, c.want)
		}
	}
}
