//go:build !linux

package daemon

import "runtime/debug"

// giveBack lets go of the heap that only the start needed.
func giveBack() { debug.FreeOSMemory() }
