package extract

import (
	"intray/daemon/config"
	"intray/daemon/document"
)

type tableRule struct{ config.Table }

func compileTable(t config.Table) tableRule { return tableRule{t} }

type openTable struct{ table document.Table }

func (x *search) readTables(s sheet) {}
