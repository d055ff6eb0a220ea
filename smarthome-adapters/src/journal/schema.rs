//! The journal's tables.

use crate::sqlite::file::Layout;

/// The journal file. Its application id reads `SHjo`.
pub(super) const LAYOUT: Layout = Layout {
    what: "journal",
    application_id: 0x5348_6a6f,
    migrations: &[FIRST, SCHEDULES, DECIDED],
    remedy: "restart the program, which sets it aside and begins a fresh one",
};

/// Times are RFC 3339 in UTC, ids are two columns, what is read by people is text.
const FIRST: &str = "
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
";

/// The ledger of slots, the copies of the store's collections, and document writes of every kind.
const SCHEDULES: &str = "
CREATE TABLE slot (
  schedule      TEXT    NOT NULL,                     -- its title
  slot          TEXT    NOT NULL,                     -- local date and time: '2026-03-29T02:30'
  state         TEXT    NOT NULL,                     -- 'confirmed', 'missed', ...
  due           TEXT    NOT NULL,
  judged        TEXT    NOT NULL,
  revision      INTEGER NOT NULL,                     -- of the document that was judged
  fingerprint   TEXT    NOT NULL,                     -- of what it says: 16 hexadecimal digits
  epoch         INTEGER,                              -- the id of its command, if one was decided
  counter       INTEGER,
  frame         TEXT,                                 -- nine digits, if any were decided
  why           TEXT    NOT NULL,
  missed_first  TEXT,                                 -- missed ones that share this row: the earliest, and how many
  missed_count  INTEGER,
  PRIMARY KEY (schedule, slot)
) STRICT, WITHOUT ROWID;
CREATE TABLE copy (
  collection    TEXT    NOT NULL,                     -- 'users', 'modes', 'schedules'
  id            TEXT    NOT NULL,
  revision      INTEGER NOT NULL,
  updated       TEXT    NOT NULL,
  content       TEXT    NOT NULL,                     -- a JSON object
  PRIMARY KEY (collection, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE copy_complete (
  collection    TEXT    PRIMARY KEY                   -- its copy holds all of it
) STRICT, WITHOUT ROWID;
ALTER TABLE document_write ADD COLUMN
  kind          TEXT    NOT NULL DEFAULT 'merge';     -- 'merge', 'replace', or 'delete', without fields
ALTER TABLE document_write ADD COLUMN
  expected      INTEGER;                              -- the only revision to delete
";

/// When a write was decided: from then on it is in force here.
const DECIDED: &str = "
ALTER TABLE document_write ADD COLUMN
  decided       TEXT    NOT NULL DEFAULT '1970-01-01T00:00:00Z';
";
