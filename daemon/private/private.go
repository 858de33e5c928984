// Package private keeps files and folders to the account that Intray runs under:
// there are tokens, originals and the text of an office's papers in them.
//
// On Unix the modes that files are made with do that. On Windows a folder in
// ProgramData lets everybody on the machine read and add files unless it is told
// otherwise, and here it is told. The package asks nobody for more rights and
// leaves folders alone that somebody gave rights of their own.
package private
