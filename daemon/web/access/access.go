// Package access is who asks on the local page and API, and what they may do.
//
// It proves nobody's password on its own account of the network; the web server
// puts the proven Caller into a request's context, and the rooms behind ask Of.
package access

import "context"

// Role is what a caller may do; each includes those before it.
type Role int

// The roles. Nobody is a caller who has proven nothing.
const (
	Nobody   Role = iota
	Reader        // sees documents and figures
	Reviewer      // decides on documents in review, uploads
	Admin         // retries, purges, backs up
)

// Caller is a proven one. Name goes into the history of documents as actor.
type Caller struct {
	Role Role
	Name string
}

// May says whether the caller has the role.
func (c Caller) May(r Role) bool { return c.Role >= r }

type key struct{}

// With puts a caller into a context.
func With(ctx context.Context, c Caller) context.Context { return context.WithValue(ctx, key{}, c) }

// Of is the context's caller; the zero Caller if none was proven.
func Of(ctx context.Context) Caller {
	c, _ := ctx.Value(key{}).(Caller)
	return c
}

// String is the role's word in the configuration.
func (r Role) String() string {
	switch r {
	case Reader:
		return "reader"
	case Reviewer:
		return "reviewer"
	case Admin:
		return "admin"
	}
	return "nobody"
}

// Named is the role with this word; ok is false if there is none.
func Named(word string) (r Role, ok bool) {
	for r = Reader; r <= Admin; r++ {
		if r.String() == word {
			return r, true
		}
	}
	return Nobody, false
}
