package daemon

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"intray/daemon/document"
	"intray/daemon/document/documenttest"
)

// asProgram makes the test binary behave as the intray program, so that tests
// start, kill and restart the real thing, workers included.
const asProgram = "INTRAY_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) == "1" {
		os.Exit(MainWith(os.Args[1:], labKinds()))
	}
	os.Exit(runTests(m))
}

// runTests gives all tests one cache of compiled code: under the race detector
// PDFium takes most of a minute to compile.
func runTests(m *testing.M) int {
	cache, err := os.MkdirTemp("", "intray-test-cache-*")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(cache)
	if os.Getenv(theProgram) == "" { // under Wine it is set: there is no Go
		buildProgram(filepath.Join(cache, "program"))
	}
	if err := errors.Join(os.Setenv("XDG_CACHE_HOME", cache), os.Mkdir(filepath.Join(cache, "intray"), 0o700)); err != nil {
		panic(err)
	}
	return m.Run()
}

// buildProgram comes before the cache moves: Go keeps its own there, too.
func buildProgram(file string) {
	build := exec.Command("go", "build", "-tags", "faults", "-o", file, "intray")
	if out, err := build.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("build the program: %v\n%s", err, out))
	}
	gocache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		panic(err)
	}
	if err := errors.Join(os.Setenv("GOCACHE", strings.TrimSpace(string(gocache))), os.Setenv(theProgram, file)); err != nil {
		panic(err)
	}
}

// theProgram names the program as it is built for use (and with its fault
// points), which most tests run: with the race detector in it, workers take so
// long to start that little else would be tested. Tests of things that happen
// at once run the test binary, which has the detector; see raced.
const theProgram = "INTRAY_TEST_PROGRAM"

// raced has the office run the program with the race detector, if the tests do.
func (o *office) raced() *office {
	self, err := os.Executable()
	if err != nil {
		o.t.Fatal(err)
	}
	o.program = self
	return o
}

// patience bounds how long a test waits for something that must happen. Under the race
// detector and beside other tests, a worker's first start alone takes minutes.
const patience = 6 * time.Minute

func command(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Getenv(theProgram), args...)
	cmd.Env = append(os.Environ(), asProgram+"=1", "OMP_THREAD_LIMIT=1")
	return cmd
}

// runIntray runs one command to its end.
func runIntray(t testing.TB, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := command(t, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// office is a configured tray and the daemon that works it.
type office struct {
	t      testing.TB
	dir    string
	config string
	daemon *exec.Cmd
	// program is the binary to run instead of the test's own; env is added to the
	// daemon's environment.
	program string
	env     []string
	log     *logWatch
}

// newOffice makes a tray with short settling times. more is added to the
// configuration's top.
func newOffice(t testing.TB, more string) *office {
	t.Helper()
	o := &office{t: t, dir: t.TempDir()}
	o.config = filepath.Join(o.dir, "config.toml")
	for _, name := range []string{"in", "out", "review", "failed"} {
		if err := os.Mkdir(filepath.Join(o.dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Mkdir(o.path("data"), 0o700),
		os.Symlink(filepath.Join(os.Getenv("XDG_CACHE_HOME"), "intray"), o.path("data", "cache"))); err != nil {
		t.Fatal(err)
	}
	text := "version = 1\ndata_dir = \"data\"\nlog_level = \"info\"\n" + more + `
[web]
listen = "` + freePort(t) + `"
[retry]
base = "100ms"
[[folder]]
name = "desk"
settle = "200ms"
sweep = "1s"
`
	if err := os.WriteFile(o.config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.kill)
	return o
}

// ports hands out each port once, of those that no system gives by itself to
// connections and to servers that ask for any (Linux from 32768 on, others from
// 49152 on): what is free stays free while a daemon is not there yet, or down.
var ports = struct {
	sync.Mutex
	next int
}{next: rand.IntN(portCount)} // other runs of the tests have other ports

const firstPort, portCount = 10_000, 22_000

func freePort(t testing.TB) string {
	t.Helper()
	ports.Lock()
	defer ports.Unlock()
	for range portCount {
		ports.next++
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(firstPort+ports.next%portCount))
		if l, err := net.Listen("tcp", address); err == nil {
			_ = l.Close()
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

func (o *office) start() {
	o.t.Helper()
	o.launch()
	o.waitLog("Watching.")
}

// launch starts the daemon and waits for nothing.
func (o *office) launch() {
	o.t.Helper()
	o.daemon = o.command("run", "--config", o.config)
	o.daemon.Env = append(o.daemon.Env, o.env...)
	o.log = &logWatch{arrived: make(chan struct{}, 1)}
	o.daemon.Stderr = o.log
	if err := o.daemon.Start(); err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) command(args ...string) *exec.Cmd {
	cmd := command(o.t, args...)
	if o.program != "" {
		cmd.Path = o.program
	}
	return cmd
}

// kill ends the daemon the hard way, as a power cut would.
func (o *office) kill() {
	if o.daemon != nil {
		_ = o.daemon.Process.Kill()
		_ = o.daemon.Wait()
		o.daemon = nil
	}
}

// stop ends the daemon as a service manager would and checks that it went well.
func (o *office) stop() {
	o.t.Helper()
	if err := o.daemon.Process.Signal(os.Interrupt); err != nil {
		o.t.Fatal(err)
	}
	if err := o.daemon.Wait(); err != nil {
		o.t.Fatalf("daemon ended with %v\n%s", err, o.log)
	}
	o.daemon = nil
}

func (o *office) path(elem ...string) string {
	return filepath.Join(append([]string{o.dir}, elem...)...)
}

// drop puts a file into the hot folder the way a careful program does.
func (o *office) drop(name string, data []byte) {
	o.t.Helper()
	target := o.path("in", name)
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		o.t.Fatal(err)
	}
	if err := os.WriteFile(target+".part", data, 0o644); err != nil {
		o.t.Fatal(err)
	}
	if err := os.Rename(target+".part", target); err != nil {
		o.t.Fatal(err)
	}
}

// waitLog returns the first line of the daemon's log that has all the words.
func (o *office) waitLog(words ...string) string {
	o.t.Helper()
	line, err := o.log.wait(patience, words...)
	if err != nil {
		o.t.Fatalf("no line with %q in the log:\n%s", words, o.log)
	}
	return line
}

// await waits for something the log tells. What a line tells of may be seen only a
// moment after it, and no other line need follow.
func (o *office) await(what string, there func() bool) {
	o.t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for !there() {
		select {
		case <-o.log.arrived:
		case <-tick.C:
		case <-late.C:
			o.t.Fatalf("waited in vain for %s:\n%s", what, o.log)
		}
	}
}

// delivered reads a delivered JSON and checks it against the schema.
func (o *office) delivered(elem ...string) document.Document {
	o.t.Helper()
	return readDocument(o.t, o.path(elem...))
}

func readDocument(t testing.TB, path string) document.Document {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := documenttest.Validate(data); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	doc, err := document.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// noDebris fails when anything but finished files is left in the folders.
func (o *office) noDebris() {
	o.t.Helper()
	for _, dir := range []string{"in", "out", "review", "failed"} {
		_ = filepath.WalkDir(o.path(dir), func(path string, d os.DirEntry, err error) error {
			if err == nil && (dir == "in" && !d.IsDir() || strings.HasPrefix(d.Name(), ".")) {
				o.t.Errorf("left over: %s", path)
			}
			return nil
		})
	}
	for _, dir := range []string{"data/work", "data/originals/tmp"} {
		left, err := os.ReadDir(o.path(dir))
		if err != nil || len(left) > 0 {
			o.t.Errorf("%s is not empty: %v %v", dir, left, err)
		}
	}
}

// logWatch keeps what a process says and wakes those who wait for a line.
type logWatch struct {
	mu      sync.Mutex
	text    bytes.Buffer
	arrived chan struct{}
}

func (l *logWatch) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	select {
	case l.arrived <- struct{}{}:
	default:
	}
	return len(p), nil
}

func (l *logWatch) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logWatch) count(words ...string) int {
	n := 0
	for line := range strings.Lines(l.String()) {
		if hasAll(line, words) {
			n++
		}
	}
	return n
}

func (l *logWatch) wait(limit time.Duration, words ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for {
		for line := range strings.Lines(l.String()) {
			if strings.HasSuffix(line, "\n") && hasAll(line, words) {
				return line, nil
			}
		}
		select {
		case <-l.arrived:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

func hasAll(line string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(line, w) {
			return false
		}
	}
	return true
}

// corpus finds the shared documents; tests that need them are skipped without.
func corpus(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs("../../shared/corpus")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skip("skipped: the shared corpus is not beside this checkout")
	}
	return dir
}

// tool skips a test whose outside program is missing.
func tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("skipped: %s is not installed", name)
	}
	return path
}

func outputOf(t testing.TB, name string, args ...string) string {
	t.Helper()
	var errs bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, errs.String())
	}
	return string(out)
}

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
