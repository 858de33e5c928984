#!/bin/sh
# The life of the RPM: installed, upgraded with an edited configuration, erased. The
# root is the bare Debian of lifecycle.sh, not running, and RPM works on it from
# outside: this tests the package's files and its scripts' arguments. What a Red Hat
# system does differently (SELinux, presets) it does not show.
#
#   rpm.sh PACKAGE.rpm NEWER-PACKAGE.rpm
set -eu
here=$(cd "$(dirname "$0")" && pwd)
old=$(realpath "$1")
new=$(realpath "$2")
. "$here/root.sh"
# Debian's rpm warns on standard error that Debian has dpkg.
rpms() { rpm --root "$root" --dbpath /var/lib/rpm --nodeps "$@" 2>"$work/rpm.log" || fail "$(cat "$work/rpm.log")"; }

step "rpm: install"
make_root
rpms -i "$old"
chroot "$root" intray version | sed 's/^/      /'
[ "$(chroot "$root" systemctl is-enabled intray)" = enabled ] || fail "the service is not enabled"
[ "$(chroot "$root" stat -c '%U %G %a' /srv/intray/in)" = "intray intray 2770" ] || fail "rights of /srv/intray/in"
chroot "$root" runuser -u intray -- intray ocr --help >/dev/null || fail "the user cannot run it"

step "rpm: upgrade, with an edited configuration and a disabled service"
echo '# edited' >>"$root/etc/intray/config.toml"
chroot "$root" systemctl --quiet disable intray
rpms -U "$new"
tail -1 "$root/etc/intray/config.toml" | grep -q '# edited' || fail "the edit is gone"
[ "$(chroot "$root" systemctl is-enabled intray)" = disabled ] || fail "the upgrade enabled the service"

step "rpm: erase"
mkdir -p "$root/var/lib/intray"
touch "$root/var/lib/intray/ledger.db" "$root/srv/intray/out/result.pdf"
chroot "$root" systemctl --quiet enable intray
rpms -e intray
[ ! -e "$root/usr/bin/intray" ] || fail "the program is still there"
[ ! -L "$root/etc/systemd/system/multi-user.target.wants/intray.service" ] || fail "the service is still enabled"
[ -f "$root/etc/intray/config.toml.rpmsave" ] || fail "the edited configuration is gone"
[ -f "$root/var/lib/intray/ledger.db" ] && [ -f "$root/srv/intray/out/result.pdf" ] || fail "documents are gone"
step ""
echo "all steps of the RPM passed"
