package riverqueue

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// migrateLock is the key of the advisory lock that lets one instance migrate at
// a time. It is random.
const migrateLock = 0x5d1c0a7e61b3f204

// Migrate makes River's tables, or brings them to the version that this package
// needs. It does nothing if they are there, and any number of instances may
// call it at once. It needs two connections of the pool. A host that has River
// already, or uses another tool, migrates as River's documentation says and does
// not call Migrate.
func Migrate(ctx context.Context, pool *pgxpool.Pool) error {
	tx, err := pool.Begin(ctx)
	if err != nil {
		return fmt.Errorf("riverqueue: %w", err)
	}
	// A lock of the transaction, because PgBouncer may pool transactions.
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(migrateLock)); err != nil {
		return fmt.Errorf("riverqueue: %w", err)
	}
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("riverqueue: %w", err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("riverqueue: %w", err)
	}
	return nil
}
