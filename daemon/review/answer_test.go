package review

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"
)

// TestAnswerToWhatIsTooLarge keeps every byte that was written, says at the top
// what is wrong in the text's own encoding, and says it once.
func TestAnswerToWhatIsTooLarge(t *testing.T) {
	plain := "# document " + someID + "\r\ntotal = 12,50\r\n" + strings.Repeat("pasted by mistake\r\n", largest/15)
	wide := []byte("\xFF\xFE")
	for _, unit := range utf16.Encode([]rune(plain)) {
		wide = append(wide, byte(unit), byte(unit>>8))
	}
	for name, content := range map[string][]byte{"plain": []byte(plain), "marked": []byte("\uFEFF" + plain), "UTF-16": wide} {
		path := filepath.Join(t.TempDir(), FieldsFile)
		write(t, path, string(content))
		for range 2 {
			head, err := readSmall(path)
			text := ParseFields(head)
			if err := errors.Join(err, Objected(filepath.Dir(path), text, Outcome{Objections: text.Objections})); err != nil {
				t.Fatal(err)
			}
		}
		data, err := os.ReadFile(path)
		mark := len(content) - len(bytes.TrimPrefix(bytes.TrimPrefix(content, []byte("\xFF\xFE")), []byte("\uFEFF")))
		if err != nil || !bytes.HasPrefix(data, content[:mark]) || !bytes.HasSuffix(data, content[mark:]) {
			t.Errorf("%s: the text is not what it was: %v", name, err)
		}
		said, _ := decodeText(data)
		if !strings.HasPrefix(said, "# !! This file is too large") || strings.Count(said, "too large") != 1 || !strings.Contains(said, "move the folder once more.\r\n# document") {
			t.Errorf("%s: %.200q", name, said)
		}
		if list(t, filepath.Dir(path)) != FieldsFile {
			t.Errorf("%s: %s", name, list(t, filepath.Dir(path)))
		}
	}
}

// TestAnswerToWhatWasEdited: what a person wrote since the text was read stays.
func TestAnswerToWhatWasEdited(t *testing.T) {
	path := filepath.Join(t.TempDir(), FieldsFile)
	write(t, path, "total = 13\n")
	err := ParseFields([]byte("total = x\n")).answer(path, Outcome{Objections: []Objection{{Line: 1, Sentence: "No."}}})
	if data, _ := os.ReadFile(path); !errors.Is(err, errEdited) || string(data) != "total = 13\n" {
		t.Errorf("%q, %v", data, err)
	}
}

// TestTextUnderAnotherName: what a person saved beside fields.txt is not passed over.
func TestTextUnderAnotherName(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bundle")
	delivered(t, dir)
	write(t, filepath.Join(dir, "a.txt"), "what was printed\n")
	for want, name := range []string{"a.txt", "fields.txt.txt"} {
		if name != "a.txt" {
			write(t, filepath.Join(dir, name), "# document "+someID+"\ntotal = 2\n")
		}
		o, text, err := OrderFor(someID, "1", dir, Approve, "anna")
		if err != nil || o.DocumentID != someID || len(text.Objections) != want {
			t.Errorf("%s: %+v, %v", name, text.Objections, err)
		}
		if want > 0 && !strings.HasPrefix(text.Objections[0].Sentence, "\"fields.txt.txt\" in this folder holds values, too") {
			t.Error(text.Objections)
		}
	}
}

// TestTextsThatDiffer: a text that was moved alone does not replace the one in
// the bundle if a person wrote into that, too.
func TestTextsThatDiffer(t *testing.T) {
	const asDelivered = "# document " + someID + "\ntotal = 1\n"
	for inBundle, want := range map[string]string{asDelivered: "fields.txt", asDelivered + "# mine\n": "fields-2.txt fields.txt"} {
		dir := t.TempDir()
		home, moved := filepath.Join(dir, "bundle"), filepath.Join(dir, FieldsFile)
		if err := os.Mkdir(home, 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(home, FieldsFile), inBundle)
		write(t, moved, asDelivered+"due_date = soon\n")
		b, err := readBundle(moved, Approve)
		if err != nil || !b.loose {
			t.Fatal(b, err)
		}
		err = b.goBack(home, ParseFields(b.text), Outcome{Objections: []Objection{{Field: "due_date", Sentence: "This is no date."}}}, Manifest{Sums: map[string]string{FieldsFile: sumOf([]byte(asDelivered))}})
		back, _ := os.ReadFile(filepath.Join(home, strings.Fields(want)[0]))
		if err != nil || list(t, home) != want || list(t, dir) != "bundle" || !strings.Contains(string(back), "# !! This is no date.\ndue_date = soon") {
			t.Errorf("%s, %s: %q, %v", list(t, home), list(t, dir), back, err)
		}
	}
}

// TestCopyGivenBack takes the place of the bundle it is a copy of, unless a person
// changed that.
func TestCopyGivenBack(t *testing.T) {
	for own, want := range map[string]string{"": "bundle", "own.txt": "bundle bundle-2", FieldsFile: "bundle bundle-2"} {
		dir := t.TempDir()
		home, copied := filepath.Join(dir, "review", "bundle"), filepath.Join(dir, "approve", "bundle")
		m := delivered(t, home)
		delivered(t, copied)
		typed := "# document " + someID + "\ntotal = a lot\n"
		write(t, filepath.Join(copied, FieldsFile), typed)
		if own != "" {
			write(t, filepath.Join(home, own), "mine")
		}
		b, err := readBundle(copied, Approve)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.goBack(home, ParseFields(b.text), Outcome{Objections: []Objection{{Line: 2, Sentence: "No."}}}, m); err != nil || list(t, filepath.Dir(home)) != want {
			t.Errorf("%q: %s, %v", own, list(t, filepath.Dir(home)), err)
		}
		data, _ := os.ReadFile(filepath.Join(dir, "review", want[strings.LastIndex(want, " ")+1:], FieldsFile))
		if !strings.Contains(string(data), "# !! No.\ntotal = a lot") {
			t.Errorf("%q: %q", own, data)
		}
	}
}

// TestRemarkBehindAValue is no part of an amount or a date; a text may have a #.
func TestRemarkBehindAValue(t *testing.T) {
	for typedIn, want := range map[string]string{"amount 12,50 # Anna": "12.50", "date 3.4.2026# seen": "2026-04-03", "currency EUR #": "EUR", "text Unit # 5": "Unit # 5", "code #5": "#5"} {
		kind, value, _ := strings.Cut(typedIn, " ")
		if got, err := typed(kind, value, "", nil); err != nil || got != want {
			t.Errorf("%s: %q, %v", typedIn, got, err)
		}
	}
}
