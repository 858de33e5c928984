//go:build faults

package fault

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// passed counts how often the point was reached; a test build may have a
// variable for that.
var passed atomic.Int64

// Point ends the process without any cleaning up when INTRAY_FAULT is
// "NAME:N" and this is the N-th time (from 1) that NAME is reached.
func Point(name string) {
	want, count, _ := strings.Cut(os.Getenv("INTRAY_FAULT"), ":")
	if want != name {
		return
	}
	if n, err := strconv.ParseInt(count, 10, 64); err != nil || passed.Add(1) != n {
		return
	}
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		os.Exit(3)
	}
	time.Sleep(time.Hour) // the kill is on its way; nothing more is done here
}
