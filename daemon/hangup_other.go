//go:build !unix

package daemon

import "os"

// onHangup does nothing where there is no such signal.
func onHangup(chan<- os.Signal) {}
