package azure

import (
	"testing"

	"intray/engines"
	"intray/engines/enginetest"
)

func at(t *testing.T, lab *enginetest.Lab, change func(*Settings)) *Provider {
	t.Helper()
	t.Setenv("INTRAY_TEST_AZURE", enginetest.Secret)
	s := Settings{Endpoint: lab.URL, Key: engines.Secret{Env: "INTRAY_TEST_AZURE"}, Model: "prebuilt-invoice"}
	if change != nil {
		change(&s)
	}
	p, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	p.caller.MaxAnswer = enginetest.HugeBody / 4
	return p
}

func TestConforms(t *testing.T) {
	enginetest.ProviderSuite{
		Service: func() enginetest.Service { return enginetest.AzureService{} },
		New:     func(t *testing.T, lab *enginetest.Lab) engines.Provider { return at(t, lab, nil) },
	}.Run(t)
}

func entra(lab *enginetest.Lab) func(*Settings) {
	return func(s *Settings) {
		s.Tenant, s.ClientID, s.ClientSecret, s.Key, s.Authority = "contoso", "app", s.Key, engines.Secret{}, lab.URL
	}
}

func TestConformsWithEntra(t *testing.T) {
	enginetest.ProviderSuite{
		Service: func() enginetest.Service { return enginetest.AzureService{Entra: true} },
		New: func(t *testing.T, lab *enginetest.Lab) engines.Provider {
			p := at(t, lab, entra(lab))
			// The token is there already: its own faults have a test of their own.
			if lab.Secret == enginetest.Secret && lab.URL != "" {
				if _, err := p.tokens.get(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			return p
		},
	}.Run(t)
}
