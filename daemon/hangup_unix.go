//go:build unix

package daemon

import (
	"os"
	"os/signal"
	"syscall"
)

// onHangup has c told when the configuration is to be read again, as SIGHUP says to
// daemons. In a terminal it says that the terminal is gone, and ends the program.
func onHangup(c chan<- os.Signal) { signal.Notify(c, syscall.SIGHUP) }
