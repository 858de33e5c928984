#!/bin/sh
# After removal. Only Debian's purge removes data: originals, ledger, cache, log
# and configuration. Results and scans in /srv/intray belong to the office; only
# empty folders go. RPM has no purge: installers/README.md says what to type.
set -e
if [ "${1:-}" = purge ]; then
	# Data that somebody put on another disk is named, not followed: the link may
	# lead to what is not Intray's alone.
	for link in /var/lib/intray /var/cache/intray /var/log/intray; do
		if [ -L "$link" ]; then
			echo "intray: $link was a link; data is left in $(readlink -f "$link" || readlink "$link")"
		fi
	done
	# A folder that is a disk of its own is emptied and stays: no reason to fail.
	for folder in /var/lib/intray /var/cache/intray /var/log/intray /etc/intray /etc/systemd/system/intray.service.d; do
		rm -rf "$folder" || echo "intray: $folder could not be removed" >&2
	done
	rm -f /etc/systemd/system/multi-user.target.wants/intray.service
	if [ -d /srv/intray ]; then
		find /srv/intray -xdev -depth -type d -empty -delete 2>/dev/null || :
		[ ! -d /srv/intray ] || echo "intray: documents are left in /srv/intray"
	fi
fi
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || :
fi
