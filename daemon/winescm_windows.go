//go:build winescm

package daemon

import (
	"os"
	"slices"
	_ "unsafe" // for go:linkname

	_ "github.com/kardianos/service"
)

// For tests under Wine only, behind a tag that no release has. Wine's service
// manager lives in session 1 instead of 0, so that the library takes the service
// for a program that somebody started. What is asked of the service manager and
// answered to it is the same.
//
//go:linkname startedByHand github.com/kardianos/service.interactive
var startedByHand bool

// The library has looked when this is evaluated.
var _ = believeInService()

func believeInService() bool {
	if slices.Contains(os.Args[1:], "--service") {
		startedByHand = false
	}
	return startedByHand
}
