package extract_test

import (
	"testing"

	"intray/daemon/extract"
)

// TestAddresses: the lines under the sender's name, to the one with the postcode.
func TestAddresses(t *testing.T) {
	e := builtIn(t)
	for want, lines := range map[string][]string{
		"Hafenweg 3, 20457 Hamburg":                 {"Nordlicht Lampen GmbH", "Hafenweg 3", "20457 Hamburg", "Tel. 040 123456"},
		"12 rue des Lilas, 84340 Malaucène, France": {"Lampes du Nord SARL", "SIRET 12345678901234", "12 rue des Lilas", "84340 Malaucène", "France"},
		"1912 Elm Lane, Austin, TX 78701":           {"Northern Lamps Inc", "1912 Elm Lane", "Austin, TX 78701", "(512) 555-0134"},
		"LOT 21995, JALAN LAMPU 3, 40300 SHAH ALAM": {"LAMPU UTARA SDN BHD", "(123456-X)", "LOT 21995, JALAN LAMPU 3,", "40300 SHAH ALAM", "GST NO: 000123456789"},
		"Calle Mayor 7, 28013 Madrid":               {"Luces del Norte S.L.", "NIF B58378431", "Dirección: Calle Mayor 7", "28013 Madrid"},
		"7 Lamp Street, Leeds, LS1 4AP":             {"Northern Lamps Ltd", "7 Lamp Street, Leeds", "LS1 4AP"},
		"":                                          {"Northern Lamps Ltd", "Everything that shines", "Invoice"},
		"Hafenweg 3 · 20457 Hamburg":                {"Nordlicht Lampen GmbH · Hafenweg 3 · 20457 Hamburg"},
	} {
		var all []printed
		for i, l := range lines {
			all = append(all, printed{60, 40 + 12*float64(i), l})
		}
		_, got := ask(t, e, extract.Question{Class: "invoice"}, pageOf(1, append(all, printed{60, 300, "Invoice No: A-1001"})...))
		if f := got["seller_address"]; f.Value != want {
			t.Errorf("%q: %+v, want %q", lines, f, want)
		}
	}
}
