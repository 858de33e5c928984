package daemon

import (
	"os"
	"testing"
)

// What the loader wrote before it made the pages read-only stays; so does whatever
// else differs from the file.
func TestPristineMappings(t *testing.T) {
	const smaps = `00400000-00800000 r-xp 00000000 fe:01 77 /usr/bin/intray
Size:               4096 kB
Anonymous:             0 kB
Swap:                  0 kB
VmFlags: rd ex mr mw me
00800000-00900000 r--p 00400000 fe:01 77 /usr/bin/intray
Anonymous:            12 kB
Swap:                  0 kB
00900000-00a00000 r--p 00500000 fe:01 77 /usr/bin/intray
Anonymous:             0 kB
Swap:                  4 kB
00a00000-00b00000 rw-p 00600000 fe:01 77 /usr/bin/intray
Anonymous:             0 kB
Swap:                  0 kB
00b00000-00c00000 r--p 00000000 fe:01 78 /usr/lib/libc.so.6
Anonymous:             0 kB
Swap:                  0 kB
00c00000-00d00000 r--p 00700000 fe:01 77 /usr/bin/intray
Anonymous:             0 kB
00d00000-00e00000 r--p 00800000 fe:01 77 /usr/bin/intray
Swap:                  0 kB
7ffe0000-7fff0000 rw-p 00000000 00:00 0 [stack]
Anonymous:             0 kB
Swap:                  0 kB
`
	got := pristine(smaps, "/usr/bin/intray")
	if len(got) != 1 || got[0] != (mapping{0x400000, 0x800000}) {
		t.Fatalf("mappings to give back: %x, want the first only", got)
	}
}

// The tests' own program is linked as a built one is: something is found, and it goes
// on running.
func TestGiveBack(t *testing.T) {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Skip("no /proc here:", err)
	}
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Skip("this kernel tells nothing about its mappings:", err)
	}
	if len(pristine(string(smaps), self)) == 0 {
		t.Error("nothing of the program's own code can be given back")
	}
	giveBack()
}
