package intake

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"intray/daemon/durable"
)

// Room keeps some space free where originals are stored: below it nothing is
// taken in, and files wait in their hot folders. It may be used in parallel.
type Room struct {
	// Dir is where to ask; MinFree is how many bytes must stay free.
	Dir     string
	MinFree uint64
	Log     *slog.Logger

	mu  sync.Mutex
	why string
}

// waitForRoom is how soon a file that found no room asks again.
const waitForRoom = 10 * time.Second

// Paused says why nothing is taken in; "" while there is room. It looks anew.
func (r *Room) Paused() string { return r.look(0) }

// said is true while the log's last word was that there is no room.
func (r *Room) said() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.why != ""
}

// check is an *Again when there is no room for so many bytes. The numbers, which
// change all the time, are its cause: the reason is said once.
func (r *Room) check(size int64) error {
	if why := r.look(uint64(max(size, 0))); why != "" {
		return &Again{After: waitForRoom, Reason: "there is no room for it", Cause: errors.New(why)}
	}
	return nil
}

// look says what lacks, and logs when that begins and ends.
func (r *Room) look(size uint64) string {
	free, err := durable.Free(r.Dir)
	r.mu.Lock()
	defer r.mu.Unlock()
	lacks := err == nil && free < r.MinFree // a file system that does not say is no reason to stop
	switch {
	case lacks:
		why := fmt.Sprintf("only %d MB are free where originals are stored (%s); %d MB must stay free (min_free_mb)",
			free>>20, r.Dir, r.MinFree>>20)
		if r.why == "" {
			r.Log.Error("No more files are taken in until there is room.", "why", why)
		}
		r.why = why
		return why
	case r.why != "":
		r.why = ""
		r.Log.Info("There is room again; files are taken in.", "free_mb", free>>20)
	}
	if err == nil && free < r.MinFree+size {
		const mb = 1 << 20
		return fmt.Sprintf("the file has %.1f MB, only %.1f MB are free where originals are stored (%s) and %d MB must stay free (min_free_mb)",
			float64(size)/mb, float64(free)/mb, r.Dir, r.MinFree/mb)
	}
	return ""
}
