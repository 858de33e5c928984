package engines

import (
	"errors"
	"slices"
)

// CodeEnvironment is for what keeps any document from going on: a full disk, a
// folder that may not be written, too many open files. It is not the
// document's fault and uses up none of its tries.
const CodeEnvironment = "environment"

// Environment is true for such an error of the operating system, however
// deep in err's chain, and for an *Error with CodeEnvironment.
func Environment(err error) bool {
	if e, ok := errors.AsType[*Error](err); ok && e.Code == CodeEnvironment {
		return true
	}
	return slices.ContainsFunc(environmentErrors(), func(target error) bool { return errors.Is(err, target) })
}
