//go:build unix

package worker

import (
	"context"
	"encoding/json"

	"golang.org/x/sys/unix"
)

// faultWords are how a bad memory access ends.
const faultWords = "unexpected fault address"

// addFault adds a handler that reads memory which is not there, as a broken C
// library does. No recover stops that.
func addFault(handlers map[string]Handler) {
	handlers["fault"] = func(context.Context, json.RawMessage) (any, error) {
		page, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ, unix.MAP_ANON|unix.MAP_PRIVATE)
		if err != nil {
			return nil, err
		}
		if err := unix.Mprotect(page, unix.PROT_NONE); err != nil {
			return nil, err
		}
		return page[0], nil
	}
}

// takeMemory takes so many bytes as a C library does, of which the race detector
// keeps no books.
func takeMemory(n int) ([]byte, error) {
	return unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
}
