package daemon

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"intray/engines"
)

// TestCloudFolder: a document goes to the provider and comes back as any other,
// with its words in the PDF, its fields, and the raw answer kept.
func TestCloudFolder(t *testing.T) {
	s := newLabServer(t)
	s.polls = 2
	o := labOffice(t, s, `engine = "lab"`, "")
	o.drop("bill.pdf", scanPDF(t, "first", "second"))
	o.start()
	o.waitOutcome("Delivered.")
	doc := o.delivered("out", "bill.json")
	if doc.Engine.Name != "lab" || doc.Engine.Kind != "lab" || doc.Engine.Model != "lab-1" || doc.Engine.ProviderJobID != "job-1" {
		t.Errorf("%+v", doc.Engine)
	}
	if doc.Class.Name != "invoice" || doc.Class.Confidence != 0.97 || doc.Value("gross_total") != "119.00" || doc.Value("lab_mood") != "sunny" || len(doc.Tables) != 1 {
		t.Errorf("%+v %+v %+v", doc.Class, doc.Fields, doc.Tables)
	}
	for _, f := range doc.Fields {
		if f.Name == "gross_total" && (f.From != "lab" || f.Page != 1 || f.Box[0] <= 0 || f.Box[2] > doc.Pages[0].Width) {
			t.Errorf("%+v", f)
		}
	}
	if len(doc.Pages) != 2 || !strings.Contains(doc.Text, "page 2 of the lab") {
		t.Errorf("%d pages, %q", len(doc.Pages), doc.Text)
	}
	if text := outputOf(t, tool(t, "pdftotext"), o.path("out", "bill.pdf"), "-"); !strings.Contains(text, "Cloudy invoice") {
		t.Errorf("the PDF says %q", text)
	}
	if _, err := os.Stat(o.path("data", doc.Files.Raw)); err != nil || doc.Files.Raw == "" {
		t.Errorf("the raw answer %q: %v", doc.Files.Raw, err)
	}
	o.stop()
	o.noDebris()
	if _, n := s.submissions(); n != 1 || !s.deleted["job-1"] {
		t.Errorf("sent %d times, deleted %v", n, s.deleted)
	}
}

// TestLostSubmission: what becomes of a document whose submission may have been
// taken is the configuration's to say, or the token's. What is sent again under a
// token that the service knows is the same job, and its pages count once.
func TestLostSubmission(t *testing.T) {
	for name, c := range map[string]struct {
		engine     string
		idempotent bool
		want       string
		jobs, sent int
		booked     int
		broken     bool // the answer is a fault of the service, after it took it
	}{
		"review":     {"", false, "Needs review.", 1, 1, 1, false},
		"resubmit":   {"on_unknown = \"resubmit\"\n", false, "Delivered.", 2, 2, 2, false},
		"idempotent": {"idempotent = true\n", true, "Delivered.", 1, 2, 1, false},
		"broken":     {"idempotent = true\n", true, "Delivered.", 1, 2, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newLabServer(t)
			s.loses, s.idempotent = 1, c.idempotent
			if c.broken {
				s.loses, s.breaks = 0, 1
			}
			o := labOffice(t, s, `engine = "lab"`, c.engine)
			o.drop("bill.pdf", scanPDF(t, "first"))
			o.start()
			line := o.waitOutcome(c.want)
			if c.want == "Needs review." && !strings.Contains(line, "so it may be there already") {
				t.Error(line)
			}
			if out, _, _ := runIntray(t, "stats", "--config", o.config); !strings.Contains(out, fmt.Sprintf("pages sent today %d,", c.booked)) {
				t.Errorf("want %d pages booked in\n%s", c.booked, out)
			}
			o.stop()
			if _, n := s.submissions(); n != c.sent || len(s.jobs) != c.jobs {
				t.Errorf("sent %d times, %d jobs; want %d and %d", n, len(s.jobs), c.sent, c.jobs)
			}
		})
	}
}

// TestPagesMissing: fewer pages than were sent are not delivered unseen.
func TestPagesMissing(t *testing.T) {
	s := newLabServer(t)
	s.short = 1
	o := labOffice(t, s, `engine = "lab"`, "")
	o.drop("bill.pdf", scanPDF(t, "first", "second", "third"))
	o.start()
	if line := o.waitOutcome("Needs review."); !strings.Contains(line, "The service read 2 of 3 pages") {
		t.Error(line)
	}
	o.stop()
}

// eachItsNumber gives each answer an invoice number of its own: the same twice would be
// for a person to see.
func eachItsNumber(result func(int) engines.Result) func(int) engines.Result {
	n := 0
	return func(pages int) engines.Result {
		n++
		r := result(pages)
		r.Fields[0].Value = fmt.Sprintf("L-%d", n)
		return r
	}
}

// TestHollowAnswer: an answer with all pages and nothing on them, of a document that
// is not blank, is no success.
func TestHollowAnswer(t *testing.T) {
	t.Parallel()
	s := newLabServer(t)
	s.result = func(pages int) (r engines.Result) {
		for range pages {
			r.Pages = append(r.Pages, engines.AnswerPage{PageResult: engines.PageResult{Width: 1000, Height: 1400}})
		}
		return r
	}
	o := labOffice(t, s, "engine = \"lab\"\nclass = \"none\"", "")
	page := newSheet()
	page.print(t, 200, russian...)
	o.drop("bill.jpg", page.jpeg(t))
	o.start()
	o.waitOutcome("Needs review.")
	if d := o.documents()[0]; d.Failure == nil || d.Failure.Code != engines.CodeHollow {
		t.Errorf("%+v", d.Failure)
	}
	o.stop()
	if _, n := s.submissions(); n != 1 {
		t.Errorf("sent %d times", n)
	}
}

// TestCloudSurvivesKills kills the program at each point of a submission, the first
// and second time it comes there: every document is delivered once, and is sent
// once more only where it cannot be known whether it was sent.
func TestCloudSurvivesKills(t *testing.T) {
	program := faulty(t)
	for _, point := range []string{"provider.submitting", "provider.taken", "provider.submitted", "provider.fetched", "provider.stored"} {
		for nth := range 2 {
			t.Run(point+":"+strconv.Itoa(nth+1), func(t *testing.T) {
				t.Parallel()
				s := newLabServer(t)
				s.polls = 1
				s.result = eachItsNumber(s.result)
				o := labOffice(t, s, `engine = "lab"`, "on_unknown = \"resubmit\"\n")
				o.program = program
				contents := [][]byte{scanPDF(t, "one"), scanPDF(t, "two"), scanPDF(t, "three")}
				for i, data := range contents {
					o.drop(fmt.Sprintf("bill%d.pdf", i), data)
				}
				o.dieAt(point + ":" + strconv.Itoa(nth+1))
				_, before := s.submissions()
				o.start()
				o.until(nil, func() bool { return len(o.finals()) == 3 })
				o.stop()
				o.noDebris()
				again := 0
				for _, doc := range o.documents() {
					out, _, _ := runIntray(t, "show", doc.DocumentID, "--config", o.config)
					again += strings.Count(out, "the answer to the last submission was lost")
				}
				by, all := s.submissions()
				// Intents that the kill kept from being carried out, also those of the
				// documents beside it: explained, though the provider saw nothing.
				unsent := 3 + again - all
				if len(by) != 3 || all < 3 || len(glob(o, "out/*.json")) != 3 || unsent < 0 {
					t.Errorf("sent %v (%d before the kill), %d explained, %d unsent, delivered %v", by, before, again, unsent, glob(o, "out/*.json"))
				}
				for _, path := range glob(o, "out/*.json") {
					if doc := readDocument(t, path); by[doc.Source.SHA256] == 0 {
						t.Errorf("%s was never sent", path)
					}
				}
			})
		}
	}
}

// TestBudget: what is over the pages of a day waits, with a sentence, and nothing
// of it is sent; a document that alone is too long has failed, and one of a list of
// engines is read by the next.
func TestBudget(t *testing.T) {
	t.Run("waits", func(t *testing.T) {
		t.Parallel()
		s := newLabServer(t)
		o := labOffice(t, s, `engine = "lab"`, "max_pages_per_day = 3\n")
		o.drop("first.pdf", scanPDF(t, "one", "two"))
		o.start()
		o.waitLog("Delivered.")
		o.drop("second.pdf", scanPDF(t, "three", "four"))
		if line := o.waitLog("waits for its engine"); !strings.Contains(line, "2 of the 3 pages that the engine lab may send") {
			t.Error(line)
		}
		o.stop()
		if _, n := s.submissions(); n != 1 {
			t.Errorf("sent %d times", n)
		}
		out, _, _ := runIntray(t, "stats", "--config", o.config)
		if !strings.Contains(out, "waits for its next try") {
			t.Error(out)
		}
	})
	t.Run("next engine", func(t *testing.T) {
		t.Parallel()
		s := newLabServer(t)
		o := labOffice(t, s, "engine = [\"lab\", \"local\"]\nmax_pages_per_day = 1", "")
		o.drop("first.pdf", scanPDF(t, "one", "two"))
		o.start()
		o.waitOutcome("Delivered.")
		o.stop()
		if _, n := s.submissions(); n != 0 || o.delivered("out", "first.json").Engine.Name != "local" {
			t.Errorf("sent %d times", n)
		}
	})
	t.Run("never", func(t *testing.T) {
		t.Parallel()
		s := newLabServer(t)
		o := labOffice(t, s, `engine = "lab"`, "max_pages_each = 1\n")
		o.drop("first.pdf", scanPDF(t, "one", "two"))
		o.start()
		if line := o.waitOutcome("Failed."); !strings.Contains(line, "The document has 2 pages; lab takes 1.") {
			t.Error(line)
		}
		o.stop()
	})
}

// TestNeverCloud: a folder's and a class's word that nothing leaves this machine
// holds, whatever the engines are.
func TestNeverCloud(t *testing.T) {
	t.Run("folder", func(t *testing.T) {
		t.Parallel()
		s := newLabServer(t)
		o := labOffice(t, s, "engine = [\"lab\", \"local\"]\nnever_cloud = true", "")
		o.drop("first.pdf", scanPDF(t, "one"))
		o.start()
		o.waitOutcome("Delivered.")
		o.stop()
		if _, n := s.submissions(); n != 0 {
			t.Errorf("sent %d times", n)
		}
	})
	t.Run("class", func(t *testing.T) {
		t.Parallel()
		s := newLabServer(t)
		o := labOffice(t, s, "engine = \"lab\"\nclasses = [\"payslip\"]", "[[class]]\nname = \"payslip\"\nmatch = [\"SALARY\"]\nnever_cloud = true\n")
		o.drop("secret.pdf", scanPDF(t, "SALARY"))
		o.start()
		o.waitLog("Delivered.")
		if doc := o.delivered("out", "secret.json"); doc.Engine.Name != "local" || doc.Class.Name != "payslip" {
			t.Errorf("%+v %+v", doc.Engine, doc.Class)
		}
		if _, n := s.submissions(); n != 0 {
			t.Errorf("sent %d times", n)
		}
		o.drop("open.pdf", scanPDF(t, "one"))
		o.waitLog("Needs review.", "open.pdf")
		if d := o.documents()[0]; d.Failure == nil || !strings.Contains(d.Failure.Sentence, "It looks like none of what this folder takes") {
			t.Errorf("%+v", d)
		}
		o.stop()
		if _, n := s.submissions(); n != 1 {
			t.Errorf("one that is no payslip was sent %d times", n)
		}
	})
	t.Run("not legible", func(t *testing.T) {
		t.Parallel()
		s := newLabServer(t)
		o := labOffice(t, s, "engine = [\"local\", \"lab\"]\nclasses = [\"payslip\"]\ncompare = { engine = \"lab\", share = 1.0 }",
			"[[class]]\nname = \"payslip\"\nmatch = [\"SALARY\"]\nnever_cloud = true\n")
		page := newSheet()
		page.print(t, 200, russian...)
		o.drop("secret.jpg", page.jpeg(t))
		o.start()
		if line := o.waitOutcome("Needs review."); !strings.Contains(line, "secret.jpg") {
			t.Error(line)
		}
		if d := o.documents()[0]; d.Failure == nil || !strings.Contains(d.Failure.Sentence, "was not read well enough") {
			t.Errorf("%+v", d.Failure)
		}
		o.stop()
		if _, n := s.submissions(); n != 0 {
			t.Errorf("one that may be a payslip was sent %d times", n)
		}
	})
	t.Run("contradiction", func(t *testing.T) {
		t.Parallel()
		o := labOffice(t, newLabServer(t), "engine = \"lab\"\nnever_cloud = true", "")
		out, _ := o.command("run", "--config", o.config).CombinedOutput()
		if !strings.Contains(string(out), `folder "desk" has only cloud engines`) {
			t.Errorf("%s", out)
		}
	})
}

// TestEscalation: what is not read well enough here is read by the next engine;
// both answers are kept, and fields say who found them.
func TestEscalation(t *testing.T) {
	s := newLabServer(t)
	s.result = func(pages int) engines.Result {
		r := labResult(pages)
		r.Class, r.Fields = "", nil
		r.Fields = []engines.Field{{Name: "policy", Value: "P-77", Type: "text", Page: 1}}
		return r
	}
	o := labOffice(t, s, "engine = [\"local\", \"lab\"]\nclass = \"note\"", `
[[class]]
name = "note"
match = ["x"]
[[class.field]]
name = "policy"
required = true
labels = ["policy"]
[[class.field]]
name = "colour"
labels = ["colour"]
`)
	o.drop("well.pdf", scanPDF(t, "Policy: A-12"))
	o.start()
	o.waitLog("well.pdf", "Delivered.")
	o.drop("badly.pdf", scanPDF(t, "Colour: green"))
	o.waitLog("badly.pdf", "Delivered.")
	o.stop()
	if _, n := s.submissions(); n != 1 || o.delivered("out", "well.json").Engine.Name != "local" {
		t.Errorf("sent %d times", n)
	}
	doc := o.delivered("out", "badly.json")
	from := map[string]string{}
	for _, f := range doc.Fields {
		if f.Value != "" {
			from[f.Name] = f.From
		}
	}
	if doc.Engine.Name != "lab" || from["policy"] != "lab" || from["colour"] != "local" {
		t.Errorf("%+v %v", doc.Engine, from)
	}
	if kept := glob(o, "data/results/"+doc.DocumentID+"/*"); len(kept) != 2 {
		t.Errorf("kept %q", kept)
	}
}

// TestServiceThatIsDown: a service that fails is left alone, and a wrong key pauses
// the engine and fails no document.
func TestServiceThatIsDown(t *testing.T) {
	s := newLabServer(t)
	s.refuses = 401
	o := labOffice(t, s, `engine = "lab"`, "")
	o.drop("first.pdf", scanPDF(t, "one"))
	o.start()
	if line := o.waitOutcome("waits for its engine"); !strings.Contains(line, "The lab answered 401") {
		t.Error(line)
	}
	o.until(nil, func() bool { // the log says it before the ledger has it, and that pages were not taken
		out, _, _ := runIntray(t, "stats", "--config", o.config)
		return strings.Contains(out, "The engine lab is paused: The lab answered 401.") && strings.Contains(out, "pages sent today 0")
	})
	o.stop()
}

// TestCallbackEndsTheWait: a job that would be asked about in an hour is done as
// soon as the provider calls back.
func TestCallbackEndsTheWait(t *testing.T) {
	s := newLabServer(t)
	o := labOffice(t, s, `engine = "lab"`, "")
	o.set("poll_every = \"100ms\"", "poll_every = \"1h\"")
	listen := freePort(t)
	o.set("[web]\n", "[webhooks]\nlisten = \""+listen+"\"\npublic_url = \"http://"+listen+"/\"\n[web]\n")
	o.drop("bill.pdf", scanPDF(t, "first"))
	o.start()
	o.waitLog("Sent.")
	if want := "http://" + listen + "/webhooks/lab"; s.callback != want {
		t.Fatalf("it was told to call %q, not %q", s.callback, want)
	}
	call := func(signature string) int {
		body := []byte(`{"job": "job-1"}`)
		r, err := http.NewRequest(http.MethodPost, s.callback, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if signature == "" {
			signature = labSign(body)
		}
		r.Header.Set("X-Lab-Signature", signature)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		return answer.StatusCode
	}
	if code := call("forged"); code != http.StatusUnauthorized {
		t.Errorf("a forged one was answered with %d", code)
	}
	if code := call(""); code != http.StatusNoContent {
		t.Errorf("the right one was answered with %d", code)
	}
	o.waitOutcome("Delivered.")
	out, _, _ := runIntray(t, "stats", "--json", "--config", o.config)
	if !strings.Contains(out, `"useful": 1`) || !strings.Contains(out, `"forged": 1`) {
		t.Error(out)
	}
	o.stop()
}
