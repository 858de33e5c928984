#!/bin/sh
# Before removal. During an upgrade (Debian "upgrade", RPM 1) the service runs
# on and is restarted when the new version is in place.
set -e
case "${1:-}" in
remove | deconfigure | 0) ;;
*) exit 0 ;;
esac
if [ -d /run/systemd/system ]; then
	systemctl stop intray.service || :
fi
# Debian may install it again as it was; its link goes with the purge.
if [ "$1" = 0 ] && command -v systemctl >/dev/null 2>&1; then
	systemctl --no-reload disable intray.service >/dev/null 2>&1 || :
fi
