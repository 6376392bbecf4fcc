package sqlstore

import (
	"context"
	"database/sql"
	"log/slog"
	"sync"
	"time"
)

// A cleaner frees expired rows, in small bites, while the store is used. It
// walks over the rows in the order of their names, so the table needs no index
// of expiries. Such an index would make every write dearer: on PostgreSQL a row
// whose indexed columns stay as they were is updated in place.
type cleaner struct {
	db         *sql.DB
	statements statements
	timeout    time.Duration
	logger     *slog.Logger
	told       sync.Once // that the user may not delete

	mu      sync.Mutex
	running bool
	due     int       // rows written since the last bite
	last    time.Time // of the last bite
	after   string    // the name up to which it has walked
}

const (
	// biteSize is how many rows a bite looks at. It is several times biteEvery,
	// so the walk is faster than the table can grow.
	biteSize  = 256
	biteEvery = 64
	// bitePause is the longest time between two bites while the store is used.
	bitePause = time.Second
	// mostBites is how many bites follow one another where many rows have
	// expired.
	mostBites = 16
)

// wrote is told that rows were written.
func (c *cleaner) wrote(rows int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.due += rows
	if c.running || c.due < biteEvery && time.Since(c.last) < bitePause {
		return
	}
	c.running, c.due, c.last = true, 0, time.Now()
	go c.run()
}

func (c *cleaner) run() {
	ctx, cancel := context.WithTimeout(context.Background(), c.timeout)
	defer cancel()
	for range mostBites {
		expired, err := c.bite(ctx)
		switch {
		case isDenied(err):
			c.told.Do(func() {
				c.logger.Warn("sqlstore: the database user may not delete expired rows, so the tables grow. It needs DELETE", "error", err)
			})
		case err != nil:
			// The next bite tries again.
			c.logger.Debug("sqlstore: expired rows were not freed", "error", err)
		}
		if expired < biteSize/4 {
			break
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running = false
}

// bite looks at the next rows, and frees those that have expired.
func (c *cleaner) bite(ctx context.Context) (expired int, err error) {
	rows, now, err := c.statements.page(ctx, c.db, c.after, biteSize)
	if err != nil {
		return 0, err
	}
	var names []string
	for _, r := range rows {
		if r.expires <= now {
			names = append(names, r.name)
		}
	}
	if len(rows) < biteSize {
		c.after = ""
	} else {
		c.after = rows[len(rows)-1].name
	}
	if len(names) == 0 {
		return 0, nil
	}
	return len(names), c.statements.free(ctx, c.db, names, now)
}
