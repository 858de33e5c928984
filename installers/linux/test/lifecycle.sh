#!/bin/sh
# The life of the Debian package in a bare Debian with a real systemd: installed,
# killed, rebooted, upgraded, misconfigured, removed, purged. `make test-packages`
# calls it. Needs root; says each step and its time, and ends at the first that fails.
#
#   lifecycle.sh PACKAGE.deb NEWER-PACKAGE.deb
set -eu
here=$(cd "$(dirname "$0")" && pwd)
old=$(realpath "$1")
new=$(realpath "$2")
. "$here/root.sh"

property() { inside systemctl show -p "$1" --value intray; }
active() { [ "$(inside systemctl is-active intray)" = active ]; }
healthy() { # asked without curl, which a bare root has not
	inside bash -c 'exec 3<>/dev/tcp/127.0.0.1/7423 && printf "GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n" >&3 && head -1 <&3 | grep -q " 200 "'
}
works() { active && healthy; }
restarted() { [ "$(property MainPID)" != "$pid" ] && works; }
documents() { inside intray list --json | grep -c document_id; }
said() { inside journalctl -u intray --no-pager -o cat | grep -q "$1"; }

# exposure is what systemd says of the unit, 0 (none) to 10.
exposure() { # how most
	found=$(inside systemd-analyze security intray --no-pager | sed -n 's/.*Overall exposure level.*: \([0-9.]*\) .*/\1/p')
	echo "      exposure $1: $found"
	echo "$found $2" | awk '{exit !(NF == 2 && $1 <= $2)}' || fail "that is more than $2"
}

# scan drops a drawn page under a name and waits for both results.
scan() { # name [folder of in and out]
	base=${2:-/srv/intray}
	inside intray sample "/tmp/$1.pdf"
	# Bytes of its own, or it would be a duplicate; a comment behind the end of a PDF
	# is nothing to a reader.
	inside sh -c "echo '% $1' >>/tmp/$1.pdf && cp /tmp/$1.pdf $base/in/.$1.part && mv $base/in/.$1.part $base/in/$1.pdf"
	until_true 120 "$base/out/$1.json" inside test -f "$base/out/$1.json"
	inside grep -q -i lighthouse "$base/out/$1.json" || fail "$1.json has not the page's words"
	if command -v pdftotext >/dev/null; then
		inside cat "$base/out/$1.pdf" | pdftotext - - | grep -q -i lighthouse || fail "$1.pdf cannot be searched"
	fi
}

step "a bare root boots"
make_root
boot
mkdir "$root/packages"
cp "$old" "$root/packages/old.deb"
cp "$new" "$root/packages/new.deb"

step "install, and the first scan"
began=$(date +%s%N)
inside dpkg -i /packages/old.deb | sed 's/^/      /'
scan first
echo "      from install to the first searchable PDF: $(seconds_since "$began") s"
works || fail "the service does not answer"
[ "$(inside systemctl is-enabled intray)" = enabled ] || fail "the service is not enabled"
[ "$(inside stat -c '%U %G %a' /var/lib/intray)" = "intray intray 700" ] || fail "rights of /var/lib/intray"
[ "$(inside stat -c '%U %G %a' /srv/intray/out/first.pdf)" = "intray intray 660" ] || fail "rights of a result: $(inside stat -c '%U %G %a' /srv/intray/out/first.pdf)"

step "what the service may"
inside systemd-analyze verify --man=no intray.service || fail "the unit is not right"
exposure offline 1.2
inside install -D -m 0644 -t /etc/systemd/system/intray.service.d /usr/share/intray/cloud.conf /usr/share/intray/folders.conf
inside systemctl daemon-reload
exposure "with cloud.conf" 1.5
inside rm -r /etc/systemd/system/intray.service.d
inside systemctl daemon-reload
main=$(property MainPID)
inside grep -E '^(NoNewPrivs|Seccomp|CapEff|CapBnd):' "/proc/$main/status" | sed 's/^/      /'
inside nsenter -t "$main" -m touch /usr/intruder /etc/intruder 2>/dev/null && fail "it may write to the system"

step "kill -9, and it is back"
pid=$main
inside systemctl kill --kill-who=main -s KILL intray
until_true 30 "the restart" restarted
echo "      restarts: $(property NRestarts)"
scan afterkill

step "reboot"
halt
boot
until_true 30 "the service after boot" works
[ "$(documents)" = 2 ] || fail "documents after the reboot: $(documents)"
scan afterreboot

step "upgrade, with an edited configuration and changed rights"
sed -i 's/^version = 1/version = 1\nlog_level = "debug" # edited/' "$root/etc/intray/config.toml"
inside chmod 2775 /srv/intray/out
pid=$(property MainPID)
inside dpkg -i /packages/new.deb | sed 's/^/      /'
until_true 30 "the service after the upgrade" restarted
grep -q '# edited' "$root/etc/intray/config.toml" || fail "the edit is gone"
[ "$(inside stat -c %a /srv/intray/out)" = 2775 ] || fail "the rights are gone"
[ "$(documents)" = 3 ] || fail "documents after the upgrade: $(documents)"
scan afterupgrade
until_true 10 "the edit in the log" said 'Worker started'

step "a scan folder elsewhere, and a share that is mounted anew"
mount_share() {
	inside mount -t tmpfs -o uid=intray,gid=intray,mode=2770 share /mnt/share
	inside install -d -o intray -g intray /mnt/share/in /mnt/share/out /mnt/share/review /mnt/share/failed
}
inside install -d -o intray -g intray /office/in /office/out /office/review /office/failed /mnt/share
mount_share
for folder in /office /mnt/share; do
	cat >>"$root/etc/intray/config.toml" <<END

[[folder]]
name = "${folder##*/}"
path = "$folder/in"
output = "$folder/out"
review = "$folder/review"
failed = "$folder/failed"
engine = "local"
END
done
inside intray init --service | sed 's/^/      /'
# Shares are known by their type. This one is none, so its mount point is named here.
sed -i 's|^ReadWritePaths="-/mnt/share/.*"|ReadWritePaths="-/mnt/share"|' "$root/etc/systemd/system/intray.service.d/configuration.conf"
inside systemctl daemon-reload
inside systemctl restart intray
until_true 30 "the service with its folders" works
scan elsewhere /office
scan onshare /mnt/share
inside umount /mnt/share
mount_share
scan mountedanew /mnt/share

if inside intray run --help | grep -q -- --service; then
	step "a broken configuration, and recovery"
	cp "$root/etc/intray/config.toml" "$work/good.toml"
	echo 'nonsense = [' >>"$root/etc/intray/config.toml"
	inside systemctl restart intray
	until_true 30 "the degraded service" active
	inside intray service status 2>&1 | sed 's/^/      /' || :
	cp "$work/good.toml" "$root/etc/intray/config.toml"
	inside systemctl reload intray
	until_true 60 "the recovered service" works
	scan aftermending
	[ "$(property NRestarts)" = 0 ] || fail "it was restarted $(property NRestarts) times"
else
	echo "== left out: a broken configuration (the program has no run --service)"
fi

step "remove, and install again"
kept=$(documents)
inside dpkg -r intray | sed 's/^/      /'
[ "$(inside systemctl is-active intray)" != active ] || fail "it still runs"
[ ! -e "$root/usr/bin/intray" ] || fail "the program is still there"
grep -q '# edited' "$root/etc/intray/config.toml" || fail "the configuration is gone"
[ -f "$root/var/lib/intray/ledger.db" ] || fail "the ledger is gone"
inside dpkg -i /packages/new.deb >/dev/null
until_true 30 "the service" works
[ "$(documents)" = "$kept" ] || fail "documents before $kept, now $(documents)"

step "purge"
inside dpkg -P intray 2>&1 | sed 's/^/      /'
for gone in /etc/intray /var/lib/intray /var/cache/intray /var/log/intray /usr/share/intray /etc/systemd/system/intray.service.d; do
	[ ! -e "$root$gone" ] || fail "$gone is still there"
done
[ -f "$root/srv/intray/out/first.pdf" ] || fail "results of the office were removed"
step ""
echo "all steps passed"
