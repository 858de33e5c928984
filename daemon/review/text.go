package review

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// decodeText reads what a text editor wrote: UTF-8 or UTF-16 with or without a
// byte order mark, else Windows-1252. plain is false for all but UTF-8 without
// a mark.
func decodeText(data []byte) (text string, plain bool) {
	switch {
	case bytes.HasPrefix(data, []byte("\xEF\xBB\xBF")):
		return strings.ToValidUTF8(string(data[3:]), "\uFFFD"), false
	case bytes.HasPrefix(data, []byte("\xFF\xFE")):
		return decode16(data[2:], binary.LittleEndian), false
	case bytes.HasPrefix(data, []byte("\xFE\xFF")):
		return decode16(data[2:], binary.BigEndian), false
	}
	if little, big := zeros(data); little || big {
		if big {
			return decode16(data, binary.BigEndian), false
		}
		return decode16(data, binary.LittleEndian), false
	}
	if utf8.Valid(data) {
		return string(data), true
	}
	latin, err := charmap.Windows1252.NewDecoder().Bytes(data)
	if err != nil {
		return strings.ToValidUTF8(string(data), "\uFFFD"), false
	}
	return string(latin), false
}

// zeros tells UTF-16 without a mark by its zero bytes: most letters of our
// languages have one, in a place that tells the byte order.
func zeros(data []byte) (little, big bool) {
	odd, even := 0, 0
	for i, b := range data {
		if b == 0 && i%2 == 1 {
			odd++
		} else if b == 0 {
			even++
		}
	}
	most := len(data) / 4
	return odd > most && odd > even, even > most && even > odd
}

func decode16(data []byte, order binary.ByteOrder) string {
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = order.Uint16(data[2*i:])
	}
	return string(utf16.Decode(units))
}
