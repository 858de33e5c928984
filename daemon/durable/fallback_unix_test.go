//go:build unix

package durable_test

import (
	"testing"

	"intray/daemon/durable"
)

func TestRenameNoReplaceWithoutTheFlag(t *testing.T) { renameSuite(t, durable.LinkRename) }

func TestRenameNoReplaceWithoutLinks(t *testing.T) { renameSuite(t, durable.LookRename) }
