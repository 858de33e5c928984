package servers

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestCallbacksGoWrong: each fault of a callback is as its name says.
func TestCallbacksGoWrong(t *testing.T) {
	for _, c := range []struct {
		fault Fault
		jobs  int
		want  string // numbers of jobs in the order of their callbacks, a for the answer to the submission of the first
	}{
		{"", 1, "a1"}, {FaultEarly, 1, "1a"}, {FaultDuplicate, 1, "a11"}, {FaultForged, 1, "a1"}, {FaultOldTime, 1, "a1"}, {FaultReordered, 2, "a21"},
	} {
		t.Run(string(c.fault), func(t *testing.T) {
			t.Parallel()
			heard := make(chan string, 9)
			hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				var about struct{ Data struct{ ID string } }
				if err := json.Unmarshal(body, &about); err != nil {
					t.Error(err)
				}
				heard <- strings.TrimLeft(about.Data.ID[strings.LastIndex(about.Data.ID, "-")+1:], "0")
				at, err := time.Parse(time.RFC3339, member(body, "timestamp"))
				good, _ := PlainService{}.Announcement(LabJob{ID: about.Data.ID}, HookSecret, at)
				_, header := PlainService{}.Announcement(LabJob{ID: about.Data.ID}, HookSecret, at)
				proven := string(good) == string(body) && header.Get("Webhook-Signature") == r.Header.Get("Webhook-Signature")
				if err != nil || proven != (c.fault != FaultForged) || (time.Since(at) > time.Hour) != (c.fault == FaultOldTime) {
					t.Errorf("proven %v, of %v, %v", proven, at, err)
				}
			}))
			defer hook.Close()
			lab := start(t, PlainService{})
			lab.Announce = 2 * time.Second // the answer to the submission comes before, also on a busy machine
			if c.fault != "" {
				lab.Fail(CallBack, c.fault, 1)
			}
			for n := range c.jobs {
				submitPlain(t, lab, fmt.Sprint(n), hook.URL)
				if n == 0 {
					heard <- "a"
				}
			}
			var got []string
			for range c.want {
				select {
				case s := <-heard:
					got = append(got, s)
				case <-time.After(time.Minute):
					t.Fatalf("heard %q", got)
				}
			}
			if !slices.Equal(got, strings.Split(c.want, "")) {
				t.Errorf("heard %q, want %q", got, c.want)
			}
		})
	}
}

func member(body []byte, name string) string {
	var all map[string]any
	_ = json.Unmarshal(body, &all)
	return fmt.Sprint(all[name])
}

func submitPlain(t *testing.T, lab *Lab, key, callback string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, lab.URL+"/jobs", strings.NewReader(`{"document":"JVBERg==","callback":"`+callback+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+Secret)
	r.Header.Set("Idempotency-Key", key)
	answer, err := http.DefaultClient.Do(r)
	if err != nil || answer.StatusCode != http.StatusCreated {
		t.Fatal(answer, err)
	}
	answer.Body.Close()
}
