package handover

import (
	"os/exec"
	"strconv"
)

// endTogether makes a time-out end the command and whatever it started: taskkill,
// a part of Windows, knows the tree.
func endTogether(cmd *exec.Cmd) {
	cmd.Cancel = func() error {
		if err := exec.Command("taskkill", "/T", "/F", "/PID", strconv.Itoa(cmd.Process.Pid)).Run(); err != nil {
			return cmd.Process.Kill()
		}
		return nil
	}
}
