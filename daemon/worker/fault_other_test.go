//go:build !unix

package worker

const faultWords = ""

func addFault(map[string]Handler) {}
