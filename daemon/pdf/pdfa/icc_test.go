package pdfa

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestProfiles asks Little CMS, which reads profiles strictly, what colours the
// profiles stand for.
func TestProfiles(t *testing.T) {
	if _, err := exec.LookPath("transicc"); err != nil {
		t.Skip("skipped: transicc (liblcms2-utils) is not installed")
	}
	for name, c := range map[string]struct {
		profile []byte
		in      string
		want    [3]float64
	}{
		"white":    {SRGB(), "255\n255\n255\n", [3]float64{100, 0, 0}},
		"black":    {SRGB(), "0\n0\n0\n", [3]float64{0, 0, 0}},
		"red":      {SRGB(), "255\n0\n0\n", [3]float64{54.3, 80.8, 69.9}},
		"paper":    {CMYK(), "0\n0\n0\n0\n", [3]float64{100, 0, 0}},
		"ink":      {CMYK(), "0\n0\n0\n100\n", [3]float64{14, 0, 0}},
		"full red": {CMYK(), "0\n100\n100\n0\n", [3]float64{48, 69, 50}},
	} {
		path := filepath.Join(t.TempDir(), "p.icc")
		if err := os.WriteFile(path, c.profile, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("transicc", "-n", "-i"+path, "-o*Lab", "-t1")
		cmd.Stdin = strings.NewReader(c.in)
		out, err := cmd.CombinedOutput()
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		var got [3]float64
		if _, scanned := fmt.Sscan(lines[len(lines)-1], &got[0], &got[1], &got[2]); err != nil || scanned != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		for k := range got {
			if math.Abs(got[k]-c.want[k]) > 0.5 {
				t.Errorf("%s: %v, want %v", name, got, c.want)
			}
		}
	}
}
