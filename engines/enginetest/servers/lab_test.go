package servers

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestChaosIsRepeatable: the same seed spoils the same requests, about as many as
// asked for, and an accepted job is counted whether its answer arrived or not.
func TestChaosIsRepeatable(t *testing.T) {
	run := func() (map[Fault]int, int) {
		lab := start(t, PlainService{})
		lab.Stall = time.Millisecond
		lab.Chaos(0.2, 7)
		for range 200 {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, lab.URL+"/jobs", strings.NewReader(`{"document":"JVBERg=="}`))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+Secret)
			if answer, err := http.DefaultClient.Do(r); err == nil {
				_, _ = io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
			}
		}
		return lab.Injected(), lab.Accepted()
	}
	first, accepted := run()
	second, _ := run()
	total := 0
	for _, n := range first {
		total += n
	}
	// All have the key "", so that one job answers them.
	if !maps.Equal(first, second) || total < 20 || total > 60 || accepted != 1 {
		t.Errorf("faults %v and %v, %d accepted", first, second, accepted)
	}
}

func TestPagesOf(t *testing.T) {
	for document, want := range map[string]int{"": 1, "\x89PNG": 1, "/Type /Pages /Type/Page\n/Type /Page>>": 2} {
		if got := PagesOf([]byte(document)); got != want {
			t.Errorf("%q: %d pages", document, got)
		}
	}
}

func start(t *testing.T, s Service) *Lab {
	t.Helper()
	lab := New(s)
	server := httptest.NewServer(lab)
	t.Cleanup(server.Close)
	t.Cleanup(lab.Close)
	lab.URL = server.URL
	return lab
}
