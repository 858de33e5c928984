#!/bin/sh
# Builds the MSI on Linux: msi.sh PROGRAM OUTPUT-FOLDER. The notices are beside the
# program, as program.sh leaves them. `make msi` calls it.
#
# VERSION is ours as `version.sh` has it. Windows compares its first three numbers, and an
# upgrade needs a higher one. sign.sh says what has the MSI signed.
#
# The same program and version give the same bytes: product and package codes
# come from them instead of from chance, times from the commit (SOURCE_DATE_EPOCH).
set -eu

cd "$(dirname "$0")/../.."
program=$1
version=${VERSION:-$(sh installers/version.sh)}
mkdir -p "$2"
out=$2/intray-$version-windows-x64.msi
version=${version%%[!0-9.]*}
notices=${program%.exe}.NOTICES.txt
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}

# guid makes a GUID, in capitals as Windows Installer wants them, of a text.
guid() {
	printf '%s' "$1" | sha256sum | tr a-f A-F | sed 's/^\(.\{8\}\)\(.\{4\}\).\(.\{3\}\).\(.\{3\}\)\(.\{12\}\).*/\1-\2-4\3-8\4-\5/'
}
content=$(cat "$program" installers/windows/intray.wxs installers/windows/msi.sh | sha256sum)
product=$(guid "product $version $content") package=$(guid "package $version $content")

# The cabinet keeps the files' times. wixl takes relative names only.
mkdir -p bin
work=$(mktemp -d bin/msi.XXXXXX)
trap 'rm -rf "$work"' EXIT
cp "$program" "$work/intray.exe"
cp "$notices" "$work/NOTICES.txt"
cp LICENSE "$work/LICENSE.txt"
cp config.example.toml "$work/"
touch -d "@$epoch" "$work"/*
rm -f "$out"
at_epoch() { TZ=UTC faketime -f "$(date -u -d "@$epoch" '+%Y-%m-%d %H:%M:%S')" "$@"; }
at_epoch wixl -a x64 -D Version="$version" -D Product="$product" -D From="$work" -o "$out" installers/windows/intray.wxs

# What wixl does not know is set in the tables afterwards. run queues a program of
# Windows: its place in the order, and when. It runs as the system (type 34 deferred, not
# impersonated: 3106), and if it fails the installation goes on (64).
ask() { at_epoch msibuild "$out" -q "$1"; }
run() { # name sequence condition command
	ask "INSERT INTO \`CustomAction\` (\`Action\`, \`Type\`, \`Source\`, \`Target\`) VALUES ('$1', 3170, 'System64Folder', '$4')"
	ask "INSERT INTO \`InstallExecuteSequence\` (\`Action\`, \`Condition\`, \`Sequence\`) VALUES ('$1', '$3', $2)"
}
ask "INSERT INTO \`Directory\` (\`Directory\`, \`Directory_Parent\`, \`DefaultDir\`) VALUES ('System64Folder', 'TARGETDIR', '.')"
# The old version goes before the new one's files come, so that nothing of it stays.
ask "UPDATE \`InstallExecuteSequence\` SET \`Sequence\` = 1501 WHERE \`Action\` = 'RemoveExistingProducts'"
ask "UPDATE \`Property\` SET \`Value\` = 'WIX_DOWNGRADE_DETECTED;WIX_UPGRADE_DETECTED;PURGE' WHERE \`Property\` = 'SecureCustomProperties'"
# Started after what Windows itself needs; again after an end of any kind. The
# count of failures begins anew after a day.
run Delayed 5801 'NOT REMOVE' '"[System64Folder]sc.exe" config intray start= delayed-auto binPath= "\"[INSTALLDIR]intray.exe\" run --service --config \"[DATADIR]config.toml\""'
run Recovery 5802 'NOT REMOVE' '"[System64Folder]sc.exe" failure intray reset= 86400 actions= restart/5000/restart/60000/restart/300000'
run RecoveryFlag 5803 'NOT REMOVE' '"[System64Folder]sc.exe" failureflag intray 1'
run Purge 6590 'REMOVE="ALL" AND NOT UPGRADINGPRODUCTCODE AND PURGE="1"' '"[System64Folder]cmd.exe" /c rmdir /s /q "[DATADIR]."'
# The program's folder is on everybody's path, so that `intray` is found.
ask "CREATE TABLE \`Environment\` (\`Environment\` CHAR(72) NOT NULL, \`Name\` CHAR(255) NOT NULL LOCALIZABLE, \`Value\` CHAR(255) LOCALIZABLE, \`Component_\` CHAR(72) NOT NULL PRIMARY KEY \`Environment\`)"
ask "INSERT INTO \`Environment\` (\`Environment\`, \`Name\`, \`Value\`, \`Component_\`) VALUES ('Path', '=-*PATH', '[~];[INSTALLDIR]', 'Program')"
ask "INSERT INTO \`InstallExecuteSequence\` (\`Action\`, \`Sequence\`) VALUES ('RemoveEnvironmentStrings', 3300)"
ask "INSERT INTO \`InstallExecuteSequence\` (\`Action\`, \`Sequence\`) VALUES ('WriteEnvironmentStrings', 5200)"
at_epoch msibuild "$out" -s Intray Intray 'x64;1033' "{$package}"
sh installers/windows/sign.sh "$out"
