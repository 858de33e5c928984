package extract_test

import (
	"testing"

	"intray/daemon/document"
	"intray/daemon/extract"
)

// TestLicences: driving licences number their fields, or name them in two letters.
func TestLicences(t *testing.T) {
	e := builtIn(t)
	european := pageOf(1, printed{200, 20, "FÜHRERSCHEIN"}, printed{400, 20, "BUNDESREPUBLIK DEUTSCHLAND"},
		printed{200, 60, "1. MUSTERMANN"}, printed{200, 75, "2. ERIKA"}, printed{200, 90, "3. 12.08.1964 BERLIN"},
		printed{200, 105, "4a. 19.01.2013"}, printed{330, 105, "4c. LANDRATSAMT MUSTERKREIS"}, printed{200, 120, "4b. 18.01.2028"}, printed{200, 135, "5. B072RRE2I55"}, printed{200, 170, "9. AM/B/L"})
	glued := pageOf(1, printed{200, 20, "PERMIS DE CONDUIRE"}, printed{200, 60, "1.MARTIN"}, printed{200, 75, "2.JEANNE"}, printed{200, 90, "3.14/07/1981"}, printed{260, 90, "LYON"},
		printed{200, 105, "4a.02/01/2014"}, printed{200, 120, "4b.01/01/2029"}, printed{200, 135, "5.13AA00002"})
	american := pageOf(1, printed{200, 20, "DRIVER LICENSE"}, printed{200, 40, "DL I1234562"}, printed{200, 55, "EXP 08/31/2026"}, printed{200, 70, "LN CARDHOLDER"}, printed{200, 85, "FN IMA"},
		printed{200, 100, "2570 24TH STREET"}, printed{200, 112, "ANYTOWN, CA 95818"}, printed{200, 130, "DOB 08/05/1977"}, printed{200, 145, "SEX F"}, printed{300, 145, "ISS 08/31/2021"}, printed{200, 170, "5 DD 00/00/0000NNNAN/ANFD/YY"})
	for _, c := range []struct {
		page document.Page
		want map[string]string
	}{
		{european, map[string]string{"document_type": "driver_license", "surname": "MUSTERMANN", "given_names": "ERIKA", "date_of_birth": "1964-08-12", "place_of_birth": "BERLIN",
			"issue_date": "2013-01-19", "expiry_date": "2028-01-18", "issuing_authority": "LANDRATSAMT MUSTERKREIS", "document_number": "B072RRE2I55"}},
		{glued, map[string]string{"surname": "MARTIN", "given_names": "JEANNE", "date_of_birth": "1981-07-14", "issue_date": "2014-01-02", "expiry_date": "2029-01-01", "document_number": "13AA00002"}},
		{american, map[string]string{"document_number": "I1234562", "surname": "CARDHOLDER", "given_names": "IMA", "date_of_birth": "1977-08-05", "issue_date": "2021-08-31",
			"expiry_date": "2026-08-31", "sex": "F", "address": "2570 24TH STREET, ANYTOWN, CA 95818"}},
	} {
		a, got := ask(t, e, extract.Question{Class: extract.Auto}, c.page)
		if a.Class.Name != "id" {
			t.Errorf("%+v", a.Class)
		}
		for name, want := range c.want {
			if got[name].Value != want {
				t.Errorf("%s: %+v, want %q", name, got[name], want)
			}
		}
	}
}
