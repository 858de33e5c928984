//go:build unix

package review

import (
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// ownerOf is the name of a file's owner, "" if that is this process's own user
// or has no name.
func ownerOf(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(stat.Uid) == os.Geteuid() {
		return ""
	}
	u, err := user.LookupId(strconv.FormatUint(uint64(stat.Uid), 10))
	if err != nil {
		return ""
	}
	return u.Username
}
