//go:build bench

package daemon

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// benchRun is what one program did with one case, once.
type benchRun struct {
	wall, cpu time.Duration
	peak      int64 // bytes, see watchMemory
	output    int64 // bytes of PDF
	recalled  float64
}

// contender is a program that takes part. run reads the case's files, which
// are in dir, and writes into out; text returns what it read of each file.
type contender struct {
	name string
	run  func(t *testing.T, c benchCase, dir, out string) (cpu time.Duration)
	text func(t *testing.T, f benchFile, out string) []string
	// skips is true for cases that the program has nothing to do in.
	skips func(benchCase) bool
}

// TestBench reads the same pages with Intray, OCRmyPDF and the bare tesseract
// command in one run and prints a table. In each round every program gets its
// turn at a case before the next case begins, and each round another one is the
// first, so that whatever else the machine does hits all alike. Ratios are
// medians of the rounds' own ratios. INTRAY_BENCH_ROUNDS says how many rounds.
//
// One thread for each recognition, as many at a time as there are cores.
// OCRmyPDF runs with its defaults but for --output-type pdf, which spares it the
// conversion to PDF/A, and --skip-text, without which it refuses a PDF that has
// text; tesseract gets the pixels, and writes text only. Intray's workers step
// back behind other programs (nice 5), and so do the two others here: on a
// machine that is busy otherwise Intray alone would seem slow.
func TestBench(t *testing.T) {
	rounds := 3
	if n, err := strconv.Atoi(os.Getenv("INTRAY_BENCH_ROUNDS")); err == nil {
		rounds = n
	}
	for _, name := range []string{"ocrmypdf", "tesseract", "pdftotext"} {
		tool(t, name)
	}
	cases, programs := benchCases(t), contenders(t)
	dir := t.TempDir()
	for i, c := range cases {
		writeCase(t, filepath.Join(dir, strconv.Itoa(i)), c)
	}
	for _, p := range programs { // caches are filled before anything is measured
		measure(t, p, cases[3], filepath.Join(dir, "3"))
	}
	runs := map[string][]benchRun{}
	for round := range rounds {
		for i, c := range cases {
			for j := range programs {
				p := programs[(j+round)%len(programs)]
				if p.skips != nil && p.skips(c) {
					continue
				}
				r := measure(t, p, c, filepath.Join(dir, strconv.Itoa(i)))
				t.Logf("round %d, %s, %s: %.2f s, %.2f s of processor", round+1, c.name, p.name, r.wall.Seconds(), r.cpu.Seconds())
				key := c.name + "\n" + p.name
				runs[key] = append(runs[key], r)
			}
		}
	}
	fmt.Print(benchTable(cases, programs, runs))
}

func writeCase(t *testing.T, dir string, c benchCase) {
	t.Helper()
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, f := range c.files {
		if err := os.WriteFile(filepath.Join(dir, f.name), f.data, 0o644); err != nil {
			t.Fatal(err)
		}
		for i, p := range f.pages {
			size := p.pixels.Rect.Size()
			data := append(fmt.Appendf(nil, "P5\n%d %d\n255\n", size.X, size.Y), p.pixels.Pix...)
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s.%02d.pgm", f.name, i)), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func measure(t *testing.T, p contender, c benchCase, dir string) benchRun {
	t.Helper()
	out := t.TempDir()
	defer os.RemoveAll(out)
	peak := watchMemory()
	start := time.Now()
	cpu := p.run(t, c, dir, out)
	r := benchRun{wall: time.Since(start), cpu: cpu}
	r.peak = peak()
	var found, wanted float64
	for _, f := range c.files {
		n, best := float64(len(words(f.text))), 0.0
		for _, text := range p.text(t, f, out) {
			best = max(best, recall(f.text, text))
		}
		found, wanted = found+n*best, wanted+n
	}
	r.recalled = found / wanted
	pdfs, err := filepath.Glob(filepath.Join(out, "*.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	for _, pdf := range pdfs {
		info, err := os.Stat(pdf)
		if err != nil {
			t.Fatal(err)
		}
		r.output += info.Size()
	}
	return r
}

// contenders are the programs, OCRmyPDF and tesseract first.
func contenders(t *testing.T) []contender {
	cores := runtime.NumCPU()
	out := []contender{
		{name: "OCRmyPDF", text: pdfTexts, run: func(t *testing.T, c benchCase, dir, out string) time.Duration {
			jobs := 1
			if len(c.files) == 1 {
				jobs = cores
			}
			var all [][]string
			for _, f := range c.files {
				args := []string{"nice", "-n", "5", "ocrmypdf", "-q", "-l", "eng", "--output-type", "pdf", "-j", strconv.Itoa(jobs)}
				if filepath.Ext(f.name) != ".pdf" {
					args = append(args, "--image-dpi", strconv.Itoa(f.dpi))
				}
				if c.digital {
					args = append(args, "--skip-text")
				}
				all = append(all, append(args, filepath.Join(dir, f.name), filepath.Join(out, f.name+".pdf")))
			}
			return runAll(t, all, cores)
		}},
		{name: "tesseract", skips: func(c benchCase) bool { return c.digital },
			run: func(t *testing.T, c benchCase, dir, out string) time.Duration {
				var all [][]string
				for _, f := range c.files {
					for i, p := range f.pages {
						name := fmt.Sprintf("%s.%02d", f.name, i)
						all = append(all, []string{"nice", "-n", "5", "tesseract", filepath.Join(dir, name+".pgm"), filepath.Join(out, name), "-l", "eng", "--dpi", strconv.Itoa(p.dpi)})
					}
				}
				return runAll(t, all, cores)
			},
			text: func(t *testing.T, f benchFile, out string) []string {
				var all strings.Builder
				for i := range f.pages {
					data, err := os.ReadFile(filepath.Join(out, fmt.Sprintf("%s.%02d.txt", f.name, i)))
					if err != nil {
						t.Fatal(err)
					}
					all.Write(data)
				}
				return []string{all.String()}
			}},
	}
	for _, program := range []struct{ name, file string }{{"Intray", "intray"}, {"Intray, static", "intray-static"}} {
		path, err := filepath.Abs(filepath.Join("..", "bin", program.file))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); err != nil {
			t.Logf("without %s: bin/%s is not built", program.name, program.file)
			continue
		}
		out = append(out, contender{name: program.name, text: pdfTexts, run: func(t *testing.T, c benchCase, dir, out string) time.Duration {
			args := []string{path, "ocr", "-o", out}
			for _, f := range c.files {
				args = append(args, filepath.Join(dir, f.name))
			}
			return runAll(t, [][]string{args}, 1)
		}})
	}
	return out
}

// runAll runs commands, some at a time, and returns the processor time they and
// their children took.
func runAll(t *testing.T, commands [][]string, atOnce int) time.Duration {
	t.Helper()
	var mu sync.Mutex
	var cpu time.Duration
	var group sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for _, args := range commands {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			cmd := exec.Command(args[0], args[1:]...)
			cmd.Env = append(os.Environ(), "OMP_THREAD_LIMIT=1")
			said, err := cmd.CombinedOutput()
			// Intray ends with 5 where a person should look; what it read is counted.
			if err != nil && cmd.ProcessState.ExitCode() != exitReview {
				t.Errorf("%v: %v\n%s", args, err, said)
			}
			mu.Lock()
			cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
			mu.Unlock()
		})
	}
	group.Wait()
	return cpu
}

// pdfTexts is a PDF's text in two readings, of which the better one counts for
// everybody: with -layout pdftotext leaves hyphens alone.
func pdfTexts(t *testing.T, f benchFile, out string) []string {
	t.Helper()
	stem := strings.TrimSuffix(f.name, filepath.Ext(f.name))
	for _, name := range []string{f.name + ".pdf", stem + ".pdf", filepath.Join("review", "*", stem+".pdf")} {
		if found, err := filepath.Glob(filepath.Join(out, name)); err == nil && len(found) > 0 {
			return []string{outputOf(t, "pdftotext", found[0], "-"), outputOf(t, "pdftotext", "-layout", found[0], "-")}
		}
	}
	t.Errorf("no PDF of %s", f.name)
	return nil
}

// watchMemory samples, four times a second (asking slows down who is asked),
// the memory of all processes that this one started and theirs: proportional set sizes, in which a page shared by
// two processes counts half in each. The answer is the largest sum.
func watchMemory() (peak func() int64) {
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan int64)
	go func() {
		var top int64
		tick := time.NewTicker(250 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				var sum int64
				for _, pid := range descendants(os.Getpid()) {
					sum += proportional(pid)
				}
				top = max(top, sum)
			case <-ctx.Done():
				result <- top
				return
			}
		}
	}()
	return func() int64 {
		cancel()
		return <-result
	}
}

func descendants(root int) []int {
	children := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, stat := range stats {
		data, _ := os.ReadFile(stat) // it may be gone
		_, rest, _ := strings.Cut(string(data), ") ")
		if fields := strings.Fields(rest); len(fields) > 1 {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(stat)))
			parent, _ := strconv.Atoi(fields[1])
			children[parent] = append(children[parent], pid)
		}
	}
	out := slices.Clone(children[root])
	for i := 0; i < len(out); i++ {
		out = append(out, children[out[i]]...)
	}
	return out
}

func proportional(pid int) int64 {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10
		}
	}
	return 0
}

// benchTable is Markdown. Speeds are relative to OCRmyPDF's and tesseract's in
// the same round.
func benchTable(cases []benchCase, programs []contender, runs map[string][]benchRun) string {
	var b strings.Builder
	b.WriteString("| pages | program | seconds | speed: OCRmyPDF = 1 | speed: tesseract = 1 | processor seconds | words recalled | peak memory | output |\n")
	b.WriteString("|---|---|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, c := range cases {
		for _, p := range programs {
			mine := runs[c.name+"\n"+p.name]
			if len(mine) == 0 {
				continue
			}
			ratio := func(other string) string {
				theirs := runs[c.name+"\n"+other]
				if len(theirs) != len(mine) {
					return "–"
				}
				return fmt.Sprintf("%.2f", middle(mine, func(i int) float64 { return theirs[i].wall.Seconds() / mine[i].wall.Seconds() }))
			}
			output := "–"
			if mine[0].output > 0 {
				output = fmt.Sprintf("%.2f MB", float64(mine[0].output)/1e6)
			}
			fmt.Fprintf(&b, "| %s | %s | %.2f | %s | %s | %.2f | %.1f %% | %.0f MB | %s |\n", c.name, p.name,
				middle(mine, func(i int) float64 { return mine[i].wall.Seconds() }), ratio("OCRmyPDF"), ratio("tesseract"),
				middle(mine, func(i int) float64 { return mine[i].cpu.Seconds() }), 100*mine[0].recalled,
				middle(mine, func(i int) float64 { return float64(mine[i].peak) / 1e6 }), output)
		}
	}
	return b.String()
}

// middle is the median of value over the runs.
func middle[T any, V cmp.Ordered](runs []T, value func(int) V) V {
	values := make([]V, len(runs))
	for i := range values {
		values[i] = value(i)
	}
	slices.Sort(values)
	return values[len(values)/2]
}
