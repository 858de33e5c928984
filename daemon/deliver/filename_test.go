package deliver

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSafeName(t *testing.T) {
	for raw, want := range map[string]string{
		"scan":        "scan",
		"Rechnung Nr": "Rechnung Nr",
		"a:b?":        "a%3Ab%3F",
		"con":         "%63on",
		"NUL.2026":    "%4EUL.2026",
		"console":     "console",
		"COM1":        "%43OM1",
		"com10":       "com10",
		"100%":        "100%",
		"100%41":      "100%2541",
		"dot.":        "dot%2E",
		"blank ":      "blank%20",
		" .":          " %2E",
		"\xff\x01é":   "%FF%01é",
		"%":           "%",
		"%:":          "%%3A",
	} {
		if got := SafeName(raw); got != want {
			t.Errorf("SafeName(%q) is %q, want %q", raw, got, want)
		}
	}
	if got := filepath.ToSlash(SafePath("a./con/ü")); got != "a%2E/%63on/ü" {
		t.Errorf("path: %q", got)
	}
	long := strings.Repeat("ä:", 80) + ".pdf"
	if got := SafeFile(long); len(got) > LongestName || !strings.HasSuffix(got, ".pdf") || !utf8.ValidString(got) ||
		!strings.HasPrefix(long, RawName(strings.TrimSuffix(got, ".pdf"))) {
		t.Errorf("long file: %q", got)
	}
	if got := filepath.ToSlash(SafePath(long + "/x")); len(got) > LongestName+2 || !strings.HasSuffix(got, "/x") {
		t.Errorf("long path: %q", got)
	}
}

// FuzzSafeName: any name can be read back, and what is written Windows can hold.
func FuzzSafeName(f *testing.F) {
	for _, seed := range []string{"scan", "a:b?", "con", "100%41", "%%%4", "\xff", "x. ", "COM¹.txt", strings.Repeat("é", 200)} {
		f.Add(seed, uint8(20))
	}
	f.Fuzz(func(t *testing.T, raw string, most uint8) {
		safe := SafeName(raw)
		if got := RawName(safe); got != raw {
			t.Fatalf("%q became %q, which reads as %q", raw, safe, got)
		}
		if !utf8.ValidString(safe) || strings.ContainsAny(safe, "<>:\"/\\|?*\x00\x1f\x7f") || isDevice(safe) ||
			strings.HasSuffix(safe, ".") || strings.HasSuffix(safe, " ") {
			t.Fatalf("%q became %q", raw, safe)
		}
		short := cut(safe, int(most))
		if len(short) > int(most) || !utf8.ValidString(short) || !strings.HasPrefix(safe, short) || !strings.HasPrefix(raw, RawName(short)) {
			t.Fatalf("%q cut to %d is %q", safe, most, short)
		}
	})
}
