package site

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"intray/daemon/web/access"
	"intray/ledger"
	"intray/ledger/ledgertest"
)

// TestManyDocuments wants the pages quick with as many documents as INTRAY_PAGES_MANY
// says; a million takes some minutes to be made.
func TestManyDocuments(t *testing.T) {
	many, err := strconv.Atoi(os.Getenv("INTRAY_PAGES_MANY"))
	if err != nil {
		t.Skip("INTRAY_PAGES_MANY says no number of documents")
	}
	l := ledgertest.Open(t, nil)
	var group sync.WaitGroup
	const hands = 512
	for hand := range hands {
		group.Go(func() {
			for n := hand; n < many; n += hands {
				doc, err := l.Receive(ledger.Arrival{Folder: fmt.Sprint("desk", n%5), Path: fmt.Sprint(n), Name: fmt.Sprint(n, ".pdf"), SHA256: fmt.Sprintf("%064x", n)})
				if err == nil && n%10 == 0 {
					_, err = l.Apply(doc.ID, ledger.Refuse(ledger.Failure{Kind: "terminal", Code: "corrupt", Sentence: "It is damaged."}))
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	s := Site{Ledger: l}
	for _, path := range []string{"/", "/documents", "/documents?state=failed_terminal", "/documents?q=99999", "/documents?folder=desk3", "/review", "/problems", "/states"} {
		began := time.Now()
		got := s.ask(t, access.Reader, http.MethodGet, path, nil) // templates are parsed in this time, too
		took := time.Since(began)
		t.Logf("%s: %s, %d bytes", path, took.Round(time.Millisecond), got.Body.Len())
		if got.Code != http.StatusOK || took > 300*time.Millisecond || path == "/" && took > 100*time.Millisecond {
			t.Errorf("%s took %s and answered %d", path, took, got.Code)
		}
	}
}
