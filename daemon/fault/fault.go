// Package fault names the moments at which a crash is tested: in a program
// built with the tag "faults" it dies, as from a power cut, when it comes to
// the point that INTRAY_FAULT names. In any other build it is nothing.
//
// A point stands between two steps that a crash must not be able to part. It
// changes nothing else: there are no injected errors here.
package fault
