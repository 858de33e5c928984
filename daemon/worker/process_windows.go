package worker

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// processGroup is a child and everything it starts: a job object that takes
// its processes with it when its last handle is closed, so also when the
// parent dies.
type processGroup struct {
	job windows.Handle
}

// prepareGroup keeps the console's Ctrl+C away from the child, opens no window
// and lets the office's own programs go first.
func prepareGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{HideWindow: true,
		CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.CREATE_NO_WINDOW | windows.BELOW_NORMAL_PRIORITY_CLASS}
}

// newGroup puts a started child into a new job with a limit of committed memory
// per process, in MB, 0 for none. The child got no request yet and has started
// nothing that could escape.
func newGroup(pid, memoryMB int) (processGroup, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return processGroup{}, fmt.Errorf("create job object: %w", err)
	}
	var info windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	// Without the second flag a crash may wait for somebody to close a dialog.
	info.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE |
		windows.JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION
	if memoryMB > 0 {
		info.BasicLimitInformation.LimitFlags |= windows.JOB_OBJECT_LIMIT_PROCESS_MEMORY
		info.ProcessMemoryLimit = uintptr(min(uint64(memoryMB)<<20, uint64(^uintptr(0))))
	}
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)))
	if err != nil {
		return processGroup{}, errors.Join(fmt.Errorf("limit job object: %w", err), windows.CloseHandle(job))
	}
	if err := assign(job, pid); err != nil {
		return processGroup{}, errors.Join(err, windows.CloseHandle(job))
	}
	return processGroup{job}, nil
}

func assign(job windows.Handle, pid int) error {
	process, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(pid))
	if err != nil {
		return fmt.Errorf("open worker process: %w", err)
	}
	defer windows.CloseHandle(process)
	if err := windows.AssignProcessToJobObject(job, process); err != nil {
		return fmt.Errorf("put worker process into job object: %w", err)
	}
	return nil
}

// kill ends all processes of the job.
func (g processGroup) kill(*os.Process) {
	_ = windows.TerminateJobObject(g.job, 1) // an error means that they are gone already
}

func (g processGroup) close() {
	_ = windows.CloseHandle(g.job)
}

// claimStdout returns stdout for the protocol alone and lets the process's
// standard output mean stderr.
func claimStdout() (*os.File, error) {
	out := os.Stdout
	os.Stdout = os.Stderr
	if err := windows.SetStdHandle(windows.STD_OUTPUT_HANDLE, windows.Handle(os.Stderr.Fd())); err != nil {
		return nil, fmt.Errorf("point stdout to stderr: %w", err)
	}
	return out, nil
}

// leave ends the process; the job object takes what it started. It never returns.
func leave() { os.Exit(1) }

// limitMemory does nothing: the parent's job object limits memory.
func limitMemory(uint64) (uint64, error) { return 0, nil }

// dataSize is the process's committed memory in bytes, which the job limits.
func dataSize() (uint64, error) {
	// PROCESS_MEMORY_COUNTERS of psapi.h
	var counters struct {
		size, pageFaults                         uint32
		peakWorkingSet, workingSet               uintptr
		peakPaged, paged, peakNonPaged, nonPaged uintptr
		committed, peakCommitted                 uintptr
	}
	counters.size = uint32(unsafe.Sizeof(counters))
	ok, _, err := windows.NewLazySystemDLL("kernel32.dll").NewProc("K32GetProcessMemoryInfo").
		Call(uintptr(windows.CurrentProcess()), uintptr(unsafe.Pointer(&counters)), uintptr(counters.size))
	if ok == 0 {
		return 0, fmt.Errorf("measure own memory: %w", err)
	}
	return uint64(counters.committed), nil
}
