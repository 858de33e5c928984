package daemon

import (
	"strings"
	"testing"
)

// TestLateAnswerIsTaken: a job that is overdue when it is asked about, as after days
// in which the program did not run, has its answer fetched and is not sent again.
func TestLateAnswerIsTaken(t *testing.T) {
	s := newLabServer(t)
	o := labOffice(t, s, `engine = "lab"`, "")
	o.set("poll_every = \"100ms\"", "poll_every = \"1ms\"\njob_deadline = \"1ms\"")
	o.drop("bill.pdf", scanPDF(t, "first"))
	o.start()
	o.waitOutcome("Delivered.")
	o.stop()
	if _, n := s.submissions(); n != 1 {
		t.Errorf("sent %d times", n)
	}
}

// TestFailedJobSurvivesKills: a job that failed is deleted at the provider only when
// its end is in the ledger. A kill between does not have the document sent again.
func TestFailedJobSurvivesKills(t *testing.T) {
	program := faulty(t)
	for _, point := range []string{"provider.over", "pipeline.planned", "pipeline.published", "pipeline.concluded"} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			s := newLabServer(t)
			s.fails = true
			o := labOffice(t, s, `engine = "lab"`, "")
			o.program = program
			o.drop("bill.pdf", scanPDF(t, "first"))
			o.dieAt(point + ":1")
			o.start()
			o.until(nil, func() bool { return len(o.finals()) == 1 })
			o.stop()
			if _, n := s.submissions(); n != 1 || len(glob(o, "failed/*/*.json")) != 1 {
				t.Errorf("sent %d times, failed %q", n, glob(o, "failed/*"))
			}
		})
	}
}

// TestNeverCloudHoldsForWhatWaits: a document that waits for its cloud engine does
// not leave this machine once the configuration says that its class must not.
func TestNeverCloudHoldsForWhatWaits(t *testing.T) {
	for name, engine := range map[string]string{"not looked at": `engine = "lab"`, "looked at": `engine = ["local", "lab"]`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newLabServer(t)
			s.refuses = 401
			o := labOffice(t, s, engine+"\nclasses = [\"payslip\"]",
				"[[class]]\nname = \"payslip\"\nmatch = [\"SALARY\"]\n[[class.field]]\nname = \"bonus\"\nrequired = true\nlabels = [\"bonus\"]\n")
			o.drop("secret.pdf", scanPDF(t, "SALARY"))
			o.start()
			o.waitLog("waits for its engine")
			id := o.documents()[0].DocumentID
			o.stop()
			o.set("match = [\"SALARY\"]\n", "match = [\"SALARY\"]\nnever_cloud = true\n")
			s.mu.Lock()
			s.refuses = 0
			s.mu.Unlock()
			if out, errs, code := runIntray(t, "retry", id, "--config", o.config); code != 0 {
				t.Fatal(out, errs)
			}
			o.start()
			if line := o.waitLog("Needs review."); !strings.Contains(line, "secret.pdf") {
				t.Error(line)
			}
			o.stop()
			if _, n := s.submissions(); n != 0 {
				t.Errorf("sent %d times", n)
			}
		})
	}
}

// TestWhatFailedIsDeleted: a job that brings nothing leaves nothing at the provider.
func TestWhatFailedIsDeleted(t *testing.T) {
	for name, fail := range map[string]func(*labServer){"job": func(s *labServer) { s.fails = true }, "answer": func(s *labServer) { s.withholds = true }} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newLabServer(t)
			fail(s)
			o := labOffice(t, s, `engine = "lab"`, "")
			o.drop("bill.pdf", scanPDF(t, "first"))
			o.start()
			o.waitOutcome("Failed.")
			o.stop()
			if _, n := s.submissions(); n != 1 || !s.deleted["job-1"] {
				t.Errorf("sent %d times, deleted %v", n, s.deleted)
			}
		})
	}
}
