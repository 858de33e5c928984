package daemon

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"intray/daemon/config"
)

// TestStranger: where something else listens at the daemon's address, commands ask
// the ledger when no daemon has it, and else say what is the matter.
func TestStranger(t *testing.T) {
	t.Parallel()
	first, second := newOffice(t, ""), newOffice(t, "")
	listen := func(o *office) string {
		cfg, _, err := config.Load(o.config)
		if err != nil {
			t.Fatal(err)
		}
		return cfg.Web.Listen
	}
	first.start()
	second.start()
	second.stop() // it has a ledger and a token now
	other := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(other.Close)
	says := func(o *office, want string, code int, args ...string) {
		t.Helper()
		out, errs, got := runIntray(t, append(args, "--config", o.config)...)
		if got != code || !strings.Contains(out+errs, want) {
			t.Errorf("%q: code %d, %s%s", args, got, out, errs)
		}
	}
	second.set(listen(second), strings.TrimPrefix(other.URL, "http://"))
	says(second, "No documents.", exitDone, "list")
	second.set(listen(second), listen(first))
	says(second, "No documents.", exitDone, "list")
	says(second, "no daemon runs", exitUnreachable, "open", "--link")
	second.launch()
	second.waitLog("The local page and API are off")
	second.waitLog("Watching.")
	says(second, "is not it", exitUnreachable, "list")
	says(second, "another Intray", exitUnexpected, "doctor")
	second.stop()
	out, _, _ := runIntray(t, "doctor", "--config", first.config)
	if !strings.Contains(out, "(Intray is running)") {
		t.Errorf("doctor beside its own daemon: %s", out)
	}
	if err := os.Remove(first.path("data", "api-token")); err != nil {
		t.Fatal(err)
	}
	says(first, "api-token is gone", exitUnreachable, "list")
	first.stop()
}
