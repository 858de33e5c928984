package config_test

import (
	"strings"
	"testing"

	"intray/daemon/config"
)

// TestNamesOfValues: a slip in a field's name or a layout is told at the start.
func TestNamesOfValues(t *testing.T) {
	for lines, want := range map[string]string{
		`deliver_as = "{received:2006}/{class}-{gross_total}"`:         "",
		`deliver_as = "{issue_date:2006-01-02}/{name}"`:                "",
		`csv_fields = ["gross_total", "invoice_number", "buyer_city"]`: "",
		`deliver_as = "{gross_totl}"`:                                  `did you mean "gross_total"?`,
		`deliver_as = "{recieved}"`:                                    `did you mean "received"?`,
		`deliver_as = "{issue_date:YYYY}"`:                             "{issue_date:2006-01}",
		`deliver_as = "{gross_total:2006}"`:                            "no date",
		`csv_fields = ["invoice_nmuber"]`:                              `did you mean "invoice_number"?`,
		"csv = \"a.csv\"\n[[folder]]\nname = \"b\"\npath = \"b\"\ncsv = \"a.csv\"\ncsv_separator = \",\"": "share a table",
		"csv = \"a.csv\"\n[[folder]]\nname = \"b\"\npath = \"b\"\ncsv = \"a.csv\"":                        "",
	} {
		_, _, err := config.Parse([]byte("version = 1\n[[folder]]\nname = \"desk\"\npath = \"a\"\n"+lines), "config.toml", t.TempDir())
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", lines, err)
		}
	}
}
