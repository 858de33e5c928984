package search

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"intray/ledger"
)

// secretText is many words that nothing else has: some that begin with a mark and
// some that end in one, for of neighbouring words an index writes the common
// beginning once, and of words at the edge of its pages only that.
func secretText(seed string) string {
	var words []string
	for i := range 3000 {
		sum := sha256.Sum256(fmt.Append(nil, seed, i))
		words = append(words, fmt.Sprintf("qxjv%x", sum[:4]), fmt.Sprintf("%xqxjv", sum[4:8]))
	}
	return strings.Join(words, " ")
}

// left counts what is left of secret texts in the index's files.
func (l *library) left() int {
	l.t.Helper()
	n := 0
	for _, part := range []string{"", "-wal", "-shm"} {
		data, err := os.ReadFile(l.path + part)
		if err != nil && (part == "" || !os.IsNotExist(err)) {
			l.t.Fatal(err)
		}
		n += bytes.Count(data, []byte("qxjv"))
	}
	return n
}

func (l *library) body(doc ledger.Document) (body []byte) {
	l.t.Helper()
	row, err := rowOf(doc.ID)
	if err != nil {
		l.t.Fatal(err)
	}
	if err := l.index.writer.QueryRow("SELECT body FROM docs WHERE doc = ?", row).Scan(&body); err != nil || len(body) == 0 {
		l.t.Fatal(err)
	}
	return body
}

func (l *library) purge(doc ledger.Document) {
	l.t.Helper()
	doc.State = ledger.Purged
	if err := l.index.Put(l.t.Context(), []Entry{{Document: doc}}); err != nil {
		l.t.Fatal(err)
	}
}

// busy is a library with a secret document among others, put in at several times.
func busy(t *testing.T) (*library, ledger.Document) {
	l := newLibrary(t)
	for i := range 40 {
		l.add(fmt.Sprintf("%d.pdf", i), fmt.Sprintf("these words stay number%d", i))
	}
	secret := l.add("secret qxjv.pdf", secretText("a"), "seller_name", "qxjv")
	for range 3 { // each time anew, as a document that makes moves
		l.follow(true)
	}
	if l.left() < 100 {
		t.Fatal("the words are not in the files as this test thinks")
	}
	return l, secret
}

// TestPurgedText: no word of a purged document, nor a part of one, is left in the
// file or in the log beside it.
func TestPurgedText(t *testing.T) {
	l, secret := busy(t)
	body := l.body(secret)
	l.purge(secret)
	l.follow(false)
	if n := l.left(); n > 0 {
		t.Errorf("%d words are left", n)
	}
	if got, _ := l.find(Query{Text: "stay"}); len(got) != 40 {
		t.Errorf("%d others are found", len(got))
	}
	if got, _ := l.find(Query{Text: "number7 "}); len(got) != 1 {
		t.Errorf("found %q", got)
	}
	if err := l.index.Close(); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(l.path); err != nil || bytes.Contains(data, body) || l.left() > 0 {
		t.Errorf("something is left after the end (%v)", err)
	}
}

// TestForgottenText: the same for a text that retention had forgotten.
func TestForgottenText(t *testing.T) {
	l, secret := busy(t)
	secret.Forgotten, secret.Path = []string{"text"}, "plain.pdf"
	if err := l.index.Put(t.Context(), []Entry{{Document: secret}}); err != nil {
		t.Fatal(err)
	}
	l.follow(false)
	if n := l.left(); n > 0 {
		t.Errorf("%d words are left", n)
	}
	if got, _ := l.find(Query{Text: "plain"}); !slices.Equal(got, []string{secret.ID}) {
		t.Errorf("found %q", got)
	}
}

// TestCleanGoesOn: a cleaning that is broken off at any step goes on after the next
// start, and one during which another document goes leaves nothing of that either.
func TestCleanGoesOn(t *testing.T) {
	for steps := range 5 {
		l, secret := busy(t)
		l.add("other.pdf", secretText("b"))
		l.follow(true)
		l.purge(secret)
		for range steps {
			if _, err := l.index.Clean(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.index.Close(); err != nil {
			t.Fatal(err)
		}
		if l.open() {
			t.Fatal("made anew")
		}
		for id, c := range l.texts {
			if strings.HasPrefix(c.Text, "qxjv") && id != secret.ID {
				l.purge(ledger.Document{ID: id})
			}
		}
		l.follow(false)
		if n := l.left(); n > 0 {
			t.Errorf("%d words are left after %d steps", n, steps)
		}
	}
}

// TestCleanRests: a large index is not written anew for each document that goes,
// and the follower wakes up for those that went meanwhile.
func TestCleanRests(t *testing.T) {
	l, secret := busy(t)
	ctx, cancel := context.WithCancel(t.Context())
	f := Follower{Ledger: l.ledger, Index: l.index, Log: slog.New(slog.DiscardHandler), Read: func(d ledger.Document) *Content { return l.texts[d.ID] }}
	f.rest = time.Now().Add(time.Hour)
	l.purge(secret)
	if err := f.CatchUp(ctx); err != nil {
		t.Fatal(err)
	}
	if at, err := l.index.about(keyClean); err == nil {
		t.Errorf("cleaned without a rest: %s", at)
	}
	f.rest = time.Now().Add(10 * time.Millisecond)
	ended := make(chan struct{})
	go func() { defer close(ended); f.Run(ctx) }()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for late := time.After(2 * time.Minute); l.left() > 0; {
		select {
		case <-look.C:
		case <-late:
			t.Fatal("never cleaned")
		}
	}
	cancel()
	<-ended
}
