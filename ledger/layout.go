// Package ledger is the durable truth about every document: its state, its
// attempts, the events that led there, and the work that is due.
//
// It is one bbolt file. Every change of a document is one transaction that
// moves its state, its indexes and its history together, so that after a crash
// they agree. States change only by the Moves of one table (state.go). The
// ledger knows no files and no engines; it stores what it is told and says
// what is due.
//
// Key layout. A document id is a UUIDv7 as 36 characters; times are 8 bytes,
// big-endian nanoseconds since 1970; sequence numbers are 8 bytes, big-endian.
//
//	meta
//	  schema                         -> number of migrations applied, 8 bytes
//	  identity                       -> eight characters of its own
//	documents
//	  <id>                           -> Document, JSON
//	attempts
//	  <id> <number>                  -> Attempt, JSON
//	events
//	  <id> <sequence>                -> Event, JSON
//	by_state
//	  <state> 00 <id>                -> empty
//	by_folder
//	  <folder> 00 <id>               -> empty
//	by_folder_state
//	  <folder> 00 <state> 00 <id>    -> empty
//	by_name
//	  <folded name> 00 <id>          -> empty   the file's name, see fold
//	by_sha256
//	  <sha256, 64 hex> <id>          -> empty
//	due
//	  <time> <id>                    -> empty   received (and not under a claim), validated, failed_retryable,
//	                                            submitted_to_provider
//	leased
//	  <time> <id>                    -> empty   submitting, processing, until when
//	uncleared
//	  <folder> 00 <path> 00 <id>     -> empty   recorded, still in the hot folder
//	seen
//	  <folder> 00 <path>             -> Sighting, JSON   files that stay in their hot folder
//	purging
//	  <id>                           -> empty   being removed; it takes no other move
//	outbox
//	  <message id>                   -> Message, JSON   to be told, or given up
//	outbox_due
//	  <time> <message id>            -> empty   those that are not given up
//	deciding
//	  <id>                           -> empty   a person's decision is being carried out
//	business
//	  <digest, 64 hex>               -> id of the document that had this business key first
//	jobs
//	  <engine> 00 <job> 00 <id>      -> empty   the document a provider's job is about
//	callbacks
//	  <engine> 00 <digest>           -> Callback, JSON   what providers announced, by its content
//	parked
//	  <engine> 00 <job>              -> when it came, JSON   announced, but not known as a job yet
//	spent
//	  <scope> 00 <period>            -> pages sent to providers, 8 bytes
//	tallies
//	  <group> 00                     -> number of names in the group, 8 bytes
//	  <group> 00 <name> 00 <what>    -> how often it happened, 8 bytes
//	counts
//	  <state>                        -> number of documents, 8 bytes
//	folder_counts
//	  <folder> 00 <state>            -> number of documents, 8 bytes
//	keys
//	  <key>                          -> arrivalKey, JSON   the arrival that came with it
//	changed
//	  <id>                           -> the document's version, 8 bytes; not followed up yet, see Changed
package ledger

import (
	"encoding/binary"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"
)

var (
	bucketMeta          = []byte("meta")
	bucketDocuments     = []byte("documents")
	bucketAttempts      = []byte("attempts")
	bucketEvents        = []byte("events")
	bucketByState       = []byte("by_state")
	bucketByFolder      = []byte("by_folder")
	bucketByFolderState = []byte("by_folder_state")
	bucketByName        = []byte("by_name")
	bucketBySHA256      = []byte("by_sha256")
	bucketDue           = []byte("due")
	bucketLeased        = []byte("leased")
	bucketUncleared     = []byte("uncleared")
	bucketSeen          = []byte("seen")
	bucketPurging       = []byte("purging")
	bucketOutbox        = []byte("outbox")
	bucketOutboxDue     = []byte("outbox_due")
	bucketCounts        = []byte("counts")
	bucketDeciding      = []byte("deciding")
	bucketBusiness      = []byte("business")
	bucketTallies       = []byte("tallies")
	bucketJobs          = []byte("jobs")
	bucketCallbacks     = []byte("callbacks")
	bucketParked        = []byte("parked")
	bucketSpent         = []byte("spent")
	bucketFolderCounts  = []byte("folder_counts")
	bucketChanged       = []byte("changed")
	bucketKeys          = []byte("keys")

	keySchema   = []byte("schema")
	keyIdentity = []byte("identity")
)

// dataBuckets are all buckets of schema 1 but meta.
func dataBuckets() [][]byte {
	return [][]byte{bucketDocuments, bucketAttempts, bucketEvents, bucketByState, bucketBySHA256,
		bucketDue, bucketLeased, bucketUncleared, bucketCounts}
}

// listBuckets came with schema 2, so that no list reads more than it shows.
func listBuckets() [][]byte {
	return [][]byte{bucketByFolder, bucketByFolderState, bucketByName, bucketSeen, bucketPurging}
}

// outboxBuckets came with schema 3.
func outboxBuckets() [][]byte { return [][]byte{bucketOutbox, bucketOutboxDue} }

// reviewBuckets came with schema 4: decisions, business keys, what was counted.
func reviewBuckets() [][]byte { return [][]byte{bucketDeciding, bucketBusiness, bucketTallies} }

// providerBuckets came with schema 5: jobs at providers and what they cost.
func providerBuckets() [][]byte {
	return [][]byte{bucketJobs, bucketCallbacks, bucketParked, bucketSpent}
}

// followBuckets came with schema 6.
func followBuckets() [][]byte { return [][]byte{bucketFolderCounts, bucketChanged} }

// keyBuckets came with schema 7.
func keyBuckets() [][]byte { return [][]byte{bucketKeys} }

// indexBuckets hold what follows from the documents; see indexes.
func indexBuckets() [][]byte {
	return [][]byte{bucketByState, bucketByFolder, bucketByFolderState, bucketByName, bucketBySHA256,
		bucketDue, bucketLeased, bucketUncleared, bucketDeciding, bucketJobs}
}

const idLength = 36

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func instant(t time.Time) []byte {
	if t.IsZero() || t.UnixNano() < 0 {
		return number(0)
	}
	return number(uint64(t.UnixNano()))
}

func numbered(id string, n uint64) []byte { return append([]byte(id), number(n)...) }
func timed(t time.Time, id string) []byte { return append(instant(t), id...) }
func stateKey(s State, id string) []byte  { return []byte(string(s) + "\x00" + id) }
func nameKey(name, id string) []byte      { return []byte(fold(name) + "\x00" + id) }
func jobKey(engine, job, id string) []byte {
	return []byte(engine + "\x00" + job + "\x00" + id)
}
func sumKey(sum, id string) []byte { return []byte(sum + id) }
func pathKey(folder, path, id string) []byte {
	return []byte(folder + "\x00" + path + "\x00" + id)
}

// fold makes names that people take for the same equal: letter case and the
// two ways Unicode writes an accented letter (NFC and NFD) do not matter.
func fold(name string) string { return norm.NFC.String(strings.ToLower(norm.NFC.String(name))) }

func folderKey(folder, rest string) []byte { return []byte(folder + "\x00" + rest) }

// lastID is the document id at the end of an index key.
func lastID(key []byte) string {
	if len(key) < idLength {
		return ""
	}
	return string(key[len(key)-idLength:])
}
