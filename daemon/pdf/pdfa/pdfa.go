// Package pdfa knows what ISO 19005-2 (PDF/A-2) asks of a file at level B: it
// makes the colour profiles and metadata a file needs for the claim, and checks
// whether a finished file keeps what it claims.
//
// The check is meant to be wrong on one side only: what it cannot look into
// counts as a violation, so that no false claim is made. It reads untrusted
// bytes and therefore runs only in worker processes. It changes no file.
package pdfa
