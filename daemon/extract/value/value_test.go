package value

import (
	"strings"
	"testing"
)

func TestAmounts(t *testing.T) {
	for raw, want := range map[string]string{
		"1.234,56": "1234.56", "1,234.56": "1234.56", "1 234,56 €": "1234.56", "1'234.50": "1234.50", "€ 12": "12.00", "$1,998.00": "1998.00",
		"-5,30": "-5.30", "5.30-": "-5.30", "(12.00)": "-12.00", "RM 64.70": "64.70", "15.90 SR": "15.90", "170. 00": "170.00", "0,7900": "0.79",
		"1.234": "1234.00", "1.234.567": "1234567.00", "0.025": "0.025", "EUR 9,00": "9.00", "12.O0": "12.00", "110.00 USD": "110.00",
		"19%": "", "abc": "", "": "", "12.34.5678,9,1": "", "1.23.456": "", "Stk.": "", "--5": "", "999999999999999999": "",
	} {
		p, ok := ParseAmount(raw)
		if got := p.Amount.String(); ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q, %v; want %q", raw, got, ok, want)
		}
	}
}

func TestDates(t *testing.T) {
	for _, c := range []struct {
		raw   string
		order Order
		want  string
	}{
		{"05.03.2018", DayFirst, "2018-03-05"}, {"04/05/2019", DayFirst, "2019-05-04"}, {"04/05/2019", MonthFirst, "2019-04-05"},
		{"26/02/2019", MonthFirst, "2019-02-26"}, {"2017-05-09", MonthFirst, "2017-05-09"}, {"10/18/18", DayFirst, "2018-10-18"},
		{"15. März 2018", DayFirst, "2018-03-15"}, {"10 MAR 2017", DayFirst, "2017-03-10"}, {"Sep 24, 2019", DayFirst, "2019-09-24"},
		{"3 de enero de 2020", DayFirst, "2020-01-03"}, {"1er août 2021", DayFirst, "2021-08-01"}, {"26-06- 2018 11:05", DayFirst, "2018-06-26"},
		{"1102/2019", DayFirst, "2019-02-11"}, {"OB-O1-16", DayFirst, "2016-01-08"}, {"12/03/2518", DayFirst, ""},
		{"31.02.2018", DayFirst, ""}, {"99/99/9999", DayFirst, ""}, {"192.168.0.1", DayFirst, ""}, {"no date", DayFirst, ""},
	} {
		d, ok := ParseDate(c.raw, c.order)
		if ok != (c.want != "") || d.ISO != c.want {
			t.Errorf("%q: %q, %v; want %q", c.raw, d.ISO, ok, c.want)
		}
	}
	if d, _ := ParseDate("04/05/2019", DayFirst); !d.Ambiguous || d.Proves {
		t.Error("the order of 04/05/2019 is anybody's guess")
	}
	if d, _ := ParseDate("12/25/2019", DayFirst); d.Ambiguous || !d.Proves || d.Order != MonthFirst {
		t.Error("12/25/2019 has the month first")
	}
}

func TestCheckDigits(t *testing.T) {
	for raw, valid := range map[string]bool{
		"DE89 3704 0044 0532 0130 00": true, "GB82 WEST 1234 5698 7654 32": true, "FR14 2004 1010 0505 0001 3M02 606": true,
		"DE88 3704 0044 0532 0130 00": false, "DE89 37O4 0044 0532 0130 00": true,
	} {
		if _, got, ok := ParseIBAN(raw); !ok || got != valid {
			t.Errorf("IBAN %q: valid %v, %v", raw, got, ok)
		}
	}
	for raw, valid := range map[string]bool{
		"DE136695976": true, "DE 136 695 976": true, "DE136695975": false, "FR40303265045": true, "ATU13585627": true, "IT00743110157": true,
		"ESB58378431": true, "NL004495445B01": true, "PL8567346215": true, "BE0428759497": true, "GB980780684": true, "PT501964843": true, "FI20774740": true, "DK13585628": true, "LU15027442": true,
	} {
		if _, got, ok := ParseVATID(raw); !ok || got != valid {
			t.Errorf("VAT number %q: valid %v, %v", raw, got, ok)
		}
	}
	for _, raw := range []string{"", "DE", "DE12", "XX123456789", "DEABCDEFGHI"} {
		if id, _, ok := ParseVATID(raw); ok {
			t.Errorf("%q is taken for the VAT number %q", raw, id)
		}
	}
	if _, ok := ParseBIC("COBADEFFXXX"); !ok {
		t.Error("a BIC is refused")
	}
	if _, ok := ParseBIC("Hausbank"); ok {
		t.Error("a word is taken for a BIC")
	}
}

func TestTimesAndCurrencies(t *testing.T) {
	for raw, want := range map[string]string{"13:10:48": "13:10:48", "12:22 PM": "12:22", "1:05 pm": "13:05", "12:01 AM": "00:01", "25:00": "", "9.40": ""} {
		if got, _ := ParseTime(raw); got != want {
			t.Errorf("%q: %q, want %q", raw, got, want)
		}
	}
	for raw, want := range map[string]string{"€": "EUR", "RM": "MYR", "CHF": "CHF", "all": "", "XXX": "", "Euro": "EUR"} {
		if got, _ := ParseCurrency(raw); got != want {
			t.Errorf("%q: %q, want %q", raw, got, want)
		}
	}
}

// FuzzAmount: whatever is read prints as a decimal that reads as the same.
func FuzzAmount(f *testing.F) {
	for _, s := range []string{"1.234,56 €", "(1'000.00)", "RM1S.90", "-.5", "9999999999999,9999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		p, ok := ParseAmount(raw)
		if !ok {
			return
		}
		if again, ok := ParseDecimal(p.Amount.String()); !ok || again != p.Amount {
			t.Errorf("%q is %s, which reads as %s", raw, p.Amount, again)
		}
	})
}

// FuzzDate: a date is ten characters that read as the same date again.
func FuzzDate(f *testing.F) {
	for _, s := range []string{"05.03.2018", "1er août 2021", "OB-O1-16", "Sep 24, 2019", "0/0/0"} {
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, raw string, dayFirst bool) {
		order := MonthFirst
		if dayFirst {
			order = DayFirst
		}
		d, ok := ParseDate(raw, order)
		if again, good := ParseDate(d.ISO, DayFirst); ok && (!good || again.ISO != d.ISO || len(d.ISO) != 10) {
			t.Errorf("%q is %q", raw, d.ISO)
		}
		ParseTime(raw)
		ParseIBAN(raw)
		ParseVATID(raw)
		ParseBIC(raw)
		ParseCurrency(strings.ToUpper(raw))
	})
}
