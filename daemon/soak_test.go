package daemon

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestSoakKills kills the daemon at random moments under a stream of drops and
// counts at the end. `make soak` runs it.
func TestSoakKills(t *testing.T) {
	if os.Getenv("INTRAY_SOAK") == "" {
		t.Skip("skipped: a long test; make soak runs it")
	}
	const kills, drops = 60, 60
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 3))
	o := newOffice(t, "")
	o.start()
	for i := range max(kills, drops) {
		if i < drops {
			o.drop(fmt.Sprintf("scan-%03d.png", i), scanPNG(t, fmt.Sprintf("document number %d", 1000+i)))
		}
		if i < kills {
			// The moment is random; whether a line comes by then does not matter.
			_, _ = o.log.wait(time.Duration(random.IntN(1500))*time.Millisecond, "a line that never comes")
			o.kill()
			o.start()
		}
	}
	deadline := time.Now().Add(10 * time.Minute)
	for len(jsonFiles(t, o)) < drops && time.Now().Before(deadline) {
		_, _ = o.log.wait(time.Second, "a line that never comes")
	}
	o.stop()
	o.noDebris()
	seen, doubled := map[string]int{}, 0
	for _, path := range jsonFiles(t, o) {
		doc := readDocument(t, path)
		if seen[doc.Source.Path]++; seen[doc.Source.Path] > 1 {
			doubled++
		}
	}
	t.Logf("dropped %d, killed %d times, delivered %d, lost %d, doubled %d", drops, kills, len(seen), drops-len(seen), doubled)
	if len(seen) != drops || doubled > 0 {
		t.Error("documents were lost or doubled")
	}
}

func jsonFiles(t *testing.T, o *office) []string {
	t.Helper()
	files, err := filepath.Glob(o.path("out", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}
