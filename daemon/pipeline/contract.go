package pipeline

import (
	"fmt"
	"slices"
	"strings"

	"intray/daemon/config"
	"intray/daemon/pages"
	"intray/engines"
	"intray/ledger"
)

// contract checks what can be known without opening the file.
func (p *Pipeline) contract(doc ledger.Document) *engines.Error {
	switch limit := int64(p.Config.Limits.MaxFileMB) << 20; {
	case doc.Size == 0:
		return &engines.Error{Kind: engines.Terminal, Code: engines.CodeEmpty,
			Sentence: "The file is empty. Scan or copy it again."}
	case doc.MIME == "":
		return &engines.Error{Kind: engines.Terminal, Code: engines.CodeUnsupported,
			Sentence: "The file's content is none of " + pages.TypeNames + ", whatever its name says."}
	case limit > 0 && doc.Size > limit:
		return &engines.Error{Kind: engines.Terminal, Code: engines.CodeTooLarge,
			Sentence: fmt.Sprintf("The file has %d MB; the limit is %d MB (limits.max_file_mb).", doc.Size>>20, p.Config.Limits.MaxFileMB)}
	}
	return p.folderContract(doc)
}

// folderContract checks what the document's folder asks for.
func (p *Pipeline) folderContract(doc ledger.Document) *engines.Error {
	folder, err := p.folder(doc.Folder)
	if err != nil || len(doc.Pieces) > 0 {
		return nil // it waits for its folder, or the file it is a part of was checked
	}
	accepted := len(folder.Accept) == 0 || slices.ContainsFunc(folder.Accept, func(word string) bool { return pages.Named(word) == doc.MIME })
	switch limit := int64(folder.MaxFileMB) << 20; {
	case !accepted:
		return &engines.Error{Kind: engines.Terminal, Code: engines.CodeUnsupported, Sentence: fmt.Sprintf(
			"The folder %q takes only %s, and this is a file of type %s.", folder.Name, strings.Join(folder.Accept, ", "), doc.MIME)}
	case limit > 0 && doc.Size > limit:
		return &engines.Error{Kind: engines.Terminal, Code: engines.CodeTooLarge, Sentence: fmt.Sprintf(
			"The file has %.1f MB; the limit of the folder %q is %d MB (max_file_mb).", float64(doc.Size)/(1<<20), folder.Name, folder.MaxFileMB)}
	}
	return nil
}

// tooLong refuses a document with more pages than its folder takes.
func tooLong(folder config.Folder, pages int) *engines.Error {
	if folder.MaxPages == 0 || pages <= folder.MaxPages {
		return nil
	}
	return &engines.Error{Kind: engines.Terminal, Code: engines.CodeTooLarge, Sentence: fmt.Sprintf(
		"The file has %d pages; the limit of the folder %q is %d (max_pages).", pages, folder.Name, folder.MaxPages)}
}
