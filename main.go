// Command intray is the OCR in-tray of an office: it turns scans dropped into
// hot folders into searchable PDFs and JSON. This file does nothing but hand
// over to package daemon.
package main

import (
	"os"

	"intray/daemon"
)

func main() { os.Exit(daemon.Main(os.Args[1:])) }
