//go:build !linux

package worker

// limitMemory leaves the hard limit to the parent (Windows: a job object) or
// to nobody; Go's own soft limit is set either way.
func limitMemory(int) error { return nil }
