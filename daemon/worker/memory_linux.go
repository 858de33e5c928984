package worker

import "golang.org/x/sys/unix"

// limitMemory bounds the process's private writable memory. RLIMIT_AS would
// not do: Go and the WebAssembly runtime reserve far more address space than
// they use.
func limitMemory(mb int) error {
	limit := uint64(mb) << 20
	return unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: limit, Max: limit})
}
