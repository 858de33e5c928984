//go:build unix && !linux

package worker

// limitMemory does nothing: there is no limit here that spares reserved memory.
func limitMemory(uint64) error { return nil }

// lowerPriority does nothing here.
func lowerPriority(int) {}
