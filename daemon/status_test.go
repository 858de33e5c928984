package daemon

import (
	"bytes"
	"net"
	"strings"
	"testing"

	"intray/daemon/config"
)

// TestStatusOfWaitingFiles: a hot folder whose files cannot be taken is no
// "all is well".
func TestStatusOfWaitingFiles(t *testing.T) {
	t.Parallel()
	cfg := &config.Config{Folders: []config.Folder{{Name: "scans", Path: "/srv/in"}, {Name: "post", Path: "/srv/post"}}}
	status := func(s stats) string {
		out := &bytes.Buffer{}
		(&app{out: out}).describeService("config.toml", cfg, s, "")
		return out.String()
	}
	if got := status(stats{Intake: &intakeStats{Waiting: map[string]int{"scans": 2}}}); strings.Count(got, "trouble") != 1 || !strings.Contains(got, "files that wait in /srv/in: 2") {
		t.Errorf("two files wait in one folder:\n%s", got)
	}
	if got := status(stats{Cloud: map[string]cloudStats{"afar": {Waiting: 3, Paused: "The key is missing."}, "well": {Waiting: 1}}}); strings.Count(got, "trouble") != 1 ||
		!strings.Contains(got, "engine afar: documents that wait for its answer: 3. The key is missing.") {
		t.Errorf("an engine that is paused:\n%s", got)
	}
	if got := status(stats{}); strings.Contains(got, "trouble") {
		t.Errorf("nothing is known of files:\n%s", got)
	}
}

// TestStatusWithoutConfiguration: who may not read it is not told that nothing runs.
func TestStatusWithoutConfiguration(t *testing.T) {
	t.Parallel()
	out := &bytes.Buffer{}
	a := &app{out: out, errs: out, configFile: t.TempDir()} // no file
	if a.managedState() != "not installed" {
		t.Skip("a service is installed here")
	}
	if conn, err := net.Dial("tcp", config.Default().Web.Listen); err == nil {
		_ = conn.Close()
		t.Skip("an Intray runs here")
	}
	if err := a.serviceStatus(t.Context()); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("%v\n%s", err, out)
	}
}
