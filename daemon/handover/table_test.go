package handover

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"intray/daemon/config"
	"intray/daemon/document"
)

const (
	oneID = "01939f3e-5c00-7000-8000-000000000001"
	twoID = "01939f3e-5c00-7000-8000-000000000002"
)

func table(t *testing.T) config.Folder {
	f := config.FolderDefaults("desk")
	f.CSV, f.CSVFields = filepath.Join(t.TempDir(), "t", "a.csv"), []string{"seller_name", "gross_total"}
	return f
}

// TestTableAfterEveryTear cuts the table at every byte of its last line, as a
// crash may: written again, it is as it would have been.
func TestTableAfterEveryTear(t *testing.T) {
	f := table(t)
	doc := document.Document{Fields: []document.Field{{Name: "seller_name", Value: "Müller; \"Söhne\"\nKG"}, {Name: "gross_total", Value: "-12.50"}}}
	write := func(id string) {
		t.Helper()
		if err := appendRow(f, Data{DocumentID: id, Name: "scan.pdf"}, doc); err != nil {
			t.Fatal(err)
		}
	}
	write(oneID)
	first, err := os.ReadFile(f.CSV)
	if err != nil {
		t.Fatal(err)
	}
	write(twoID)
	write(twoID)
	write(oneID)
	want, _ := os.ReadFile(f.CSV)
	for n := 0; n < len(want); n++ {
		if err := os.WriteFile(f.CSV, want[:n], 0o644); err != nil {
			t.Fatal(err)
		}
		write(oneID)
		write(twoID)
		if got, _ := os.ReadFile(f.CSV); string(got) != string(want) {
			t.Fatalf("cut at %d (%d is the first line):\n%q\nwant\n%q", n, len(first), got, want)
		}
	}
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(want), byteOrderMark)))
	r.Comma = ';'
	rows, err := r.ReadAll()
	if err != nil || len(rows) != 3 || rows[1][8] != "Müller; \"Söhne\" KG" || rows[2][9] != "-12.50" {
		t.Errorf("%v, %q", err, rows)
	}
}

// TestLinesOfOthersStay: what somebody wrote without an end of line is no torn
// line of ours.
func TestLinesOfOthersStay(t *testing.T) {
	f := table(t)
	write := func(id string) {
		t.Helper()
		if err := appendRow(f, Data{DocumentID: id}, document.Document{}); err != nil {
			t.Fatal(err)
		}
	}
	write(oneID)
	before, err := os.ReadFile(f.CSV)
	if err != nil {
		t.Fatal(err)
	}
	for _, theirs := range []string{string(before) + "paid by hand;see letter", strings.TrimSuffix(string(before), "\r\n")} {
		if err := os.WriteFile(f.CSV, []byte(theirs), 0o644); err != nil {
			t.Fatal(err)
		}
		write(twoID)
		if got, _ := os.ReadFile(f.CSV); !strings.HasPrefix(string(got), theirs+"\r\n"+twoID) {
			t.Errorf("%q became\n%q", theirs, got)
		}
	}
}

// TestOtherColumns: a table whose columns are not the folder's is left as it is.
func TestOtherColumns(t *testing.T) {
	f := table(t)
	if err := appendRow(f, Data{DocumentID: oneID}, document.Document{}); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(f.CSV)
	other, comma, fewer := f, f, f
	other.CSVFields = []string{"gross_total", "seller_name"}
	comma.CSVSeparator = ","
	for _, wrong := range []config.Folder{other, comma} {
		if err := appendRow(wrong, Data{DocumentID: twoID}, document.Document{}); err == nil || !strings.Contains(err.Error(), "other columns") {
			t.Errorf("%v", err)
		}
	}
	if after, _ := os.ReadFile(f.CSV); string(after) != string(before) {
		t.Errorf("%q", after)
	}
	fewer.CSVFields = f.CSVFields[:1]
	if err := appendRow(fewer, Data{DocumentID: twoID}, document.Document{}); err != nil {
		t.Errorf("the table has more columns than asked for: %v", err)
	}
	if err := os.WriteFile(f.CSV, []byte("my own notes"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := appendRow(f, Data{DocumentID: twoID}, document.Document{}); err == nil {
		t.Error("a file that is no table of ours was written to")
	}
}

func TestHarmless(t *testing.T) {
	for cell, want := range map[string]string{
		"": "", "a": "a", "=1+1": "'=1+1", " =1": "' =1", "\t=1": "' =1", "@SUM(A1)": "'@SUM(A1)", "-1+cmd": "'-1+cmd",
		"-12.50": "-12.50", "+49": "+49", "+49 30": "'+49 30", "a\r\nb": "a  b", "＝1": "'＝1",
	} {
		if got := harmless(cell); got != want {
			t.Errorf("%q became %q, want %q", cell, got, want)
		}
	}
}
