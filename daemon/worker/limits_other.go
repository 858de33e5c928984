//go:build unix && !linux

package worker

// limitMemory does nothing: there is no limit here that spares reserved memory.
func limitMemory(uint64) (uint64, error) { return 0, nil }

// dataSize is not asked for where there is no limit.
func dataSize() (uint64, error) { return 0, nil }

// lowerPriority does nothing here.
func lowerPriority(int) {}
