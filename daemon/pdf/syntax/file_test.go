package syntax

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// build writes a file of objects, numbered from 1, with a classic table.
func build(objects ...string) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n%\xE2\xE3\xCF\xD3\n")
	var table strings.Builder
	for i, o := range objects {
		fmt.Fprintf(&table, "%010d 00000 n \n", b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, table.String(), len(objects)+1, start)
	return b.Bytes()
}

func open(t testing.TB, data []byte) *File {
	t.Helper()
	f, err := Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestObjects(t *testing.T) {
	f := open(t, build("<< /Type /Catalog /A#20b [1 -2.5 (a\\(\\051\\\nb) <4 1> true null 3 0 R 7 8] >>",
		"<< /Length 3 0 R >>\nstream\nhello\nendstream", "5", strings.Repeat(" ", 40000)+"(far)"))
	root, err := f.Resolve(f.Trailer()["Root"])
	if err != nil {
		t.Fatal(err)
	}
	want := `syntax.Dict{"A b":syntax.Array{1, -2.5, "a()b", "A", true, syntax.Object(nil), syntax.Ref{Number:3, Generation:0}, 7, 8}, "Type":"Catalog"}`
	if got := fmt.Sprintf("%#v", root); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	i, err := f.Indirect(2)
	if err != nil || i.Faults != 0 {
		t.Fatal(i, err)
	}
	if data, err := f.Decode(i.Object.(*Stream), 100); err != nil || string(data) != "hello" {
		t.Errorf("%q, %v", data, err)
	}
	if i, err := f.Indirect(4); err != nil || i.Object != String("far") {
		t.Error(i, err)
	}
}

func TestFaults(t *testing.T) {
	long := strings.Repeat("x", 40000)
	for text, want := range map[string]Faults{
		"<4>": FaultHexOdd, "<4x1>": FaultHexDigit, "2147483648": FaultInteger, "-2147483648": 0, "--5": FaultNumber, "1.2.3": FaultNumber,
		"(" + long + ")": FaultString, "/" + long[:128]: FaultName, "/a#zz": FaultName, "<< /A 1 /A 2 >>": FaultDuplicateKey,
		"4" + strings.Repeat("0", 39) + ".0": FaultReal, "<41>": 0, "<< /Length 5 >>\nstream\r\nhello\r\nendstream": 0,
		"<< /Length 5 >>\nstream\nhelloendstream":   FaultStreamKeyword,
		"<< /Length 5 >>\nstream\rhello\nendstream": FaultStreamKeyword,
		"<< /Length 4 >>\nstream\nhello\nendstream": FaultStreamKeyword | FaultStreamLength,
	} {
		i, err := open(t, build(text)).Indirect(1)
		if err != nil || i.Faults != want {
			t.Errorf("%.60q: %b, want %b (%v)", text, i.Faults, want, err)
		}
	}
}

func TestSpacing(t *testing.T) {
	good := string(build("<< >>", "2"))
	for old, replaced := range map[string]string{
		"1 0 obj\n": "1 0 obj ", "\n1 0 obj": " 1 0 obj", "1 0 obj\n<< >>": "1  0 obj<< >>", "\nendobj\n2": " endobj\n2", "endobj\n2": "endobj 2",
	} {
		if !strings.Contains(good, old) || len(old) != len(replaced) {
			t.Fatalf("%q", old)
		}
		i, err := open(t, []byte(strings.Replace(good, old, replaced, 1))).Indirect(1)
		if err != nil || i.Faults != FaultSpacing {
			t.Errorf("%q: %v, %v", replaced, i, err)
		}
	}
	if f := open(t, []byte(strings.Replace(good, "xref\n0 3\n", "xref 0 3\n", 1))); f.Sections[0].Faults != FaultXRefSpacing {
		t.Error("xref and its first line on one line")
	}
}

// TestCorpusFiles: whatever the files are, each object of those that open is
// read or refused; nothing panics.
func TestCorpusFiles(t *testing.T) {
	files, _ := filepath.Glob("../../../../shared/corpus/*/*.pdf")
	if len(files) == 0 {
		t.Skip("skipped: ../shared/corpus is not there")
	}
	opened := 0
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if exercise(t, data) {
			opened++
		}
	}
	t.Logf("%d of %d files opened", opened, len(files))
	if opened < len(files)/2 {
		t.Errorf("only %d of %d files opened", opened, len(files))
	}
}

func exercise(t testing.TB, data []byte) bool {
	f, err := Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return false
	}
	for _, n := range f.Numbers() {
		i, err := f.Indirect(n)
		if err != nil && !errors.Is(err, ErrSyntax) && !errors.Is(err, ErrFilter) {
			t.Errorf("object %d: %v", n, err)
		}
		if i == nil {
			continue
		}
		if s, ok := i.Object.(*Stream); ok {
			if decoded, err := f.Decode(s, 1<<20); err == nil {
				operations(decoded)
			}
		}
	}
	return true
}

func operations(data []byte) (out []string, err error) {
	c := NewContent(data)
	for {
		op, err := c.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		if op.Start < 0 || op.End > len(data) || op.Start >= op.End {
			panic(fmt.Sprintf("operation from %d to %d of %d", op.Start, op.End, len(data)))
		}
		out = append(out, string(data[op.Start:op.End]))
	}
}

func TestContent(t *testing.T) {
	text := "q 1 0 0 1 .5 -7 cm % comment\n/F1 12 Tf [(a)-20(b)]TJ\n<</MCID 0>> BDC BI /W 2/H 2/BPC 8/CS/G ID EI \nEI\nBI /W 1 /F /Fl ID ab EI x\nEI Q\n"
	want := []string{"q", "1 0 0 1 .5 -7 cm", "/F1 12 Tf", "[(a)-20(b)]TJ", "<</MCID 0>> BDC", "BI /W 2/H 2/BPC 8/CS/G ID EI \nEI",
		"BI /W 1 /F /Fl ID ab EI", "x", "EI", "Q"}
	if got, err := operations([]byte(text)); err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	for _, bad := range []string{"1 2", "[1", "(a", strings.Repeat("[", 100), strings.Repeat("1 ", 50) + "m", "BI /W 1 ID"} {
		if _, err := operations([]byte(bad)); err == nil {
			t.Errorf("%.20q was read", bad)
		}
	}
}

func FuzzFile(f *testing.F) {
	f.Add(build("<< /Type /Catalog >>", "<< /Length 5 >>\nstream\nhello\nendstream"))
	files, _ := filepath.Glob("../../../../shared/corpus/hostile/*.pdf")
	for _, path := range files {
		if data, err := os.ReadFile(path); err == nil && len(data) < 20000 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) { exercise(t, data) })
}

func FuzzContent(f *testing.F) {
	f.Add([]byte("q 1 0 0 1 .5 -7 cm BI /W 2 /H 2 /BPC 8 /CS /G ID EI \nEI Q"))
	f.Add([]byte("[(a)-20(b)]TJ <</A<</B[1 2 3]>>>> DP"))
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = operations(data) })
}

// TestManyObjects: what is held is bounded by what it takes in memory, not by
// how it is written.
func TestManyObjects(t *testing.T) {
	many := "[" + strings.Repeat("<<>>", 900_000) + "]"
	f := open(t, build("<< /Type /Catalog >>", many, many))
	if _, err := f.Indirect(2); err != nil {
		t.Error(err)
	}
	if _, err := f.Indirect(3); !errors.Is(err, errMany) {
		t.Errorf("too many objects: %v", err)
	}
	if _, err := NewContent([]byte("[" + many + many + "] TJ")).Next(); !errors.Is(err, errMany) {
		t.Errorf("too many operands: %v", err)
	}
}
