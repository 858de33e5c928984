//go:build unix

package handover

import (
	"os/exec"
	"syscall"
)

// endTogether makes a time-out end the command and whatever it started.
func endTogether(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
