package daemon

import (
	"encoding/json"
	"strings"
	"testing"

	"intray/daemon/web"
	"intray/engines"
)

// TestAnotherEngine has a document in review read by the engine a person names, and
// by none that its folder does not let read it.
func TestAnotherEngine(t *testing.T) {
	bare := func(pages int) engines.Result {
		r := labResult(pages)
		r.Class, r.Fields, r.Tables = "", nil, nil
		return r
	}
	inReview := func(o *office) string {
		t.Helper()
		out, errs, code := runIntray(t, "list", "--state", "needs_human_review", "--json", "--config", o.config)
		var docs []web.Summary
		if err := json.Unmarshal([]byte(out), &docs); err != nil || code != 0 || len(docs) != 1 {
			t.Fatal(err, errs, out)
		}
		return docs[0].DocumentID
	}
	t.Run("in the cloud", func(t *testing.T) {
		t.Parallel()
		s := newLabServer(t)
		s.result = bare
		o := labOffice(t, s, "engine = [\"lab\", \"local\"]\nclass = \"invoice\"", "")
		o.drop("bill.pdf", scanPDF(t, "Nothing of an invoice"))
		o.start()
		o.waitLog("Needs review.")
		id := inReview(o)
		for _, wrong := range []string{"nobody", "Lab"} {
			if _, errs, code := runIntray(t, "again", id, "--engine", wrong, "--config", o.config); code != exitRefused || !strings.Contains(errs, "lets lab, local read its documents") {
				t.Errorf("%s: %d %s", wrong, code, errs)
			}
		}
		s.mu.Lock()
		s.result = labResult
		s.mu.Unlock()
		if _, errs, code := runIntray(t, "again", id, "--engine", "lab", "--config", o.config); code != exitDone {
			t.Fatal(code, errs)
		}
		o.waitLog("Delivered.")
		o.stop()
		if doc := o.delivered("out", "bill.json"); doc.Engine.Name != "lab" {
			t.Errorf("read by %+v", doc.Engine)
		}
		if _, n := s.submissions(); n != 2 {
			t.Errorf("sent %d times", n)
		}
		if _, _, code := runIntray(t, "retry", id, "--engine", "lab", "--config", o.config); code != exitUnreachable {
			t.Errorf("an engine chosen beside no daemon: %d", code)
		}
	})
	t.Run("not from a folder that stays here", func(t *testing.T) {
		t.Parallel()
		s := newLabServer(t)
		o := labOffice(t, s, "engine = [\"local\", \"lab\"]\nclass = \"invoice\"\nnever_cloud = true", "")
		o.drop("bill.pdf", scanPDF(t, "Nothing of an invoice"))
		o.start()
		o.waitLog("Needs review.")
		if _, errs, code := runIntray(t, "again", inReview(o), "--engine", "lab", "--config", o.config); code != exitRefused || !strings.Contains(errs, "lets local read its documents") {
			t.Errorf("%d %s", code, errs)
		}
		o.stop()
		if _, n := s.submissions(); n != 0 {
			t.Errorf("sent %d times", n)
		}
	})
}
