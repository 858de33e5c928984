package daemon

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// launchService starts the daemon as a service manager does, and waits for nothing.
func (o *office) launchService() {
	o.t.Helper()
	o.daemon = o.command("run", "--service", "--config", o.config)
	o.log = &logWatch{arrived: make(chan struct{}, 1)}
	o.daemon.Stderr = o.log
	if err := o.daemon.Start(); err != nil {
		o.t.Fatal(err)
	}
}

// look asks the daemon's address without signing in.
func (o *office) look(address, path string) (status int, text string) {
	o.t.Helper()
	answer, err := http.Get("http://" + address + path)
	if err != nil {
		o.t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		o.t.Fatal(err)
	}
	return answer.StatusCode, string(data)
}

// watchingAgain waits for the folder to be watched for the nth time.
func (o *office) watchingAgain(n int) {
	o.t.Helper()
	o.await("new configuration at work", func() bool { return o.log.count("Watching.") >= n })
}

func (o *office) write(text string) {
	o.t.Helper()
	if err := os.WriteFile(o.config, []byte(text), 0o644); err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) text() string {
	o.t.Helper()
	data, err := os.ReadFile(o.config)
	if err != nil {
		o.t.Fatal(err)
	}
	return string(data)
}

// slipped is a configuration with a mistake behind the head of [web].
func slipped(t *testing.T, good, mistake string) string {
	t.Helper()
	before, after, found := strings.Cut(good, "[web]\n")
	if !found {
		t.Fatal("the configuration has no [web]")
	}
	if strings.HasPrefix(mistake, "[") { // sections of its own come first
		return before + mistake + "[web]\n" + after
	}
	return before + "[web]\n" + mistake + after
}

func listenOf(text string) string {
	_, after, _ := strings.Cut(text, "listen = \"")
	address, _, _ := strings.Cut(after, `"`)
	return address
}

// TestDegradedStart: a service whose configuration has errors says so on its page and to
// monitors, goes on by itself once they are mended, and loses no scan in between.
func TestDegradedStart(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	good := o.text()
	address := listenOf(good)
	o.write(strings.Replace(good, "settle =", "setle =", 1))
	o.drop("early.png", scanPNG(t, "came too early"))
	o.launchService()
	o.waitLog("ERROR Intray cannot work.", "setle")
	if status, text := o.look(address, "/healthz"); status != http.StatusOK {
		t.Errorf("healthz: %d %s", status, text)
	}
	for _, path := range []string{"/readyz", "/api/v1/documents", "/metrics", "/"} {
		if status, text := o.look(address, path); status != http.StatusServiceUnavailable || !strings.Contains(text, "setle") {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	if _, stderr, code := runIntray(t, "open", "--link", "--config", o.config); code != exitUsage || !strings.Contains(stderr, "setle") {
		t.Errorf("open: %d %s", code, stderr)
	}
	if stdout, _, code := runIntray(t, "service", "status", "--config", o.config); code != exitDone || !strings.Contains(stdout, "trouble") || !strings.Contains(stdout, "setle") {
		t.Errorf("service status: %d %s", code, stdout)
	}
	o.write("version = = 1\n" + good) // worse
	o.waitLog("ERROR Intray cannot work.", "config.toml:1")
	o.write(good)
	o.waitLog("Delivered.", "early.png")
	if doc := o.delivered("out", "early.json"); !strings.Contains(doc.Text, "came too early") {
		t.Errorf("text %q", doc.Text)
	}
	if status, text := o.look(address, "/readyz"); status != http.StatusOK {
		t.Errorf("readyz: %d %s", status, text)
	}
	o.stop()
}

// TestServiceWaitsForItsDataFolder: another Intray that uses it is a reason to wait,
// as is a configuration that is not there at all.
func TestServiceWaitsForItsDataFolder(t *testing.T) {
	t.Parallel()
	first := newOffice(t, "")
	first.start()
	o := newOffice(t, "")
	good := o.text()
	if err := os.Remove(o.config); err != nil {
		t.Fatal(err)
	}
	o.launchService()
	o.waitLog("ERROR Intray cannot work.", "cannot be read")
	o.write(strings.Replace(good, `data_dir = "data"`, "data_dir = '"+first.path("data")+"'", 1))
	o.waitLog("ERROR Intray cannot work.", "another Intray uses the data folder")
	if status, text := o.look(listenOf(good), "/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(text, "another Intray") {
		t.Errorf("readyz: %d %s", status, text)
	}
	if _, stderr, code := runIntray(t, "open", "--link", "--config", o.config); code != exitUnreachable || !strings.Contains(stderr, "another Intray") {
		t.Errorf("open: %d %s", code, stderr)
	}
	first.stop()
	o.write(good)
	o.waitLog("Watching.")
	o.stop()
}

// TestReload: a changed configuration is taken over while the daemon runs and signs
// nobody out of the page, one with errors is not, and both are told.
func TestReload(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	o.start()
	good := o.text()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	clerk := &http.Client{Jar: jar}
	seen := func(address string) int {
		answer, err := clerk.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer.StatusCode
	}
	seen(strings.TrimSpace(o.ok("open", "--link", "--role", "reader")))
	if err := os.Mkdir(o.path("elsewhere"), 0o755); err != nil {
		t.Fatal(err)
	}
	moved := strings.Replace(good, "name = \"desk\"\n", "name = \"desk\"\noutput = \"elsewhere\"\n", 1)
	o.write(strings.Replace(moved, "log_level", "log_file = \"new.log\"\nlog_level", 1))
	o.waitLog("take effect at the next start", "log_file")
	o.watchingAgain(2)
	if status := seen("http://" + listenOf(good) + "/"); status != http.StatusOK {
		t.Errorf("the page after a new configuration: %d", status)
	}
	o.drop("moved.png", scanPNG(t, "goes elsewhere"))
	o.waitLog("Delivered.", "moved.png")
	if doc := o.delivered("elsewhere", "moved.json"); !strings.Contains(doc.Text, "goes elsewhere") {
		t.Errorf("text %q", doc.Text)
	}
	if _, err := os.Stat(o.path("new.log")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("new.log: %v", err)
	}

	o.write(strings.Replace(moved, "settle =", "setle =", 1))
	o.waitLog("the one before stays in force", "setle")
	o.drop("still.png", scanPNG(t, "works as before"))
	o.waitLog("Delivered.", "still.png")
	status := statusOf(t, o, moved)
	if !strings.Contains(status, "working since") || !strings.Contains(status, "setle") {
		t.Errorf("service status:\n%s", status)
	}
	o.write(moved)
	o.watchingAgain(3)
	if status := statusOf(t, o, moved); strings.Contains(status, "trouble") || !strings.Contains(status, o.path("in")) {
		t.Errorf("service status:\n%s", status)
	}
	o.stop()
}

// TestConfigurationPutBack: a file that was away or wrong and came back as it was
// interrupts nothing, one of the same size and time is another, and one that names a secret or a
// certificate that is not there leaves the one before in force.
func TestConfigurationPutBack(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	o.start()
	good := o.text()
	trouble := func(words string) func() bool {
		return func() bool {
			status := statusOf(t, o, good)
			return strings.Contains(status, "working since") && strings.Contains(status, "trouble") == (words != "") && strings.Contains(status, words)
		}
	}
	aside := o.path("aside.toml")
	if err := os.Rename(o.config, aside); err != nil {
		t.Fatal(err)
	}
	o.await("trouble", trouble("cannot be read"))
	if err := os.Rename(aside, o.config); err != nil {
		t.Fatal(err)
	}
	o.await("no trouble", trouble(""))
	o.write(strings.Replace(good, "settle =", "setle =", 1))
	o.await("trouble", trouble("setle"))
	o.write(good)
	o.await("no trouble", trouble(""))
	if n := o.log.count("Watching."); n != 1 {
		t.Errorf("the work was interrupted %d times for a file that is as it was", n-1)
	}

	before, err := os.Stat(o.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(aside, []byte(strings.Replace(good, `name = "desk"`, `name = "DESK"`, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(aside, before.ModTime(), before.ModTime()); err != nil {
		t.Fatal(err)
	}
	watching := o.log.count("Watching.")
	if err := os.Rename(aside, o.config); err != nil {
		t.Fatal(err)
	}
	o.waitLog("Watching.", "DESK")

	for _, slip := range [][2]string{
		{"none.pem", "tls_cert = \"none.pem\"\ntls_key = \"none.key\"\n"},
		{`kind \"tesserat`, "[engine.local]\nkind = \"tesserat\"\n"}, // what an engine says of its own section
		{"lingos", "[engine.local]\nkind = \"tesseract\"\nlingos = [\"eng\"]\n"},
		{"leave this machine", "[[folder]]\nname = \"afar\"\npath = \"afar\"\noutput = \"o\"\nreview = \"r\"\nfailed = \"f\"\nnever_cloud = true\nengine = \"afar\"\n" +
			"[engine.afar]\nkind = \"azure\"\nendpoint = \"http://127.0.0.1:1\"\nkey = { env = \"HOME\" }\n"},
	} {
		o.write(slipped(t, good, slip[1]))
		o.waitLog("the one before stays in force", slip[0])
	}
	o.drop("still.png", scanPNG(t, "works as before"))
	o.waitLog("Delivered.", "still.png")
	if n := o.log.count("Watching."); n != watching+1 {
		t.Errorf("reloaded %d times", n-watching)
	}
	o.stop()
}

// TestFolderAway: a hot folder that cannot be reached is told to monitors, by the status
// and by the figures until it is back, and the work under the other folders goes on.
func TestFolderAway(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	second := o.path("second")
	o.write(o.text() + "\n[[folder]]\nname = \"late\"\npath = '" + second + "'\nsweep = \"1s\"\n")
	o.start()
	text := o.text()
	address := listenOf(text)
	away := func() string {
		_, said := o.look(address, "/readyz")
		return said
	}
	o.await("the folder that is not there told", func() bool { return strings.Contains(away(), "hot folder of late cannot be reached") })
	if status := statusOf(t, o, text); strings.Count(status, "trouble") != 1 || !strings.Contains(status, "hot folder of late") || !strings.Contains(status, "working since") {
		t.Errorf("service status:\n%s", status)
	}
	if said := o.ok("stats"); !strings.Contains(said, "hot folder of late cannot be reached") {
		t.Errorf("stats:\n%s", said)
	}
	var s stats
	if err := json.Unmarshal([]byte(o.ok("stats", "--json")), &s); err != nil || s.Intake == nil || len(s.Intake.Away) != 1 || s.Intake.Away["late"] == "" {
		t.Errorf("stats: %+v, %v", s.Intake, err)
	}
	o.drop("other.png", scanPNG(t, "goes on"))
	o.waitLog("Delivered.", "other.png")
	if err := os.Mkdir(second, 0o755); err != nil {
		t.Fatal(err)
	}
	o.await("ready", func() bool { return strings.TrimSpace(away()) == "ready" })
	if status := statusOf(t, o, text); strings.Contains(status, "trouble") {
		t.Errorf("service status:\n%s", status)
	}
	o.stop()
}

// TestResultsAway: documents whose folder of results is away are told wherever one looks
// whether all is well, until it is back.
func TestResultsAway(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	o.start()
	if err := os.Rename(o.path("out"), o.path("out-away")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(o.path("out"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	address := listenOf(o.text())
	ready := func() string {
		_, said := o.look(address, "/readyz")
		return strings.TrimSpace(said)
	}
	for _, name := range []string{"one.png", "two.png"} {
		o.drop(name, scanPNG(t, "for a share that is away", name))
	}
	const told = "In the folder desk, for 2 documents this has to be mended: The result could not be written to"
	o.await("what the documents wait for", func() bool { return strings.Contains(ready(), told) })
	// One that is just being looked at is not among them.
	o.await("it in the stats", func() bool { return strings.Contains(o.ok("stats"), told) })
	o.await("it in the stats for programs", func() bool {
		var s stats
		err := json.Unmarshal([]byte(o.ok("stats", "--json")), &s)
		return err == nil && len(s.Held) == 1 && s.Held[0].Documents == 2 && !s.Held[0].More
	})
	o.await("it in the status", func() bool { return strings.Contains(statusOf(t, o, o.text()), told) })
	if err := errors.Join(os.Remove(o.path("out")), os.Rename(o.path("out-away"), o.path("out"))); err != nil {
		t.Fatal(err)
	}
	o.waitLog("Delivered.", "one.png")
	o.waitLog("Delivered.", "two.png")
	o.await("ready", func() bool { return ready() == "ready" })
	o.stop()
}

// TestFolderTakenOut: documents in review whose folder is not in the configuration any
// more are told, refused with a sentence, and decided on when it is back.
func TestFolderTakenOut(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	o.add(sampleAll)
	o.start()
	o.inReview("a")
	good := o.text()
	o.write(strings.Replace(good, `name = "desk"`, `name = "other"`, 1))
	o.waitLog("Documents in review wait for their folder", "folder=desk")
	o.watchingAgain(2)
	id := o.documents()[0].DocumentID
	if _, stderr, code := runIntray(t, "approve", id, "--config", o.config); code != exitRefused || !strings.Contains(stderr, "desk") {
		t.Errorf("approve: %d %s", code, stderr)
	}
	o.write(good)
	o.watchingAgain(3)
	if out := o.ok("approve", id); !strings.Contains(out, "completed") {
		t.Errorf("approve said %q", out)
	}
	o.stop()
}

// TestStatusBehindCertificate: a daemon that cannot work is found by service status
// and by other commands also where its page is for other machines, by https.
func TestStatusBehindCertificate(t *testing.T) {
	t.Parallel()
	first := newOffice(t, "")
	first.start()
	o := newOffice(t, "")
	certificate, key := o.path("cert.pem"), o.path("key.pem")
	certify(t, certificate, key)
	o.write(strings.Replace(strings.Replace(o.text(), `data_dir = "data"`, "data_dir = '"+first.path("data")+"'", 1), "[web]\n",
		"[web]\ntls_cert = '"+certificate+"'\ntls_key = '"+key+"'\n", 1))
	o.launchService()
	o.waitLog("ERROR Intray cannot work.", "another Intray")
	stdout, stderr, _ := runIntray(t, "service", "status", "--config", o.config)
	if !strings.Contains(stdout, "another Intray uses") || !strings.Contains(stdout, "page           http://"+listenOf(o.text())) {
		t.Errorf("service status: %s%s", stdout, stderr)
	}
	if _, stderr, code := runIntray(t, "list", "--config", o.config); code != exitUnreachable || !strings.Contains(stderr, "another Intray uses") {
		t.Errorf("list: %d %s", code, stderr)
	}
	o.stop()
	first.stop()
}

// statusOf asks by a second file, which is right.
func statusOf(t *testing.T, o *office, text string) string {
	t.Helper()
	path := filepath.Join(o.dir, "second.toml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code := runIntray(t, "service", "status", "--config", path)
	if code != exitDone {
		t.Errorf("service status: %d %s", code, stderr)
	}
	return stdout
}

// TestHangup has the daemon read its configuration again, also an unchanged one.
func TestHangup(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("skipped: Windows has no SIGHUP")
	}
	t.Parallel()
	o := newOffice(t, "")
	o.start()
	if err := o.daemon.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	o.watchingAgain(2)
	o.stop()
}
