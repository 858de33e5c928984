package daemon

import (
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// giveBack lets go of what only the start needed: of the heap, and of the program's
// own code and tables, much of which runs once in the life of a service. Whatever is
// needed again is read from the program's file again, as at the start. It is a courtesy
// to the machine: what cannot be done is left.
func giveBack() {
	debug.FreeOSMemory()
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return
	}
	for _, m := range pristine(string(smaps), self) {
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.from, m.to-m.from, unix.MADV_DONTNEED)
	}
}

// mapping is a range of addresses, to excluded.
type mapping struct{ from, to uintptr }

// pristine finds in /proc/self/smaps (proc_pid_smaps(5)) the mappings of the file at
// path that still are what the file holds. Read-only is not enough: the loader writes
// the addresses of shared libraries' functions into pages and makes them read-only
// afterwards (RELRO), and madvise(2) MADV_DONTNEED would bring back the file's empty
// ones. Pages written to count as anonymous, or as swapped out.
func pristine(smaps, path string) []mapping {
	var found []mapping
	var m mapping
	candidate, untouched := false, false
	for line := range strings.Lines(smaps) {
		f := strings.Fields(line)
		switch {
		case len(f) > 1 && !strings.HasSuffix(f[0], ":"): // address perms offset dev inode pathname
			m, candidate = mappingOf(f[0])
			candidate = candidate && len(f) == 6 && f[5] == path && !strings.Contains(f[1], "w")
			untouched = false
		case candidate && len(f) == 3 && f[0] == "Anonymous:":
			untouched = f[1] == "0"
		case candidate && len(f) == 3 && f[0] == "Swap:":
			if untouched && f[1] == "0" {
				found = append(found, m)
			}
		}
	}
	return found
}

func mappingOf(addresses string) (mapping, bool) {
	first, last, _ := strings.Cut(addresses, "-")
	from, errFrom := strconv.ParseUint(first, 16, 64)
	to, errTo := strconv.ParseUint(last, 16, 64)
	return mapping{uintptr(from), uintptr(to)}, errFrom == nil && errTo == nil && from < to
}
