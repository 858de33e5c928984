package ledger

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	bolt "go.etcd.io/bbolt"
)

// Tally is one thing that is counted: What happened to Name of Group, such as
// the field "total" of the class "invoice" being "corrected".
type Tally struct{ Group, Name, What string }

// mostNames bounds the names counted in one group; later ones are counted
// together as OtherNames. longestName bounds one, in bytes.
const (
	mostNames   = 500
	longestName = 100
)

// OtherNames stands for all names past the first in a group.
const OtherNames = "(others)"

// Counting has a move count, in its own transaction: what is counted happened,
// and once.
func (m Move) Counting(tallies ...Tally) Move {
	m.tallies = append(m.tallies[:len(m.tallies):len(m.tallies)], tallies...)
	return m
}

// Tallies are all counts so far.
func (l *Ledger) Tallies() (map[Tally]int, error) {
	out := map[Tally]int{}
	err := l.view(func(tx *bolt.Tx) error {
		return tx.Bucket(bucketTallies).ForEach(func(k, v []byte) error {
			parts := strings.Split(string(k), "\x00")
			if len(parts) == 3 && len(v) == 8 {
				out[Tally{parts[0], parts[1], parts[2]}] = int(binary.BigEndian.Uint64(v))
			}
			return nil
		})
	})
	return out, err
}

func tally(tx *bolt.Tx, tallies []Tally) error {
	for _, t := range tallies {
		if err := tallyBy(tx, t, 1); err != nil {
			return err
		}
	}
	return nil
}

// tallyBy counts one thing n times.
func tallyBy(tx *bolt.Tx, t Tally, n int) error {
	bucket := tx.Bucket(bucketTallies)
	add := func(key []byte, n int) error { return bucket.Put(key, number(uint64(numberOf(bucket.Get(key))+n))) }
	clean := strings.NewReplacer("\x00", " ")
	name := clean.Replace(t.Name)
	name = strings.ToValidUTF8(name[:min(len(name), longestName)], "")
	prefix := []byte(t.Group + "\x00" + name + "\x00")
	if k, _ := bucket.Cursor().Seek(prefix); !bytes.HasPrefix(k, prefix) {
		names := []byte(t.Group + "\x00")
		if numberOf(bucket.Get(names)) >= mostNames {
			prefix = []byte(t.Group + "\x00" + OtherNames + "\x00")
		} else if err := add(names, 1); err != nil {
			return fmt.Errorf("count names: %w", err)
		}
	}
	if err := add(append(prefix, t.What...), n); err != nil {
		return fmt.Errorf("count: %w", err)
	}
	return nil
}
