-- +goose Up
-- The tables of package sqlstore, for MySQL 8 and MariaDB 10.6 or later. Every
-- column is explained in doc.go.

CREATE TABLE IF NOT EXISTS recovery_limits (
	name     VARBINARY(128) NOT NULL PRIMARY KEY,
	record   MEDIUMBLOB     NOT NULL,
	revision BIGINT         NOT NULL,
	previous BIGINT         NOT NULL,
	expires  BIGINT         NOT NULL
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS recovery_tokens (
	name     VARBINARY(128) NOT NULL PRIMARY KEY,
	record   MEDIUMBLOB     NOT NULL,
	revision BIGINT         NOT NULL,
	previous BIGINT         NOT NULL,
	expires  BIGINT         NOT NULL
) ENGINE = InnoDB;
