package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"time"
)

// sqlSessions is the [sessionStore] in a table. A session counts while its
// epoch is the lead's, so one statement ends all of them at once, also one that
// a log-in opens in the same moment.
type sqlSessions struct{ db *sql.DB }

var _ sessionStore = (*sqlSessions)(nil)

// openSessions are the sessions that count at the time $1.
const openSessions = `SELECT s.digest, s.lead_id, s.started
	FROM recovery_example_sessions s JOIN recovery_example_leads l ON l.id = s.lead_id AND l.session_epoch = s.epoch
	WHERE s.started > $1`

// oldestStart is when the oldest session that counts can have started.
func oldestStart() int64 { return time.Now().Add(-sessionTTL).UnixMilli() }

func (s *sqlSessions) epoch(ctx context.Context, leadID string) (epoch string, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT session_epoch FROM recovery_example_leads WHERE id = $1", leadID).Scan(&epoch)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil // a log-in by nobody
	}
	return epoch, err
}

func (s *sqlSessions) open(ctx context.Context, leadID, epoch string) (e session, secret string, ok bool, err error) {
	if _, err := s.db.ExecContext(ctx, "DELETE FROM recovery_example_sessions WHERE started <= $1", oldestStart()); err != nil {
		return session{}, "", false, err
	}
	secret = rand.Text()
	digest := digestOf(secret)
	e = newSession(leadID, digest)
	result, err := s.db.ExecContext(ctx, `INSERT INTO recovery_example_sessions (digest, lead_id, epoch, started)
		SELECT CAST($1 AS TEXT), id, session_epoch, CAST($2 AS BIGINT)
		FROM recovery_example_leads WHERE id = $3 AND session_epoch = $4`,
		digest, e.Started.UnixMilli(), leadID, epoch)
	if err != nil {
		return session{}, "", false, err
	}
	if opened, err := result.RowsAffected(); opened != 1 || err != nil {
		return session{}, "", false, err
	}
	return e, secret, true, nil
}

// EndSessions implements [recovery.SessionEnder].
func (s *sqlSessions) EndSessions(ctx context.Context, leadID string) error {
	if _, err := s.db.ExecContext(ctx, "UPDATE recovery_example_leads SET session_epoch = $1 WHERE id = $2", rand.Text(), leadID); err != nil {
		return err
	}
	// They have ended. This frees their rows.
	_, err := s.db.ExecContext(ctx, `DELETE FROM recovery_example_sessions WHERE lead_id = $1
		AND epoch <> (SELECT session_epoch FROM recovery_example_leads WHERE id = $1)`, leadID)
	return err
}

func (s *sqlSessions) find(ctx context.Context, secret string) (session, bool, error) {
	all, err := s.query(ctx, openSessions+" AND s.digest = $2", oldestStart(), digestOf(secret))
	if len(all) != 1 || err != nil {
		return session{}, false, err
	}
	return all[0], true, nil
}

func (s *sqlSessions) list(ctx context.Context) ([]session, error) {
	all, err := s.query(ctx, openSessions, oldestStart())
	return oldestFirst(all), err
}

func (s *sqlSessions) query(ctx context.Context, query string, args ...any) (all []session, err error) {
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var digest, leadID string
		var started int64
		if err := rows.Scan(&digest, &leadID, &started); err != nil {
			return nil, err
		}
		e := newSession(leadID, digest)
		e.Started = time.UnixMilli(started).UTC()
		all = append(all, e)
	}
	return all, rows.Err()
}
