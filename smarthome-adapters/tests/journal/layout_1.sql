-- A journal as the first layout kept it. Never changed: it stands for files that are out there.
PRAGMA application_id = 0x53486a6f;
PRAGMA user_version = 1;
CREATE TABLE meta (
  only        INTEGER PRIMARY KEY CHECK (only = 1),
  created     TEXT    NOT NULL,                       -- when this file was begun
  written_by  TEXT    NOT NULL,                       -- version of the program
  clean       INTEGER NOT NULL CHECK (clean IN (0, 1)), -- 1: closed in order
  epoch       INTEGER NOT NULL                        -- number of starts
) STRICT;
CREATE TABLE command (
  epoch       INTEGER NOT NULL,
  counter     INTEGER NOT NULL,
  frame       TEXT    NOT NULL,                       -- nine digits
  origins     TEXT    NOT NULL,                       -- why: 'schedule, cli'
  decided     TEXT    NOT NULL,
  valid_until TEXT    NOT NULL,
  state       TEXT    NOT NULL,                       -- 'claimed' or 'sent'
  sends       INTEGER NOT NULL,                       -- how often it left
  outstanding TEXT    NOT NULL,                       -- what the home has not shown: 'light, gas valve'
  PRIMARY KEY (epoch, counter)
) STRICT, WITHOUT ROWID;
CREATE TABLE document_write (
  epoch       INTEGER NOT NULL,
  counter     INTEGER NOT NULL,
  collection  TEXT    NOT NULL,
  document    TEXT    NOT NULL,
  fields      TEXT    NOT NULL,                       -- a JSON object, merged into the document
  producer    TEXT,                                   -- who asked for it
  PRIMARY KEY (epoch, counter)
) STRICT, WITHOUT ROWID;
CREATE TABLE alert (
  epoch       INTEGER NOT NULL,
  counter     INTEGER NOT NULL,
  raised      TEXT    NOT NULL,
  code        TEXT    NOT NULL,                       -- 'SH001'
  text        TEXT    NOT NULL,
  PRIMARY KEY (epoch, counter)
) STRICT, WITHOUT ROWID;
CREATE TABLE status (
  only        INTEGER PRIMARY KEY CHECK (only = 1),
  frame       TEXT    NOT NULL,                       -- nine digits, the last the home reported
  at          TEXT    NOT NULL
) STRICT;
INSERT INTO meta VALUES (1, '2026-01-01T00:00:00Z', '0.1.0', 1, 12);
INSERT INTO command VALUES
  (12, 3, '015222222', 'cli', '2026-03-01T00:00:00Z', '2026-03-01T00:02:00Z', 'sent', 1, 'air conditioner');
INSERT INTO document_write VALUES (12, 4, 'users', 'uid-1', '{"name":"Kim"}', 'car');
INSERT INTO alert VALUES (11, 5, '2026-03-01T00:00:00Z', 'SH003', 'the home did not follow');
INSERT INTO status VALUES (1, '000152000', '2026-03-01T00:00:00Z');
