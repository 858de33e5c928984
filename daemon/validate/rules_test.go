package validate

import (
	"slices"
	"strings"
	"testing"

	"intray/daemon/config"
	"intray/daemon/document"
)

func classOf(t *testing.T, rules ...config.Rule) *Class {
	t.Helper()
	c, err := Compile(config.Class{Name: "bill", Rules: rules, Unique: []string{"seller_name", "invoice_number"}, Fields: []config.Field{
		{Name: "total", Type: "amount", Required: true, MinConfidence: 0.8}, {Name: "paid_on", Type: "date"}}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func withFields(pairs ...string) document.Document {
	d := document.Document{Pages: []document.Page{{Number: 1, Decision: "ocr", WorstConfidence: 0.5}}}
	for i := 0; i < len(pairs); i += 2 {
		d.Fields = append(d.Fields, document.Field{Name: pairs[i], Value: pairs[i+1], Confidence: 0.9})
	}
	return d
}

func TestRules(t *testing.T) {
	three := []string{"amount_due", "0.30", "net_total", "0.10", "tax_total", "0.20"}
	for check, c := range map[string]struct {
		fields []string
		passed bool
		says   string
	}{
		"amount_due == net_total + tax_total":                         {three, true, "This is in order: "},
		"amount_due != net_total + tax_total":                         {three, false, "amount_due is 0.30, net_total is 0.10, tax_total is 0.20"},
		"amount_due == net_total + tax_total + 0":                     {three, true, "This is in order: "},
		"abs(net_total - 0.20) == 0.10 and abs(net_total) == 0.10":    {three, true, "This is in order: "},
		"net_total * 3 == 0.3":                                        {three, true, "This is in order: "},
		"near(amount_due, net_total + tax_total + 0.02)":              {three, true, "This is in order: "},
		"near(net_total + tax_total + 0.021, amount_due)":             {three, false, "A rule of this kind of document does not hold: net_total is 0.10"},
		"near(amount_due, net_total, 0.2)":                            {three, true, "This is in order: "},
		"near(amount_due, net_total, 0)":                              {three, false, "amount_due is 0.30"},
		"amount_due == net_total + optional(\"tax_total\")":           {three, true, "tax_total is 0.20"},
		"amount_due == 3 * net_total - optional(\"prepaid\")":         {three, true, "This is in order: amount_due is 0.30, net_total is 0.10."},
		"abs(amount_due - net_total) <= 0.20":                         {three, true, "This is in order: "},
		"round(net_total * 0.19, 2) == 0.02":                          {three, true, "This is in order: "},
		"amount_due > 1000 or tax_total >= 0.2":                       {three, true, "This is in order: "},
		"net_total / (tax_total - 0.20) == 1":                         {three, false, "cannot be worked out"},
		"gross_total == net_total":                                    {three, true, "This does not apply: there is no gross_total."},
		"issue_date <= due_date":                                      {[]string{"issue_date", "2026-03-01", "due_date", "2026-02-01"}, false, "issue_date is 2026-03-01"},
		"due_date - issue_date <= duration(\"240h\")":                 {[]string{"issue_date", "2026-03-01", "due_date", "2026-03-11"}, true, "This is in order: "},
		"issue_date < paid_on":                                        {[]string{"issue_date", "2026-03-01", "paid_on", "someday"}, true, "This does not apply: there is no paid_on."},
		"has(\"seller_vat_id\") or has(\"seller_tax_number\")":        {[]string{"total", "1"}, false, "is needed"},
		"currency in [\"EUR\", \"CHF\"]":                              {[]string{"currency", "EUR"}, true, "This is in order: "},
		"invoice_number matches \"^[0-9]+$\" and seller_name != \"\"": {[]string{"invoice_number", "4x", "seller_name", "A"}, false, `invoice_number is "4x"`},
	} {
		message := "It is needed"
		if !strings.Contains(c.says, "needed") {
			message = ""
		}
		r := Document(withFields(c.fields...), Subject{Pages: 1, Class: classOf(t, config.Rule{Check: check, Message: message, Severity: "review"})})
		at := slices.IndexFunc(r, func(f Finding) bool { return f.Kind == KindRule })
		if at < 0 || r[at].Passed != c.passed || !strings.Contains(strings.ToLower(r[at].Message), strings.ToLower(c.says)) {
			t.Errorf("%s: %+v", check, r)
		}
	}
}

func TestRulesThatMeanNothing(t *testing.T) {
	for check, says := range map[string]string{
		"total ==":               "the check total == cannot be used: it ends too early",
		"totl == 1":              "there is no field \"totl\"; did you mean \"total\"?",
		"total == \"12\"":        "== stands between an amount and text",
		"issue_date == total":    "== stands between a date and an amount",
		"total + 1":              "it gives an amount, and a check must be true or false",
		"now() > issue_date":     "there is no field \"now\"",
		"has(\"no_such_field\")": "there is no field \"no_such_field\"",
		"optional(\"iban\") > 0": "only for amounts",
		"near(total, \"1\")":     "near() cannot be used with what stands in its brackets; write it as in near(",
		"has(total)":             "write it as in has(",
		"round(total) > 1":       "write it as in round(",
		"total = 1":              "it is not understood from character 7 on",
		"-issue_date > total":    "- stands before a date",
		"total > 0\n or total )": "from line 2, character 11 on",
	} {
		_, err := Compile(config.Class{Name: "x", Fields: []config.Field{{Name: "total", Type: "amount"}}, Rules: []config.Rule{{Check: check}}})
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", check, err)
			continue
		}
		for _, theirs := range []string{"mismatched", "validate.", "bool", "unexpected", "token", "|", "\n"} {
			if strings.Contains(err.Error(), theirs) {
				t.Errorf("%s: %v has %q", check, err, theirs)
			}
		}
	}
}

func TestFieldsOfAClass(t *testing.T) {
	failed := func(d document.Document, s Subject) (out []string) {
		s.Pages = 1
		for _, f := range Document(d, s).Failed() {
			out = append(out, f.Rule)
		}
		return out
	}
	c := classOf(t)
	doubtful := withFields("total", "1.00")
	doubtful.Fields[0].Confidence = 0.7999
	strict := *c
	strict.config.MinConfidence, strict.config.MinPages = 0.6, 2
	for name, got := range map[string][]string{
		"required.total":           failed(withFields(), Subject{Class: c}),
		"":                         failed(withFields("total", "1.00"), Subject{Class: c}),
		"type.total":               failed(withFields("total", "1,00"), Subject{Class: c}),
		"type.paid_on":             failed(withFields("total", "1", "paid_on", "2026-02-30"), Subject{Class: c}),
		"confidence.total":         failed(doubtful, Subject{Class: c}),
		"class_pages,worst_region": failed(withFields("total", "1"), Subject{Class: &strict}),
		"unique":                   failed(withFields("total", "1", "seller_name", "A", "invoice_number", "1"), Subject{Class: c, Earlier: "bill.pdf"}),
		"sample":                   failed(withFields("total", "1"), Subject{Class: c, Sample: 1}),
	} {
		if strings.Join(got, ",") != name {
			t.Errorf("%q: failed %q", name, got)
		}
	}
	if r := Document(withFields("total", "1,00"), Subject{Pages: 1, Class: c, Sample: 1}); r.Sampled() {
		t.Error("a sample of what fails anyway")
	}
}

func TestKey(t *testing.T) {
	c := classOf(t)
	a := c.Key(withFields("seller_name", "Müller & Co.", "invoice_number", "RE-2026/17"))
	b := c.Key(withFields("invoice_number", "re 2026 17", "seller_name", "MU\u0308LLER Co"))
	if a != b || len(a) != 64 {
		t.Errorf("%q and %q", a, b)
	}
	for _, d := range []document.Document{withFields("seller_name", "Müller & Co."), withFields("seller_name", "M", "invoice_number", "--")} {
		if key := c.Key(d); key != "" {
			t.Errorf("half a key: %q", key)
		}
	}
}

// TestSentences: each check of a document says what is so in words, whether it
// passed or not; the expression is not among them.
func TestSentences(t *testing.T) {
	c := classOf(t, config.Rule{Check: "total == net_total", Message: "The totals differ.", Severity: "review"}, config.Rule{Check: "total / tax_total == 1"})
	for value, want := range map[string]string{
		"1.00": `This is in order: total is 1.00, net_total is 1.00. It was checked for: "The totals differ".`,
		"2.00": "The totals differ: total is 1.00, net_total is 2.00.",
		"":     `This does not apply: there is no net_total. It was checked for: "The totals differ".`,
	} {
		r := Document(withFields("total", "1.00", "net_total", value, "tax_total", "0"), Subject{Pages: 1, Class: c})
		rules := slices.DeleteFunc(slices.Clone(r), func(f Finding) bool { return f.Kind != KindRule })
		if len(rules) != 2 || rules[0].Message != want || rules[1].Message != "This cannot be worked out: total is 1.00, tax_total is 0.00." {
			t.Errorf("%q: %+v", value, rules)
		}
		for _, f := range r {
			if strings.Contains(f.Message, "==") || strings.Contains(f.Message, "None") || strings.HasPrefix(f.Message, "0 of") {
				t.Errorf("%q is no sentence", f.Message)
			}
		}
	}
}

// TestSampleOfParts: the parts of one file are not all in the sample, or none.
func TestSampleOfParts(t *testing.T) {
	taken := 0
	for n := range 400 {
		if sampled(document.Source{SHA256: "one", ParentPages: []int{n + 1}}, 0.5) {
			taken++
		}
	}
	if taken < 140 || taken > 260 {
		t.Errorf("%d of 400 parts", taken)
	}
}

// TestTotalsOfInvoices: what a discount, shipping and payments do to the totals.
func TestTotalsOfInvoices(t *testing.T) {
	classes, err := config.BuiltInClasses()
	if err != nil {
		t.Fatal(err)
	}
	c, err := Compile(classes[slices.IndexFunc(classes, func(c config.Class) bool { return c.Name == "invoice" })])
	if err != nil {
		t.Fatal(err)
	}
	for more, fails := range map[string]int{
		"gross_total 119":                                     0,
		"gross_total 120":                                     1,
		"gross_total 109 discount_total -10":                  0,
		"gross_total 119 discount_total 10":                   0,
		"gross_total 190 discount_total 10":                   1,
		"gross_total 124 shipping 5":                          0,
		"gross_total 142 shipping 5":                          1,
		"gross_total 114 shipping 5 discount_total 10":        0,
		"gross_total 141 shipping 5 discount_total 10":        1,
		"gross_total 119 prepaid 100 amount_due 19":           0,
		"gross_total 119 prepaid 100 amount_due 119":          1,
		"gross_total 119 amount_due 219 previous_balance 100": 0,
	} {
		d := withFields(append([]string{"net_total", "100", "tax_total", "19"}, strings.Fields(more)...)...)
		failed := slices.DeleteFunc(Document(d, Subject{Pages: 1, Class: c}).Failed(), func(f Finding) bool { return f.Kind != KindRule })
		if len(failed) != fails {
			t.Errorf("%s: %+v", more, failed)
		}
	}
}

// TestNoClassOfTheFolder: what is none of the classes a folder takes is not
// released as if it were nothing in particular.
func TestNoClassOfTheFolder(t *testing.T) {
	d := withFields()
	if r := Document(d, Subject{Pages: 1, Among: []string{"bill", "receipt"}}).Failed(); len(r) != 1 || r[0].Kind != KindClass || !strings.Contains(r[0].Message, "bill and receipt") {
		t.Errorf("%+v", r)
	}
	d.Class.Name = "receipt"
	if r := Document(d, Subject{Pages: 1, Among: []string{"bill", "receipt"}}).Failed(); len(r) > 0 {
		t.Errorf("%+v", r)
	}
}

// TestSample takes about as many as asked for, always the same ones, and with a
// larger share none less.
func TestSample(t *testing.T) {
	few, many := 0, 0
	for n := range 2000 {
		sum := strings.Repeat(string(rune('a'+n%26)), n/26+1)
		source := document.Source{SHA256: sum}
		in5, in20 := sampled(source, 0.05), sampled(source, 0.20)
		if in5 && !in20 || in5 != sampled(source, 0.05) {
			t.Fatal(sum)
		}
		if in5 {
			few++
		}
		if in20 {
			many++
		}
	}
	if few < 60 || few > 140 || many < 320 || many > 480 {
		t.Errorf("%d and %d of 2000", few, many)
	}
}
