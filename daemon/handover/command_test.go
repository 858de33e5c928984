package handover

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"intray/daemon/config"
	"intray/ledger"
)

func hook(t *testing.T, limit time.Duration, script string) (config.Folder, string) {
	t.Helper()
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("skipped: there is no sh")
	}
	out := filepath.Join(t.TempDir(), "out")
	f := config.FolderDefaults("desk")
	f.Hook, f.HookTimeout = []string{sh, "-c", script, out}, config.Duration(limit)
	return f, out
}

func TestCommandHasTheDocumentAndLittleElse(t *testing.T) {
	t.Setenv("SECRET_OF_THE_SERVICE", "x")
	f, out := hook(t, time.Minute, `{ cat; env; } > "$0"`)
	data := Data{DocumentID: oneID, Name: "a; rm -rf.pdf", Outputs: []string{"out/a.pdf"}, Document: []byte(`{"schema":"s"}`)}
	if err := (&Desk{}).command(t.Context(), f, ledger.Message{ID: "m1", Event: Completed}, data); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`{"schema":"s"}`, "INTRAY_DOCUMENT_ID=" + oneID, "INTRAY_NAME=a; rm -rf.pdf", "INTRAY_PDF=out/a.pdf",
		"INTRAY_MESSAGE_ID=m1", "INTRAY_EVENT=document.completed"} {
		if !strings.Contains(string(got), want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	if strings.Contains(string(got), "SECRET_OF_THE_SERVICE") {
		t.Error("the service's environment is handed on")
	}
}

func TestCommandThatFailsOrHangs(t *testing.T) {
	f, _ := hook(t, time.Minute, `echo "no room in the archive" >&2; exit 3`)
	if err := (&Desk{}).command(t.Context(), f, ledger.Message{}, Data{}); err == nil || !strings.Contains(err.Error(), "no room in the archive") {
		t.Errorf("%v", err)
	} else if logged := sayable(fmt.Errorf("told: %w", err)); strings.Contains(logged.Error(), "archive") || !strings.Contains(logged.Error(), "exit status 3") {
		t.Errorf("the log says %v", logged) // a hook may quote the document
	}
	f, _ = hook(t, 50*time.Millisecond, `sleep 600`)
	if err := (&Desk{}).command(t.Context(), f, ledger.Message{}, Data{}); err == nil || !strings.Contains(err.Error(), "hook_timeout") {
		t.Errorf("%v", err)
	}
	// Long enough for a shell to start on a busy machine.
	f, out := hook(t, 5*time.Second, `sleep 600 & echo $! > "$0"; wait`)
	if err := (&Desk{}).command(t.Context(), f, ledger.Message{}, Data{}); err == nil || !strings.Contains(err.Error(), "hook_timeout") {
		t.Errorf("%v", err)
	}
	child, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(child)))
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "linux" {
		died(t, pid)
	}
	f.Hook = []string{filepath.Join(t.TempDir(), "missing")}
	if err := (&Desk{}).command(t.Context(), f, ledger.Message{}, Data{}); err == nil {
		t.Error("a program that is not there was run")
	}
}

// died waits for the end of a process that was killed; it may be a zombie until
// somebody looks after it.
func died(t *testing.T, pid int) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	late := time.After(time.Minute)
	for {
		state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(state), ") Z ") {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("what the hook started goes on: %s", state)
		}
	}
}
