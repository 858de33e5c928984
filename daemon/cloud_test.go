package daemon

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"intray/engines/enginetest"
)

// TestCloudEngines sends a document to the lab's servers of two services: it comes
// back once, and the key is nowhere.
func TestCloudEngines(t *testing.T) {
	for name, c := range map[string]struct {
		service        enginetest.Service
		settings, says string
	}{
		"azure":   {enginetest.AzureService{}, "kind = \"azure\"\n", "Invoice 4711 page 1"},
		"mistral": {enginetest.MistralService(), "kind = \"mistral\"\n", "Page 1 read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lab := enginetest.NewLab(c.service).Start(t)
			lab.Polls = 1
			o := newOffice(t, "")
			o.env = []string{"CLOUD_KEY=" + enginetest.Secret}
			o.add("engine = \"cloud\"\nclass = \"none\"\n[engine.cloud]\nendpoint = \"" + lab.URL + "\"\nkey = { env = \"CLOUD_KEY\" }\npoll_every = \"100ms\"\n" + c.settings)
			o.start()
			o.drop("bill.pdf", scanPDF(t, "what is printed is not what the lab says"))
			o.waitLog("Delivered.", "bill.pdf")
			o.stop()
			doc := o.delivered("out", "bill.json")
			if doc.Engine.Kind != name || doc.Engine.ProviderJobID == "" || !strings.Contains(doc.Text, c.says) {
				t.Errorf("%+v, text %q", doc.Engine, doc.Text)
			}
			if text := outputOf(t, tool(t, "pdftotext"), o.path("out", "bill.pdf"), "-"); !strings.Contains(text, c.says) {
				t.Errorf("the PDF says %q", text)
			}
			if n := lab.Accepted(); n != 1 {
				t.Errorf("sent %d times", n)
			}
			o.secretIsNowhere(enginetest.Secret)
		})
	}
}

// secretIsNowhere looks through everything the daemon wrote and said.
func (o *office) secretIsNowhere(secret string) {
	o.t.Helper()
	if strings.Contains(o.log.String(), secret) {
		o.t.Error("the log has the key")
	}
	err := filepath.WalkDir(o.path(), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(secret)) {
			o.t.Errorf("%s has the key", path)
		}
		return err
	})
	if err != nil {
		o.t.Error(err)
	}
}
