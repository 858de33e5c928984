package handover

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"intray/daemon/config"
	"intray/ledger"
)

// TestSign is held to the example of the Standard Webhooks libraries.
func TestSign(t *testing.T) {
	got, err := Sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want || err != nil {
		t.Errorf("%s, %v", got, err)
	}
	for _, secret := range []string{"", "whsec_", "whsec_§"} {
		if _, err := Sign(secret, "a", time.Unix(0, 0), nil); err == nil {
			t.Errorf("signed with %q", secret)
		}
	}
}

func TestRedirectsAndRefusalsAreFailures(t *testing.T) {
	t.Setenv("SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	asked := 0
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer elsewhere.Close()
	for _, code := range []int{302, 307, 400, 410, 500} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { http.Redirect(w, q, elsewhere.URL, code) }))
		cfg, _, err := config.Parse([]byte("version = 1\n[[folder]]\nname = \"desk\"\n[[receiver]]\nname = \"a\"\nurl = \""+server.URL+"\"\nsecret = { env = \"SECRET\" }\n"), "c", t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		messages := Messages(cfg)(ledger.Document{ID: "x", State: ledger.Completed}, json.RawMessage(`{}`))
		d := Desk{Config: cfg, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
		if err := d.tell(t.Context(), messages[0]); err == nil || !strings.Contains(err.Error(), "answered") {
			t.Errorf("%d: %v", code, err)
		}
		server.Close()
	}
	if asked != 0 {
		t.Error("a redirect was followed")
	}
}

// TestAddressIsASecret: the address of many receivers holds what lets one in; a failure
// does not repeat it.
func TestAddressIsASecret(t *testing.T) {
	t.Setenv("SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	cfg, _, err := config.Parse([]byte("version = 1\n[[folder]]\nname = \"desk\"\n[[receiver]]\nname = \"erp\"\nurl = \""+server.URL+"/hooks/gargoyle\"\nsecret = { env = \"SECRET\" }\n"), "c", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	d := Desk{Config: cfg, Log: slog.New(slog.DiscardHandler)}
	messages := Messages(cfg)(ledger.Document{ID: "x", State: ledger.Completed}, json.RawMessage(`{}`))
	if err := d.tell(t.Context(), messages[0]); err == nil || strings.Contains(err.Error(), "gargoyle") || !strings.Contains(err.Error(), `receiver "erp"`) {
		t.Errorf("%v", err)
	}
}

// TestNobodyIsToldUnasked: without configuration nothing is written, and a parent
// whose parts are told of is not.
func TestNobodyIsToldUnasked(t *testing.T) {
	if m := Messages(&config.Config{Folders: []config.Folder{config.FolderDefaults("desk")}})(ledger.Document{Folder: "desk", State: ledger.Completed}, nil); len(m) != 0 {
		t.Errorf("%v", m)
	}
	cfg := &config.Config{Receivers: []config.Receiver{{Name: "a"}}}
	for state, n := range map[ledger.State]int{ledger.Completed: 1, ledger.NeedsHumanReview: 1, ledger.DeadLetter: 1, ledger.Validated: 0, ledger.Duplicate: 0} {
		if m := Messages(cfg)(ledger.Document{State: state}, nil); len(m) != n {
			t.Errorf("%s: %v", state, m)
		}
	}
	if m := Messages(cfg)(ledger.Document{State: ledger.Completed, Split: &ledger.Split{}}, nil); len(m) != 0 {
		t.Errorf("a file that was split: %v", m)
	}
}

func TestSecretsAreCheckedAtTheStart(t *testing.T) {
	cfg, _ := office(t, 0, "http://localhost")
	for secret, ok := range map[string]bool{"": false, "whsec_§": false, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw": true} {
		t.Setenv("SECRET", secret)
		if err := CheckSecrets(cfg); (err == nil) != ok || err != nil && (!strings.Contains(err.Error(), "r0") || secret != "" && strings.Contains(err.Error(), secret)) {
			t.Errorf("%q: %v", secret, err)
		}
	}
}
