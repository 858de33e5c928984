package pdf

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"intray/daemon/pdf/pdftest"
)

// TestEverythingIsKept: bookmarks, links, attachments, the form, the structure
// and all the rest of a rich file, and the pictures' streams, whatever is done to
// it and however it is written.
func TestEverythingIsKept(t *testing.T) {
	rich := pdftest.Rich(t)
	for name, args := range map[string][]string{"plain": nil, "object streams": {"--object-streams=generate"},
		"linearized before": {"--linearize"}, "linearized, object streams": {"--linearize", "--object-streams=generate"}} {
		in := rich
		if args != nil {
			in = filepath.Join(t.TempDir(), "in.pdf")
			if out, err := pdftest.Run(t, "qpdf", append(args, rich, in)...); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		}
		before, err := os.ReadFile(in)
		if err != nil {
			t.Fatal(err)
		}
		for _, above := range []int64{0, 1} {
			out := filepath.Join(t.TempDir(), "out.pdf")
			turned := Layer{Page: onePage(2, 300, 400, helloLine(100)), UserToPage: flip(400), Turn: 270}
			turned.Page.Skew = 2
			layers := []Layer{{Page: onePage(1, 300, 400, helloLine(100)), UserToPage: flip(400)}, turned}
			if _, err := AddText(in, out, 3, listed(layers...), Options{LinearizeAbove: above}, nil); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if above > 0 {
				checkLinear(t, out)
			} else if after, err := os.ReadFile(out); err != nil || !strings.HasPrefix(string(after), string(before)) {
				t.Errorf("%s: the original is not kept (%v)", name, err)
			}
			checkSame(t, name, in, out)
			if n := strings.Count(string(tool(t, "pdftotext", "-raw", out, "-")), "of 😀-fish"); n != 2 {
				t.Errorf("%s: %d pages with text", name, n)
			}
		}
	}
}

func checkSame(t *testing.T, name, before, after string) {
	t.Helper()
	different, err := pdftest.Differences(t, before, after)
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
	for _, d := range different {
		t.Errorf("%s: %s", name, d)
	}
	a, err1 := pdftest.Images(t, before)
	b, err2 := pdftest.Images(t, after)
	if err1 != nil || err2 != nil || len(a) == 0 || !slices.Equal(slices.Compact(a), slices.Compact(b)) {
		t.Errorf("%s: pictures %v became %v (%v, %v)", name, a, b, err1, err2)
	}
}

// TestTextInTaggedFilesIsAnArtifact: nothing outside of the structure that does
// not say so.
func TestTextInTaggedFilesIsAnArtifact(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.pdf")
	if _, err := AddText(pdftest.Rich(t), out, 3, listed(Layer{Page: onePage(1, 300, 400, helloLine(100)), UserToPage: flip(400)}), Options{}, nil); err != nil {
		t.Fatal(err)
	}
	content := string(tool(t, "qpdf", "--qdf", "--object-streams=disable", out, "-"))
	if !strings.Contains(content, "/Artifact BMC\nq\nBT\n3 Tr") || !strings.Contains(content, "Q\nEMC") {
		t.Error("the text is not marked as an artifact")
	}
}
