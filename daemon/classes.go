package daemon

import (
	"errors"
	"fmt"

	"intray/daemon/config"
	"intray/daemon/validate"
)

// compileClasses makes the classes' rules ready, so that one that means nothing
// is told at the start, with file and line.
func compileClasses(cfg *config.Config) (map[string]*validate.Class, error) {
	out := map[string]*validate.Class{}
	for i, c := range cfg.Classes {
		compiled, err := validate.Compile(c)
		if err != nil {
			key := fmt.Sprintf("class.%d.unique", i)
			if e, ok := errors.AsType[*validate.RuleError](err); ok {
				key = fmt.Sprintf("class.%d.rule.%d.check", i, e.Index)
			}
			return nil, usage(cfg.Complaint(key, err.Error()))
		}
		out[c.Name] = compiled
	}
	return out, nil
}
