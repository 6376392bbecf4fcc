package main

import (
	"context"
	"database/sql"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/riverqueue"
	"github.com/seed-51359b35/recovery/sqlstore"
)

// A sqlTarget is a database that the command line names.
type sqlTarget struct {
	dialect sqlstore.Dialect
	name    string // what it is, without a password
	open    func() (*sql.DB, error)
	// pool is for the durable queue on PostgreSQL, and nil on SQLite.
	pool func(ctx context.Context) (*pgxpool.Pool, error)
}

// parsePostgresURL reads a URL as libpq and pgx know it. Errors never repeat it,
// because it may hold a password.
func parsePostgresURL(raw string) (*sqlTarget, error) {
	if !strings.HasPrefix(raw, "postgres://") && !strings.HasPrefix(raw, "postgresql://") {
		return nil, errors.New("must begin with postgres://")
	}
	config, err := pgxpool.ParseConfig(raw)
	if err != nil {
		return nil, errNotURL
	}
	server := config.ConnConfig
	return &sqlTarget{
		dialect: sqlstore.PostgreSQL,
		name:    fmt.Sprintf("the PostgreSQL at %s:%d, database %s", server.Host, server.Port, server.Database),
		open:    func() (*sql.DB, error) { return stdlib.OpenDB(*server), nil },
		pool:    func(ctx context.Context) (*pgxpool.Pool, error) { return pgxpool.NewWithConfig(ctx, config) },
	}, nil
}

// sqliteFile is a file that is made where there is none.
func sqliteFile(path string) (*sqlTarget, error) {
	// An absolute path is never taken for one of SQLite's special names.
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	return &sqlTarget{
		dialect: sqlstore.SQLite, name: "the file " + path,
		open: func() (*sql.DB, error) {
			if err := ownFile(path); err != nil {
				return nil, err
			}
			// WAL lets readers and the one writer work at the same time. A
			// transaction that will write waits for its turn when it begins,
			// because SQLite refuses one that read first and then wants to write.
			return sql.Open("sqlite", "file:"+(&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()+
				"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_txlock=immediate")
		},
	}, nil
}

// ownFile makes a file that nobody else can read, because the demo's keys are
// kept in it. SQLite gives the files beside it the same mode.
func ownFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return &fs.PathError{Op: "open", Path: path, Err: errors.New("is no file")}
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return &fs.PathError{Op: "open", Path: path, Err: errors.New("others may read it, and it holds keys: chmod 600")}
	}
	return nil
}

const (
	// sqlConnections are the connections of one instance to its database.
	sqlConnections = 20
	// sqlStartTimeout is how long a database has at the start, where instances
	// wait for the one that makes the tables.
	sqlStartTimeout = 30 * time.Second
)

// sqlStorage keeps everything in one database, but the messages. They are there
// too if they are to be durable.
func sqlStorage(ctx context.Context, target *sqlTarget, durable bool, seeds []seed, log *slog.Logger) (_ *storage, err error) {
	db, err := target.open()
	if err != nil {
		return nil, fmt.Errorf("cannot use %s: %w", target.name, err)
	}
	db.SetMaxOpenConns(sqlConnections)
	db.SetMaxIdleConns(sqlConnections)
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("cannot use %s: %w", target.name, err), db.Close())
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, sqlStartTimeout)
	defer cancel()
	if err := sqlstore.Migrate(ctx, db, target.dialect); err != nil {
		return nil, err
	}
	key, err := plantSQL(ctx, db, target.dialect, seeds)
	if err != nil {
		return nil, err
	}
	leads, err := newSQLLeads(ctx, db, target.dialect, log)
	if err != nil {
		return nil, err
	}
	store, err := sqlstore.New(db, target.dialect, sqlstore.Options{Logger: log})
	if err != nil {
		return nil, err
	}
	n, err := newNames(demoPrefix, key)
	if err != nil {
		return nil, err
	}
	s := &storage{
		key: key, prefix: demoPrefix, leads: leads, sessions: &sqlSessions{db},
		tokens: store, limiter: store, guesses: hashedLimiter{store, n}, close: db.Close,
	}
	if !durable {
		return s, nil
	}
	if target.pool != nil {
		err = riverQueues(ctx, target, s, log)
	} else {
		err = sqliteQueues(db, s, log)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// sqliteQueues keeps the messages of a storage in its file.
func sqliteQueues(db *sql.DB, s *storage, log *slog.Logger) (err error) {
	if s.queue, err = sqlstore.NewQueue(db, sqlstore.SQLite, sqlstore.QueueOptions{Name: demoPrefix, Logger: log}); err != nil {
		return err
	}
	// One after another, as on Redis.
	s.delivery, err = sqlstore.NewQueue(db, sqlstore.SQLite, sqlstore.QueueOptions{Name: demoPrefix + "-deliveries", Workers: 1, Logger: log})
	return err
}

// riverQueues keeps the messages of a storage in its database.
func riverQueues(ctx context.Context, target *sqlTarget, s *storage, log *slog.Logger) error {
	// The pool outlives the start, which ctx bounds.
	pool, err := target.pool(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	err = riverqueue.Migrate(ctx, pool)
	if err == nil {
		s.queue, err = riverqueue.New(pool, riverqueue.Options{Name: demoPrefix, Logger: log})
	}
	if err == nil {
		// One after another, as on Redis.
		s.delivery, err = riverqueue.New(pool, riverqueue.Options{Name: demoPrefix + "-deliveries", Workers: 1, Logger: log})
	}
	if err != nil {
		pool.Close()
		return err
	}
	closeDatabase := s.close
	s.close = func() error {
		pool.Close()
		return closeDatabase()
	}
	return nil
}

// schemaSQL are the demo's own tables, on PostgreSQL and SQLite alike.
//
//go:embed schema.sql
var schemaSQL string

// plantLock is a number that no other program uses for a lock.
const plantLock = 5_120_447_113_902_661

// plantSQL makes the demo's tables, its key and its people where they are
// missing, in one transaction, so that instances may start at once. It returns
// the key.
func plantSQL(ctx context.Context, db *sql.DB, dialect sqlstore.Dialect, seeds []seed) (key []byte, err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }() // without effect after Commit
	if dialect == sqlstore.PostgreSQL {
		// CREATE TABLE IF NOT EXISTS fails where another one runs.
		if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", int64(plantLock)); err != nil {
			return nil, err
		}
	}
	for statement := range strings.SplitSeq(schemaSQL, ";") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return nil, err
		}
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO recovery_example_key (id, key) VALUES (1, $1) ON CONFLICT DO NOTHING",
		base64.StdEncoding.EncodeToString(recovery.NewKey())); err != nil {
		return nil, err
	}
	var stored string
	if err := tx.QueryRowContext(ctx, "SELECT key FROM recovery_example_key WHERE id = 1").Scan(&stored); err != nil {
		return nil, err
	}
	for _, e := range seeds {
		if err := addSQLLead(ctx, tx, e); err != nil {
			return nil, err
		}
	}
	if err := tx.Commit(); err != nil {
		return nil, err
	}
	return recovery.ParseKey(stored)
}
