package daemon

import (
	"strings"
	"testing"

	"intray/daemon/config"
)

func TestDrives(t *testing.T) {
	cfg := &config.Config{DataDir: `C:\ProgramData\Intray\data`, Folders: []config.Folder{
		{Path: `S:\scans\in`, Output: `S:\scans\out`, Review: `\\server\office\review`, Failed: `X:\failed`, Archive: `Y:\not used`}}}
	found := checkDrives(cfg, func(letter string) (int, string) {
		switch letter {
		case "S:":
			return driveMapped, `\\files\scans`
		case "X:", "Y:":
			return driveUnknown, ""
		}
		return driveLocal, ""
	})
	if len(found) != 2 || !strings.Contains(found[0].problem, `write '\\files\scans\scans\in' instead of 'S:\scans\in'`) ||
		!strings.Contains(found[1].problem, `no drive X: here`) || !strings.Contains(found[1].problem, `'\\server\share\failed'`) {
		t.Errorf("%+v", found)
	}
	if kind, share := lookAtDrive("C:"); kind != driveLocal || share != "" {
		t.Errorf("C: is %v %q", kind, share)
	}
	if kind, _ := lookAtDrive("Q:"); kind != driveUnknown {
		t.Errorf("Q: is %v", kind)
	}
}
