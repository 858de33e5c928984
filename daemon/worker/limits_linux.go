package worker

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// niceness is how much a child steps back behind the office's own programs.
const niceness = 5

// limitMemory bounds private writable memory to what the process has now plus
// limit, in bytes. RLIMIT_DATA counts just that since Linux 4.7; RLIMIT_AS would
// count the address space that Go and WebAssembly merely reserve. What is there
// at the start differs by build (the race detector maps terabytes) and is none
// of the document's doing: base, in bytes.
func limitMemory(limit uint64) (base uint64, err error) {
	if base, err = dataSize(); err != nil {
		return 0, fmt.Errorf("measure own memory: %w", err)
	}
	limit += base
	if err := unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: limit, Max: limit}); err != nil {
		return 0, fmt.Errorf("limit own memory to %d bytes: %w", limit, err)
	}
	return base, nil
}

// dataSize is VmData of proc_pid_status(5) in bytes, what RLIMIT_DATA counts.
func dataSize() (uint64, error) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), "VmData:"); ok {
			var kilobytes uint64
			if _, err := fmt.Sscanf(value, "%d kB", &kilobytes); err != nil {
				return 0, fmt.Errorf("parse VmData %q: %w", value, err)
			}
			return kilobytes << 10, nil
		}
	}
	if err := lines.Err(); err != nil {
		return 0, err
	}
	return 0, fmt.Errorf("%s has no VmData", f.Name())
}

// lowerPriority lets the office's own programs go first. It is a courtesy: a
// failure changes nothing that matters. Linux keeps priorities per thread, but
// asked for a group it sets all threads of it.
func lowerPriority(pid int) {
	own, err := unix.Getpriority(unix.PRIO_PROCESS, 0) // the system call answers 20 - nice
	if err == nil {
		_ = unix.Setpriority(unix.PRIO_PGRP, pid, min(20-own+niceness, 19))
	}
}
