package pipeline

import (
	"testing"
	"time"

	"intray/ledger"
)

// TestPatience: each look is written down. What is away for a month costs a document a
// few thousand of them and not one a minute, and is noticed soon all the same.
func TestPatience(t *testing.T) {
	var waited time.Duration
	looks := 0
	for ; waited < 30*24*time.Hour; looks++ {
		pause := patience(ledger.Document{Postponed: looks})
		if late := pause - longestPause; late > max(waited/20, 0) || pause > rarestLook {
			t.Fatalf("after %s the next look is %s away", waited, pause)
		}
		waited += pause
	}
	if looks > 1500 {
		t.Errorf("%d looks in a month", looks)
	}
}
