package daemon

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"intray/daemon/config"
	"intray/daemon/web"
)

// api asks the running daemon as a program would.
func (o *office) api(method, path string, body []byte, headers ...string) (*http.Response, []byte, error) {
	o.t.Helper()
	cfg, _, err := config.Load(o.config)
	if err != nil {
		o.t.Fatal(err)
	}
	token, err := os.ReadFile(tokenPath(cfg))
	if err != nil {
		o.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(o.t.Context(), method, scheme(cfg.Web)+cfg.Web.Listen+path, bytes.NewReader(body))
	if err != nil {
		o.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	client, err := clientFor(cfg.Web)
	if err != nil {
		o.t.Fatal(err)
	}
	defer client.CloseIdleConnections()
	answer, err := client.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	return answer, data, err
}

// TestUploadSurvivesKills: an upload whose answer a kill swallowed is sent again
// with its key and is one document, whole, whose files can be had.
func TestUploadSurvivesKills(t *testing.T) {
	scan := scanPNG(t, "by the API")
	for _, point := range []string{"intake.uploaded", "intake.recorded"} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, "")
			o.env = []string{"INTRAY_FAULT=" + point + ":1"}
			o.start()
			send := func(content []byte, key string) (*http.Response, web.Summary, error) {
				answer, data, err := o.api("POST", "/api/v1/documents?name=..%2Fscan.png", content, "Idempotency-Key", key)
				var s web.Summary
				if err == nil && answer.StatusCode < 300 {
					err = json.Unmarshal(data, &s)
				}
				return answer, s, err
			}
			if answer, _, err := send(scan, "k"); err == nil {
				t.Fatalf("the kill came too late: %v", answer.Status)
			}
			_ = o.daemon.Wait()
			o.daemon, o.env = nil, nil
			o.start()
			answer, first, err := send(scan, "k")
			if err != nil || answer.StatusCode != 201 || (point == "intake.recorded") != (answer.Header.Get("Idempotency-Replayed") == "true") {
				t.Fatalf("%v, %v", answer, err)
			}
			if _, again, err := send(scan, "k"); err != nil || again.DocumentID != first.DocumentID {
				t.Errorf("%+v, %v", again, err)
			}
			if other, _, err := send([]byte("other"), "k"); err != nil || other.StatusCode != 422 {
				t.Errorf("%v, %v", other, err)
			}
			if empty, _, err := send(nil, ""); err != nil || empty.StatusCode != 409 {
				t.Errorf("%v, %v", empty, err)
			}
			o.atRest(1)
			for what, start := range map[string]string{"pdf": "%PDF-", "json": "{", "original": "\x89PNG"} {
				if answer, data, err := o.api("GET", "/api/v1/documents/"+first.DocumentID+"/"+what, nil); err != nil || answer.StatusCode != 200 || !strings.HasPrefix(string(data), start) {
					t.Errorf("%s: %v, %v", what, answer, err)
				}
			}
			// What others put where results are is not handed out.
			if err := errors.Join(os.Remove(o.path("out", "scan.pdf")), os.Symlink(o.path("data", "api-token"), o.path("out", "scan.pdf"))); err != nil {
				t.Fatal(err)
			}
			if answer, data, err := o.api("GET", "/api/v1/documents/"+first.DocumentID+"/pdf", nil); err != nil || answer.StatusCode != 404 {
				t.Errorf("a link to the token: %v, %v\n%s", answer, err, data)
			}
			if docs := o.documents(); len(docs) != 1 || docs[0].Name != "scan.png" {
				t.Errorf("%+v", docs)
			}
			o.ok("purge", first.DocumentID)
			if answer, _, err := o.api("GET", "/api/v1/documents/"+first.DocumentID+"/original", nil); err != nil || answer.StatusCode != 410 {
				t.Errorf("%v, %v", answer, err)
			}
			o.stop()
			o.ok("doctor", "--deep")
		})
	}
}

// TestPageByHTTPS: with a certificate, commands and `intray open` go on working,
// the cookie is for https alone, and nobody else is taken for the daemon.
func TestPageByHTTPS(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	certify(t, o.path("cert.pem"), o.path("key.pem"))
	o.set("[retry]", "tls_cert = \"cert.pem\"\ntls_key = \"key.pem\"\n[retry]")
	if out, stderr, code := runIntray(t, "open", "--config", o.config); code != exitUnreachable {
		t.Errorf("without a daemon: code %d\n%s%s", code, out, stderr)
	}
	o.start()
	o.ok("list")
	link := strings.TrimSpace(o.ok("open", "--link", "--role", "reviewer", "--name", "Vera"))
	_, path, _ := strings.Cut(link, "/sign-in?")
	answer, _, err := o.api("GET", "/sign-in?"+path, nil)
	if err != nil || !strings.HasPrefix(link, "https://scan.example.com:") || len(answer.Cookies()) != 1 {
		t.Fatalf("%s: %v, %v", link, answer, err)
	}
	if c := answer.Cookies()[0]; !c.Secure || !c.HttpOnly || !strings.HasPrefix(c.Name, "__Host-") {
		t.Errorf("%+v", c)
	}
	certify(t, o.path("other.pem"), o.path("other-key.pem"))
	o.set("cert.pem\"\ntls_key = \"key.pem", "other.pem\"\ntls_key = \"other-key.pem")
	if out, stderr, code := runIntray(t, "list", "--config", o.config); code != exitUnreachable || !strings.Contains(stderr, "certificate") {
		t.Errorf("another certificate: code %d\n%s%s", code, out, stderr)
	}
	o.stop()
}

func certify(t *testing.T, cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "intray"}, DNSNames: []string{"scan.example.com"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	keyDER, err2 := x509.MarshalECPrivateKey(private)
	if err := errors.Join(err, err2, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}), 0o600)); err != nil {
		t.Fatal(err)
	}
}
