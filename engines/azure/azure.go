// Package azure reads with Azure AI Document Intelligence, version 4.0 of its
// REST interface (api-version 2024-11-30).
//
// A document is one POST, the answer an address that is asked until the analysis
// has ended and that then gives the whole result for 24 hours. The service knows no
// idempotency key: a repeated submission is a second one on the bill. Formats are
// those of Microsoft's published specification.
package azure

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"intray/engines"
)

// apiVersion is the interface's version that every call names.
const apiVersion = "2024-11-30"

// maxBytes and maxPages are the limits of the paid tier.
const (
	maxBytes = 500 << 20
	maxPages = 2000
)

// Settings is the section of a configuration file.
type Settings struct {
	// Endpoint is the resource's own address, https://NAME.cognitiveservices.azure.com;
	// it also is the region.
	Endpoint string `toml:"endpoint"`
	// Key is the resource's key. Or Tenant, ClientID and ClientSecret are an
	// application's in Entra ID.
	Key          engines.Secret `toml:"key"`
	Tenant       string         `toml:"tenant"`
	ClientID     string         `toml:"client_id"`
	ClientSecret engines.Secret `toml:"client_secret"`
	// Authority is who gives tokens; "" is https://login.microsoftonline.com.
	Authority string `toml:"authority"`
	// Model is the analysis: prebuilt-read, prebuilt-layout (the default),
	// prebuilt-invoice, prebuilt-receipt, prebuilt-idDocument or one of your own.
	Model string `toml:"model"`
	// Features are add-ons that cost extra, such as "languages".
	Features []string `toml:"features"`
}

// Provider is one resource and one model. It is safe for parallel use.
type Provider struct {
	settings Settings
	caller   *engines.Caller
	tokens   *tokenSource
	now      func() time.Time
}

// Factory describes the engine.
func Factory() engines.Factory {
	return engines.Factory{Kind: "azure", NewProvider: func(s engines.Settings) (engines.Provider, error) {
		var own Settings
		if s.Decode != nil {
			if err := s.Decode(&own); err != nil {
				return nil, err
			}
		}
		return New(own)
	}}
}

// New checks the settings; errors are terminal with engines.CodeBadSettings. The
// credential is read with each call, not here.
func New(s Settings) (*Provider, error) {
	base, err := engines.ServiceAddress("endpoint", s.Endpoint)
	if err != nil {
		return nil, err
	}
	if s.Model == "" {
		s.Model = "prebuilt-layout"
	}
	if !regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._~-]{1,63}$`).MatchString(s.Model) {
		return nil, badSettings("model is no model's name; prebuilt-invoice is one.")
	}
	for _, f := range s.Features {
		if known := []string{"ocrHighResolution", "languages", "barcodes", "formulas", "keyValuePairs", "styleFont"}; !slices.Contains(known, f) {
			return nil, badSettings("features may have " + strings.Join(known, ", ") + "; " + f + " is none of them.")
		}
	}
	p := &Provider{settings: s, caller: &engines.Caller{Base: base}, now: time.Now}
	login := []bool{s.Tenant != "", s.ClientID != "", !s.ClientSecret.IsZero()}
	switch {
	case !s.Key.IsZero() && slices.Contains(login, true):
		return nil, badSettings("give either key or tenant, client_id and client_secret, not both.")
	case !s.Key.IsZero():
		p.caller.Authorize = p.withKey
	case slices.Contains(login, false):
		return nil, badSettings("the credential is missing: give key, or tenant, client_id and client_secret.")
	default:
		if p.tokens, err = newTokenSource(s, base); err != nil {
			return nil, err
		}
		p.caller.Authorize = p.withToken
	}
	return p, nil
}

func (p *Provider) withKey(r *http.Request) error {
	key, err := p.settings.Key.Read()
	if err == nil {
		r.Header.Set("Ocp-Apim-Subscription-Key", key)
	}
	return err
}

func (p *Provider) withToken(r *http.Request) error {
	token, err := p.tokens.get(r.Context())
	if err == nil {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return err
}

func badSettings(sentence string) error {
	return &engines.Error{Kind: engines.Terminal, Code: engines.CodeBadSettings, Sentence: "Azure: " + sentence}
}

// Capabilities are the paid tier's; the free one takes 4 MB and reads two pages.
func (p *Provider) Capabilities() engines.Capabilities {
	types := []string{"application/pdf", "image/jpeg", "image/png", "image/tiff", "image/bmp", "image/heif", "image/heic"}
	return engines.Capabilities{Kind: "azure", Version: apiVersion, Types: types, MaxBytes: maxBytes, MaxPages: maxPages, Cloud: true, Split: true, Delete: true}
}

// Close does nothing: connections are shared and end by themselves.
func (p *Provider) Close() error { return nil }
