package daemon

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"intray/engines/enginetest"
	"intray/engines/enginetest/servers"
)

// TestCloudEngines sends a document to the lab's servers of two services: it comes
// back once, and the key is nowhere.
func TestCloudEngines(t *testing.T) {
	for name, c := range map[string]struct {
		service        servers.Service
		settings, says string
	}{
		"azure":   {servers.AzureService{}, "kind = \"azure\"\n", "Invoice 4711 page 1"},
		"mistral": {servers.MistralService(), "kind = \"mistral\"\n", "Page 1 read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lab := enginetest.StartLab(t, c.service)
			lab.Polls = 1
			o := newOffice(t, "")
			o.env = []string{"CLOUD_KEY=" + servers.Secret}
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
			o.secretIsNowhere(servers.Secret)
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

// TestRefusedAfterLost: a service that lost the answer to a submission and refuses
// the next one is asked with the same token all the same: a refusal says nothing of
// what it took before.
func TestRefusedAfterLost(t *testing.T) {
	s := newCloudSoak(t, trialOf(t, "plain"))
	s.lab.Calm()
	s.lab.Polls = 0
	s.lab.Fail(servers.CallSubmit, servers.FaultLost, 1)
	s.lab.Fail(servers.CallSubmit, servers.FaultBusy, 2)
	s.start()
	s.dropOne()
	s.waitLog("Delivered.")
	s.stop()
	if n, calls := s.lab.Accepted(), s.lab.Calls(servers.CallSubmit); n != 1 || calls != 4 || s.deliveredOnce() != 1 {
		t.Errorf("%d jobs of %d submissions", n, calls)
	}
}

// TestEngineTakenOut while it has a document: that is said and not forgotten, and
// after the job's deadline the engine the folder has by then reads the document.
func TestEngineTakenOut(t *testing.T) {
	t.Parallel()
	lab := enginetest.StartLab(t, servers.AzureService{})
	lab.Polls = 1 << 20
	o := newOffice(t, "")
	o.env = []string{"CLOUD_KEY=" + servers.Secret}
	o.add("engine = \"cloud\"\nclass = \"none\"\n[engine.cloud]\nkind = \"azure\"\nendpoint = \"" + lab.URL +
		"\"\nkey = { env = \"CLOUD_KEY\" }\njob_deadline = \"12s\"\npoll_every = \"1s\"\n")
	o.start()
	o.drop("bill.pdf", scanPDF(t, "only the second engine answers"))
	o.waitLog("Sent.", "bill.pdf")
	o.stop()
	text, err := os.ReadFile(o.config)
	if err != nil {
		t.Fatal(err)
	}
	text = []byte(strings.NewReplacer(`engine = "cloud"`, `engine = "other"`, "[engine.cloud]", "[engine.other]").Replace(string(text)))
	if err := os.WriteFile(o.config, text, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := o.command("doctor", "--config", o.config)
	cmd.Env = append(os.Environ(), "CLOUD_KEY=")
	if out, err := cmd.Output(); err == nil || !strings.Contains(string(out), "CLOUD_KEY is not set") {
		t.Errorf("doctor without the key: %v\n%s", err, out)
	}
	cmd = o.command("stats", "--config", o.config)
	if out, err := cmd.Output(); err != nil || !strings.Contains(string(out), "Engine cloud: 1 documents wait for its answer") || !strings.Contains(string(out), "not in the configuration any more") {
		t.Errorf("stats: %v\n%s", err, out)
	}
	if said := o.ok("show", o.documents()[0].DocumentID); !strings.Contains(said, "Put [engine.cloud] back") || !strings.Contains(said, "Else the document is read anew after 20") {
		t.Errorf("not a word of what to do:\n%s", said)
	}
	lab.Patience(1)
	o.start()
	o.waitLog("is given up", "bill.pdf")
	o.waitLog("Delivered.", "bill.pdf")
	o.stop()
	if n := lab.Accepted(); n != 2 {
		t.Errorf("sent %d times", n)
	}
}
