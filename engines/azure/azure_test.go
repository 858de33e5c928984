package azure

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"intray/engines"
	"intray/engines/enginetest"
	"intray/engines/enginetest/servers"
)

func at(t *testing.T, lab *servers.Lab, change func(*Settings)) *Provider {
	t.Helper()
	t.Setenv("INTRAY_TEST_AZURE", servers.Secret)
	s := Settings{Endpoint: lab.URL, Key: engines.Secret{Env: "INTRAY_TEST_AZURE"}, Model: "prebuilt-invoice"}
	if change != nil {
		change(&s)
	}
	p, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	p.caller.MaxAnswer = servers.HugeBody / 4
	return p
}

func TestConforms(t *testing.T) {
	enginetest.ProviderSuite{
		Service: func() servers.Service { return servers.AzureService{} },
		New:     func(t *testing.T, lab *servers.Lab) engines.Provider { return at(t, lab, nil) },
	}.Run(t)
}

func entra(lab *servers.Lab) func(*Settings) {
	return func(s *Settings) {
		s.Tenant, s.ClientID, s.ClientSecret, s.Key, s.Authority = "contoso", "app", s.Key, engines.Secret{}, lab.URL
	}
}

func TestConformsWithEntra(t *testing.T) {
	enginetest.ProviderSuite{
		Service: func() servers.Service { return servers.AzureService{Entra: true} },
		New: func(t *testing.T, lab *servers.Lab) engines.Provider {
			p := at(t, lab, entra(lab))
			// The token is there already: its own faults have a test of their own.
			if lab.Secret == servers.Secret && lab.URL != "" {
				if _, err := p.tokens.get(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			return p
		},
	}.Run(t)
}

// TestWaitBeforeFirstQuestion: what the acceptance asks for is passed on.
func TestWaitBeforeFirstQuestion(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Operation-Location", "http://"+r.Host+"/documentintelligence/documentModels/m/analyzeResults/1")
		w.Header().Set("Retry-After", "30")
		w.WriteHeader(http.StatusAccepted)
	}))
	defer server.Close()
	p := at(t, &servers.Lab{}, func(s *Settings) { s.Endpoint = server.URL })
	job, err := p.Submit(t.Context(), engines.Document{MIME: "application/pdf", Pages: 1, Content: []byte("%PDF")}, "k")
	if err != nil || job.ID != "1" || job.Wait != 30*time.Second {
		t.Errorf("%+v, %v", job, err)
	}
}
