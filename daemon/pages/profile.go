package pages

import "encoding/binary"

// maxProfile bounds a colour profile, in bytes; printers' profiles are the
// largest, at one or two megabytes.
const maxProfile = 4 << 20

// fittingProfile returns an ICC profile that describes pictures of so many
// colours and that PDF takes (ICC.1:2010, 7.2; ISO 32000-1, 8.6.5.5), else nil:
// the picture is then shown in the device's own colours, as most viewers do.
func fittingProfile(icc []byte, colours int) []byte {
	if len(icc) < 132 || len(icc) > maxProfile || int(binary.BigEndian.Uint32(icc)) > len(icc) {
		return nil
	}
	icc = icc[:binary.BigEndian.Uint32(icc)]
	space := map[int]string{1: "GRAY", 3: "RGB ", 4: "CMYK"}[colours]
	if len(icc) < 132 || string(icc[36:40]) != "acsp" || string(icc[16:20]) != space || icc[8] > 4 {
		return nil
	}
	switch string(icc[12:16]) { // input, display, output, colour space
	case "scnr", "mntr", "prtr", "spac":
		return icc
	}
	return nil
}
