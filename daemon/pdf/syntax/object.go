// Package syntax reads the syntax of PDF: objects, content streams and whole
// files (ISO 32000-1, clauses 7.2 to 7.5 and 7.8). It reads strictly and
// repairs nothing: a file it refuses may still be one that viewers show.
//
// It bounds what it takes of hostile input, and reads streams only when asked,
// so that a file of a thousand scans costs little memory. It knows nothing of
// what the objects mean.
package syntax

import (
	"errors"
	"fmt"
)

// Object is nil (null), bool, int64, float64, Name, String, Ref, Dict, Array or
// *Stream.
type Object any

// Name is a name object without its slash, its #-escapes resolved.
type Name string

// String is the bytes of a literal or hexadecimal string.
type String string

// Ref is an indirect reference.
type Ref struct{ Number, Generation int }

// Dict is a dictionary.
type Dict map[Name]Object

// Array is an array.
type Array []Object

// Stream is a stream object: its dictionary and where its bytes stand in the
// file. Decode reads them.
type Stream struct {
	Dict   Dict
	Offset int64
	Length int64
}

// Faults are deviations that ISO 19005-2, 6.1, forbids and readers forgive.
type Faults uint32

// The faults. Limits are those of 6.1.13.
const (
	FaultHexOdd        Faults = 1 << iota // 6.1.6: a hexadecimal string with an odd number of digits
	FaultHexDigit                         // 6.1.6: something else in a hexadecimal string
	FaultInteger                          // 6.1.13: an integer beyond 32 bits
	FaultReal                             // 6.1.13: a real number out of range
	FaultNumber                           // 7.3.3: a number written wrongly
	FaultString                           // 6.1.13: a string longer than 32767 bytes
	FaultName                             // 6.1.13: a name longer than 127 bytes, or one written wrongly
	FaultDuplicateKey                     // 7.3.7: a key twice in a dictionary
	FaultSpacing                          // 6.1.9: white space around obj and endobj
	FaultStreamKeyword                    // 6.1.7.1: ends of line at stream and endstream
	FaultStreamLength                     // 6.1.7.1: Length
	FaultXRefSpacing                      // 6.1.4: white space in a cross-reference table
)

// Limits of what is read.
const (
	maxDepth    = 64
	maxElements = 1 << 20 // of one array or dictionary
)

var (
	// ErrSyntax is in the chain of every complaint about bytes that are no PDF.
	ErrSyntax = errors.New("PDF syntax error")
	errMany   = fmt.Errorf("%w: the objects are too many to hold", ErrSyntax)
	errEnd    = fmt.Errorf("%w: the data end within an object", ErrSyntax)
)
