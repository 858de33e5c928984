package mrz

import (
	"strings"
	"testing"
)

// The specimens of ICAO 9303, parts 4 to 6.
var specimens = map[string][]string{
	TD3: {"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"},
	TD2: {"I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6"},
	TD1: {"I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<"},
}

func TestSpecimens(t *testing.T) {
	for format, lines := range specimens {
		d, used, ok := Parse(lines)
		if !ok || used != len(lines) || d.Format != format || !d.Valid() {
			t.Fatalf("%s: %+v, %v", format, d, ok)
		}
		if d.Surname != "ERIKSSON" || d.Given != "ANNA MARIA" || d.Birth != "740812" || d.Expiry != "120415" || d.Sex != "F" || d.Nationality != "UTO" || d.Issuer != "UTO" {
			t.Errorf("%s: %+v", format, d)
		}
		want := "D23145890"
		if format == TD3 {
			want = "L898902C3"
		}
		if d.Number != want {
			t.Errorf("%s: number %q", format, d.Number)
		}
	}
}

// TestRepairs: what is misread is mended where check digits confirm it.
func TestRepairs(t *testing.T) {
	for name, lines := range map[string][]string{
		"letters in dates":      {specimens[TD3][0], "L898902C36UTO74O8122F12O4I59ZE184226B<<<<<10"},
		"letters in the number": {specimens[TD3][0], "L8989O2C36UTO7408122F1204159ZE184226B<<<<<10"},
		"lost fillers":          {specimens[TD3][0][:41], "L898902C36UTO7408122F1204159ZE184226B<<<10"},
		"doubled fillers":       {specimens[TD3][0] + "<<", specimens[TD3][1]},
	} {
		d, _, ok := Parse(lines)
		if !ok || !d.Valid() || d.Lines[1] != specimens[TD3][1] {
			t.Errorf("%s: %+v, %v", name, d, ok)
		}
	}
}

// TestLettersThatHold: where the check digits hold with the letter O and with
// zeros, the letter stays unless only digits can stand there.
func TestLettersThatHold(t *testing.T) {
	for line, number := range map[string]string{
		"1OAO345670UTO7408122F1204159<<<<<<<<<<<<<<<0": "1OAO34567",
		"OO12345678UTO7408122F1204159<<<<<<<<<<<<<<<4": "OO1234567",
		"ROOOOOOO09UTO7408122F1204159<<<<<<<<<<<<<<<2": "R00000000",
	} {
		d, _, ok := Parse([]string{specimens[TD3][0], line})
		if !ok || !d.Valid() || d.Number != number {
			t.Errorf("%s: number %q, want %q, %v", line, d.Number, number, ok)
		}
	}
}

// TestDoubt: a digit that is really another, or a letter, is not made to fit: a
// check digit holds by chance in one case of ten.
func TestDoubt(t *testing.T) {
	if d, _, ok := Parse([]string{specimens[TD3][0], "L898902C36UTO7408122F1204159ZE1842268<<<<<10"}); !ok || d.Valid() || d.Personal != "ZE1842268" {
		t.Errorf("%+v, %v", d, ok)
	}
	d, _, ok := Parse([]string{specimens[TD3][0], "L898903C36UTO7408122F1204159ZE184226B<<<<<10"})
	if !ok || d.Valid() || d.Checks.Number || d.Number != "L898903C3" {
		t.Errorf("%+v, %v", d, ok)
	}
}

func TestClean(t *testing.T) {
	if got := Clean("P<UTO ERIKSSON«ANNA< maria"); got != "P<UTOERIKSSON<<ANNA<MARIA" {
		t.Errorf("%q", got)
	}
	if Likely(Clean("A line of ordinary text, with 10 words on it.")) {
		t.Error("a sentence is taken for a zone")
	}
}

// FuzzParse: no panic, and what is valid is valid when read again.
func FuzzParse(f *testing.F) {
	for _, lines := range specimens {
		f.Add(strings.Join(lines, "\n"))
	}
	f.Fuzz(func(t *testing.T, text string) {
		var lines []string
		for line := range strings.Lines(text) {
			lines = append(lines, Clean(line))
		}
		d, used, ok := Parse(lines)
		if !ok {
			return
		}
		if used != len(d.Lines) {
			t.Errorf("%d lines used, %d kept", used, len(d.Lines))
		}
		if again, _, ok := Parse(d.Lines); d.Valid() && (!ok || !again.Valid()) {
			t.Errorf("%q is valid and is not: %+v", d.Lines, again)
		}
	})
}
