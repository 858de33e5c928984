#!/bin/sh
# Signs a program or an MSI in place, and checks the signature: sign.sh FILE.
# Does nothing unless one of these is set:
#
#   INTRAY_SIGN_PKCS12   a .p12 or .pfx file with certificate and key, or
#   INTRAY_SIGN_CERT     certificate and its chain in PEM, with
#   INTRAY_SIGN_KEY      the key in PEM, or a PKCS #11 URI with INTRAY_SIGN_MODULE
#   INTRAY_SIGN_MODULE   the PKCS #11 module of a token or a key service
#   INTRAY_SIGN_PASSFILE file with the password of key or PKCS #12 file, if there is one
#   INTRAY_SIGN_TIME     address of a time stamp service (RFC 3161), so that the
#                        signature outlives the certificate
#   INTRAY_SIGN_CA       what the check trusts, in PEM; default: the system's list
set -eu

file=$1
set --
if [ -n "${INTRAY_SIGN_PKCS12:-}" ]; then
	set -- -pkcs12 "$INTRAY_SIGN_PKCS12"
elif [ -n "${INTRAY_SIGN_CERT:-}" ]; then
	set -- -certs "$INTRAY_SIGN_CERT" -key "$INTRAY_SIGN_KEY"
	[ -z "${INTRAY_SIGN_MODULE:-}" ] || set -- "$@" -pkcs11module "$INTRAY_SIGN_MODULE"
else
	echo "not signed (INTRAY_SIGN_PKCS12 and INTRAY_SIGN_CERT are not set): $file" >&2
	exit 0
fi
[ -z "${INTRAY_SIGN_PASSFILE:-}" ] || set -- "$@" -readpass "$INTRAY_SIGN_PASSFILE"
[ -z "${INTRAY_SIGN_TIME:-}" ] || set -- "$@" -ts "$INTRAY_SIGN_TIME"
osslsigncode sign -h sha256 -n Intray "$@" -in "$file" -out "$file.signed"
osslsigncode verify -CAfile "${INTRAY_SIGN_CA:-/etc/ssl/certs/ca-certificates.crt}" -in "$file.signed" >&2
mv "$file.signed" "$file"
