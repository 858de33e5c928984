package pdf

import (
	"strings"
	"testing"

	"intray/daemon/pdf/objects"
)

// TestLastHead: the last object of a number is found wherever it lies between
// what is looked through at once, and others are not.
func TestLastHead(t *testing.T) {
	const word = "5 0 obj"
	for _, before := range []int{0, 1, searched - 5, searched - 1, searched, 3*searched - 700} {
		text := strings.Repeat(word+" ", before/8)
		text += strings.Repeat(" ", before-len(text)) + "\r" + word
		for _, after := range []string{"", strings.Repeat("\n15 0 obj 5 1 obj", 40_000)} {
			got, err := lastHead(strings.NewReader(text+after), objects.Ref{Number: 5})
			if err != nil || got != int64(len(text)) {
				t.Errorf("%d bytes before, %d after: %d, want %d, %v", before, len(after), got, len(text), err)
			}
		}
	}
	if got, err := lastHead(strings.NewReader("5 0 obj"), objects.Ref{Number: 5}); got != 7 || err != nil {
		t.Errorf("at the start: %d, %v", got, err)
	}
	if got, err := lastHead(strings.NewReader("15 0 obj"), objects.Ref{Number: 5}); got != -1 || err != nil {
		t.Errorf("nowhere: %d, %v", got, err)
	}
}
