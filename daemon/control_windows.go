package daemon

import (
	"errors"

	"golang.org/x/sys/windows/svc/mgr"
)

// restartAlways has the service manager start Intray again also when it ended with an
// error, not only when it crashed (ChangeServiceConfig2, SERVICE_CONFIG_FAILURE_ACTIONS_FLAG).
func restartAlways() (err error) {
	m, err := mgr.Connect()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Disconnect()) }()
	s, err := m.OpenService(serviceName)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.SetRecoveryActionsOnNonCrashFailures(true)
}
