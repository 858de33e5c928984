//go:build unix

package worker

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// processGroup is a child and everything it starts: a Unix process group whose
// number is the child's process id.
type processGroup struct{}

// prepareGroup makes the child lead its own group. This also keeps a terminal's
// Ctrl+C away from it.
func prepareGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

// newGroup fences a started child in; it limits its own memory.
func newGroup(pid, _ int) (processGroup, error) {
	lowerPriority(pid)
	return processGroup{}, nil
}

// kill ends all processes of the group. It must not be called after the leader
// was reaped: the number may belong to somebody else then.
func (processGroup) kill(leader *os.Process) {
	_ = unix.Kill(-leader.Pid, unix.SIGKILL) // an error means that it is gone already
}

func (processGroup) close() {}

// claimStdout returns stdout for the protocol alone and lets file descriptor 1
// mean stderr, for C libraries too.
func claimStdout() (*os.File, error) {
	fd, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, fmt.Errorf("duplicate stdout: %w", err)
	}
	if err := unix.Dup2(2, 1); err != nil {
		return nil, fmt.Errorf("point stdout to stderr: %w", err)
	}
	return os.NewFile(uintptr(fd), "protocol"), nil
}

// leave ends the process and, when it leads its group as a pool's child does,
// what it started. It never returns.
func leave() {
	if unix.Getpgrp() == os.Getpid() {
		_ = unix.Kill(0, unix.SIGKILL)
	}
	os.Exit(1)
}
