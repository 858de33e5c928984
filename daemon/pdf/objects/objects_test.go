package objects

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func open(t testing.TB, path string) *File {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// build writes a PDF of objects 1, 2, ... with a classic table.
func build(t testing.TB, bodies ...string) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("%PDF-1.7\n")
	table := "0000000000 65535 f \n"
	for i, body := range bodies {
		table += fmt.Sprintf("%010d 00000 n \n", b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, body)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(bodies)+1, table, len(bodies)+1, start)
	path := filepath.Join(t.TempDir(), "built.pdf")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// threePages is a file with a page tree of three levels and inheritance.
func threePages(t testing.TB) string {
	return build(t,
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 3 /MediaBox [0 0 100 100] >>",
		"<< /Type /Page /Parent 2 0 R /Contents 6 0 R >>",
		"<< /Type /Pages /Kids [8 0 R 5 0 R] /Count 2 /Parent 2 0 R /Ro#74ate 90 >>",
		"<< /Type /Page /Parent 4 0 R /Odd (a \\) (b) % c) /Hex <41> /Deep [ [<</A[1 0 R]>>] null true ] >>",
		"<< /Length 7 0 R >>\nstream\nBT ET\nendstream",
		"5",
		"<< /Type /Page /Parent 4 0 R >>")
}

func TestReading(t *testing.T) {
	f := open(t, threePages(t))
	pages, err := f.Pages(10)
	if err != nil || len(pages) != 3 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	if got := string(pages[2].Inherited("Rotate")); got != "90" {
		t.Errorf("/Rotate %q", got)
	}
	if got := string(pages[2].Inherited("MediaBox")); got != "[0 0 100 100]" {
		t.Errorf("/MediaBox %q", got)
	}
	d, err := pages[2].Dict()
	if err != nil || string(d.Get("Odd")) != `(a \) (b) % c)` {
		t.Errorf("page %q, %v", d, err)
	}
	deep := d.Get("Deep").Renumber(func(r Ref) Value { return Value(Ref{r.Number + 70, 0}.String()) })
	if string(deep) != "[ [<</A[71 0 R]>>] null true ]" {
		t.Errorf("renumbered %s", deep)
	}
	o, err := f.Object(6)
	if err != nil {
		t.Fatal(err)
	}
	if data, err := f.Decode(o, 100); err != nil || string(data) != "BT ET" {
		t.Errorf("stream %q, %v", data, err)
	}
	if o, err := f.Object(99); err != nil || o.Value != nil {
		t.Errorf("an object that is not there: %v, %v", o, err)
	}
}

// TestOtherForms: the same objects however qpdf arranges them.
func TestOtherForms(t *testing.T) {
	if _, err := exec.LookPath("qpdf"); err != nil {
		t.Skip("skipped: qpdf is not installed")
	}
	for _, args := range [][]string{{"--object-streams=generate"}, {"--linearize"}, {"--linearize", "--object-streams=generate"}} {
		out := filepath.Join(t.TempDir(), "out.pdf")
		if b, err := exec.Command("qpdf", append(args, threePages(t), out)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, b)
		}
		f := open(t, out)
		pages, err := f.Pages(3)
		if err != nil || len(pages) != 3 {
			t.Fatalf("%v: %d pages, %v", args, len(pages), err)
		}
		if d, err := pages[2].Dict(); err != nil || string(d.Get("Hex")) != "(A)" {
			t.Errorf("%v: page %q, %v", args, d, err)
		}
		for _, n := range f.Numbers() {
			if _, err := f.Object(n); err != nil {
				t.Errorf("%v: %v", args, err)
			}
		}
	}
}

// TestHybrid: objects that the table hides as free stand in a stream, others are
// really free (7.5.8.4).
func TestHybrid(t *testing.T) {
	var b strings.Builder
	at := map[int]int{}
	object := func(n int, body string) {
		at[n] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", n, body)
	}
	stream := func(entries, data string) string {
		return fmt.Sprintf("<< %s /Length %d >>\nstream\n%s\nendstream", entries, len(data), data)
	}
	b.WriteString("%PDF-1.5\n")
	object(1, "<< /Type /Catalog /Pages 2 0 R /Extra 5 0 R >>")
	object(2, "<< /Type /Pages /Count 1 /Kids [3 0 R] >>")
	object(3, "<< /Type /Page /Parent 2 0 R >>")
	object(4, stream("/Type /ObjStm /N 2 /First 8", "5 0 7 3 (a)(b)"))
	hidden := string([]byte{1, byte(at[4] >> 8), byte(at[4]), 0, 2, 0, 4, 0, 1, byte(b.Len() >> 8), byte(b.Len()), 0})
	object(6, stream("/Type /XRef /W [1 2 1] /Index [4 3] /Size 7", hidden))
	start := b.Len()
	b.WriteString("xref\n0 8\n0000000004 65535 f \n")
	for n := 1; n < 8; n++ {
		if n > 3 {
			b.WriteString("0000000000 00000 f \n")
		} else {
			fmt.Fprintf(&b, "%010d 00000 n \n", at[n])
		}
	}
	fmt.Fprintf(&b, "trailer\n<< /Size 8 /Root 1 0 R /XRefStm %d >>\nstartxref\n%d\n%%%%EOF\n", at[6], start)
	path := filepath.Join(t.TempDir(), "hybrid.pdf")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	f := open(t, path)
	if o, err := f.Object(5); err != nil || string(o.Value) != "(a)" {
		t.Errorf("the hidden object is %q, %v", o.Value, err)
	}
	if o, err := f.Object(7); err != nil || o.Value != nil {
		t.Errorf("the free object is %q, %v", o.Value, err)
	}
	if f.CrossStreams {
		t.Error("the last section is a table")
	}
}

// TestDamaged: what does not fit is refused and never repaired.
func TestDamaged(t *testing.T) {
	data, err := os.ReadFile(threePages(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"no startxref":       {"startxref", "startxerf"},
		"offset of nothing":  {"startxref\n", "startxref\n9"},
		"length too small":   {"\n5\nendobj", "\n3\nendobj"},
		"length of itself":   {"/Length 7 0 R", "/Length 6 0 R"},
		"open dictionary":    {"/Rotate 90 >>", "/Rotate 90"},
		"another object":     {"3 0 obj", "9 0 obj"},
		"tree in a circle":   {"/Kids [8 0 R", "/Kids [2 0 R"},
		"table in a circle":  {"/Size 9", fmt.Sprintf("/Prev %d /Size 9", strings.Index(string(data), "xref\n0")-2)},
		"section not number": {"0 9\n", "0 x\n"},
	} {
		path := filepath.Join(t.TempDir(), "damaged.pdf")
		text := strings.Replace(strings.Replace(string(data), "/Ro#74ate", "/Rotate", 1), change[0], change[1], 1)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path)
		if err == nil {
			_, err = f.Pages(10)
			for _, n := range f.Numbers() {
				if _, e := f.Object(n); err == nil {
					err = e
				}
			}
			f.Close()
		}
		if !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzFile(f *testing.F) {
	data, err := os.ReadFile(threePages(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	for _, bits := range []string{"40", "128", "256"} {
		locked := filepath.Join(f.TempDir(), "locked.pdf")
		if exec.Command("qpdf", "--allow-weak-crypto", "--encrypt", "", "owner", bits, "--", threePages(f), locked).Run() == nil {
			if data, err := os.ReadFile(locked); err == nil {
				f.Add(data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "in.pdf")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := Open(path)
		if err != nil {
			return
		}
		defer file.Close()
		_ = file.Unlock()
		pages, _ := file.Pages(50)
		for _, p := range pages {
			_, _ = p.Dict()
		}
		for _, n := range file.Numbers() {
			if o, err := file.Object(n); err == nil {
				// What is copied must read the same again.
				if d, ok := o.Value.Dict(); ok {
					if again, ok := d.Value().Dict(); !ok || len(again) != len(d) {
						t.Fatalf("%q became %q", o.Value, d.Value())
					}
				}
				_, _ = file.Decode(o, 1<<20)
				_, _, _ = file.Decrypted(o)
			}
		}
	})
}

// TestPackBounds: an object stream's list cannot be longer than its bytes.
func TestPackBounds(t *testing.T) {
	for n, ok := range map[int]bool{1: true, 2: false, 1 << 26: false} {
		o := Object{Value: Value(fmt.Sprintf("<< /Type /ObjStm /N %d /First 3 >>", n))}
		if s, err := splitPack(o, []byte("7 0<<>>")); (err == nil) != ok || ok && len(s.at) != 1 {
			t.Errorf("%d objects: %v", n, err)
		}
	}
}
