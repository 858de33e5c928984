#!/bin/sh
# After unpacking. Debian calls with "configure" and the version that was
# configured last, if any; RPM with the number of versions that are there now.
# Safe to repeat.
set -e

first=no
case "${1:-}" in
configure) [ -n "${2:-}" ] || first=yes ;;
1) first=yes ;;
abort-*) exit 0 ;;
esac

if command -v systemd-sysusers >/dev/null 2>&1; then
	systemd-sysusers intray.conf
elif ! getent passwd intray >/dev/null; then
	useradd --system --user-group --home-dir /var/lib/intray --no-create-home --shell /usr/sbin/nologin intray
fi

# Only what is not there: rights that somebody changed stay as they are. The
# group's bit makes what anybody puts there belong to the group. One that cannot be
# made, on a disk that is not mounted now, the service tells of.
if [ $first = yes ]; then
	for folder in /srv/intray /srv/intray/in /srv/intray/out /srv/intray/review /srv/intray/failed; do
		[ -e "$folder" ] || install -d -o intray -g intray -m 2770 "$folder" || :
	done
fi

if [ -e /etc/systemd/system/intray.service ]; then
	echo "intray: /etc/systemd/system/intray.service hides the unit of this package. It is left as it is;" >&2
	echo "intray: remove it and run 'systemctl daemon-reload' to have the service of the package." >&2
fi

command -v systemctl >/dev/null 2>&1 || exit 0
# Enabled once: a service that somebody disabled stays so after an upgrade.
if [ $first = yes ]; then
	systemctl enable intray.service >/dev/null 2>&1 || :
fi
# In a root that is not running, an image being built, there is nothing to start.
[ -d /run/systemd/system ] || exit 0
systemctl daemon-reload || :
if command -v deb-systemd-invoke >/dev/null 2>&1; then
	deb-systemd-invoke restart intray.service || : # heeds policy-rc.d, leaves a disabled one alone
elif systemctl is-enabled --quiet intray.service; then
	systemctl restart intray.service || :
fi
