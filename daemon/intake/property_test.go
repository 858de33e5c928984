package intake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"intray/ledger"
	"intray/watcher"
)

// TestRandomFileEvents drives random sequences of file events, stops and
// crashes of the front half against a model: what rested while a front ran is
// recorded, nothing is recorded that never stood in the folder, no content
// twice, every original is whole, and in the end the folder is empty.
func TestRandomFileEvents(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 3))
	for range 60 {
		script := make([]byte, 120)
		for i := range script {
			script[i] = byte(random.Uint32())
		}
		synctest.Test(t, func(t *testing.T) { play(t, script) })
	}
}

// FuzzFileEvents is TestRandomFileEvents for any script.
func FuzzFileEvents(f *testing.F) {
	f.Add([]byte("writers come and go, and so do we"))
	f.Fuzz(func(t *testing.T, script []byte) {
		synctest.Test(t, func(t *testing.T) { play(t, script[:min(len(script), 300)]) })
	})
}

// model is the folder as its writers know it.
type model struct {
	fixture
	t        *testing.T
	now      map[string]string // path -> content
	ever     map[string]bool   // every content that stood there, by hash
	must     map[string]bool   // contents that rested while a front ran, by hash
	stop     func()
	crash    int // how many files are sniffed before the front is cancelled; 0 is never
	contents int
}

func play(t *testing.T, script []byte) {
	m := &model{fixture: setup(t), t: t, now: map[string]string{}, ever: map[string]bool{}, must: map[string]bool{}, stop: func() {}}
	names := []string{"a.pdf", "b.pdf", "sub/a.pdf", "sub/c.pdf"}
	m.start()
	for i := 0; i+1 < len(script); i += 2 {
		m.event(script[i], names[int(script[i+1])%len(names)], int(script[i+1]>>2))
	}
	m.crash = 0
	m.start()
	m.rest(time.Minute)
	m.stop()
	m.check()
}

func (m *model) event(what byte, name string, value int) {
	path := filepath.Join(m.hot, filepath.FromSlash(name))
	switch what % 10 {
	case 0: // a content that came before
		if m.contents > 0 {
			m.write(path, name, fmt.Sprintf("content %d", 1+value%m.contents))
		}
	case 1, 2: // a whole file, over whatever is there
		m.contents++
		m.write(path, name, fmt.Sprintf("content %d", m.contents))
	case 3: // more of a file
		if old, there := m.now[name]; there && m.present(path) {
			m.write(path, name, old+fmt.Sprintf(" and %d", value))
		}
	case 4: // a file renamed into place
		m.contents++
		content := fmt.Sprintf("content %d", m.contents)
		m.write(path+".part", name+".part", content)
		if os.Rename(path+".part", path) == nil {
			delete(m.now, name+".part")
			m.now[name], m.ever[hash(content)] = content, true
		}
	case 5: // gone again
		if os.Remove(path) == nil {
			delete(m.now, name)
		}
	case 6: // touched
		_ = os.Chtimes(path, time.Time{}, time.Now().Add(time.Duration(value)*time.Second))
	case 7:
		m.start() // stop and start
	case 8: // and the next front dies under a file
		m.crash = 1 + value%3
		m.start()
	case 9:
		m.rest([]time.Duration{100 * time.Millisecond, time.Second, 3 * time.Second, 10 * time.Second}[value%4])
	}
}

func (m *model) present(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func (m *model) write(path, name, content string) {
	if errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)) == nil {
		m.now[name], m.ever[hash(content)] = content, true
	}
}

// rest lets time pass. What is in the folder at its beginning and rests for
// long enough must be taken if the front lives.
func (m *model) rest(d time.Duration) {
	if d >= 10*time.Second && m.crash == 0 {
		for name, content := range m.now {
			if m.present(filepath.Join(m.hot, filepath.FromSlash(name))) && filepath.Ext(name) == ".pdf" {
				m.must[hash(content)] = true
			}
		}
	}
	time.Sleep(d)
	synctest.Wait()
}

// start ends the front that runs, if any, and starts another over the same
// ledger and store, as a restart does.
func (m *model) start() {
	m.stop()
	ctx, cancel := context.WithCancel(m.t.Context())
	left := m.crash
	in := &Intake{Ledger: m.Ledger, Originals: m.Originals, Room: m.Room, Owner: m.Owner, Log: m.Log, Sniff: func([]byte) string {
		if left--; left == 0 {
			cancel() // and die between the claim and the record
			runtime.Goexit()
		}
		return "application/pdf"
	}}
	front, err := NewFront(in, m.folder, watcher.Options{Mode: watcher.Poll, Settle: time.Second, Sweep: 2 * time.Second})
	if err != nil {
		m.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- front.Run(ctx) }()
	m.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			m.t.Error(err)
		}
		m.stop = func() {}
	}
}

func (m *model) check() {
	m.t.Helper()
	page, err := m.Ledger.List(ledger.Query{Limit: 1000})
	if err != nil {
		m.t.Fatal(err)
	}
	taken := map[string]int{}
	for _, d := range page.Documents {
		if !m.ever[d.SHA256] {
			m.t.Errorf("%s was recorded with a content that never stood there", d.Path)
		}
		if err := m.Originals.Verify(m.t.Context(), d.SHA256); err != nil {
			m.t.Error(err)
		}
		if taken[d.SHA256] += 0; d.State != ledger.Duplicate {
			taken[d.SHA256]++
		}
		if !d.SourceCleared || d.State == ledger.Received && len(d.Claim) > 0 {
			m.t.Errorf("%s is recorded and not cleared", d.Path)
		}
	}
	for sum, n := range taken {
		if n != 1 {
			m.t.Errorf("content %s has %d documents that are no duplicates", sum, n)
		}
	}
	for sum := range m.must {
		if taken[sum] == 0 {
			m.t.Errorf("content %s rested and was not taken", sum)
		}
	}
	_ = filepath.WalkDir(m.hot, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(path) != ".part" {
			m.t.Errorf("left: %s", path)
		}
		return nil
	})
}

func hash(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}
