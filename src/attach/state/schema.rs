//! The tables of `.archal/state.db`.

use crate::store::database::Migrations;

/// The steps to the present form. A released step never changes; add one below it.
pub(super) const MIGRATIONS: Migrations = &[
    "
CREATE TABLE facts (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE attachments (
  id INTEGER PRIMARY KEY,
  directory BLOB NOT NULL UNIQUE,
  flags TEXT NOT NULL,
  attached_at TEXT NOT NULL,
  detached_at TEXT
) STRICT;

CREATE TABLE files (
  id INTEGER PRIMARY KEY,
  attachment INTEGER NOT NULL REFERENCES attachments (id),
  path BLOB NOT NULL,
  stamp BLOB NOT NULL,
  status TEXT NOT NULL,
  reason TEXT,
  dialect TEXT,
  traces INTEGER NOT NULL,
  redactions INTEGER NOT NULL,
  diagnostics TEXT,
  looked_at TEXT NOT NULL,
  UNIQUE (attachment, path)
) STRICT;
CREATE INDEX files_to_tell ON files (attachment, status) WHERE status <> 'imported';

CREATE TABLE traces (
  id INTEGER PRIMARY KEY,
  source TEXT NOT NULL,
  project TEXT NOT NULL,
  trace TEXT NOT NULL,
  name TEXT NOT NULL UNIQUE COLLATE NOCASE,
  UNIQUE (trace, source, project)
) STRICT;

CREATE TABLE jobs (
  id INTEGER PRIMARY KEY,
  trace INTEGER NOT NULL REFERENCES traces (id),
  attachment INTEGER NOT NULL REFERENCES attachments (id),
  revision TEXT NOT NULL,
  ended_ns INTEGER,
  spans INTEGER NOT NULL,
  file BLOB NOT NULL,
  import_hash TEXT NOT NULL,
  stage TEXT NOT NULL,
  status TEXT NOT NULL,
  reason_code TEXT,
  reason TEXT NOT NULL,
  cause TEXT,
  missing TEXT,
  failure TEXT,
  scenario TEXT,
  base TEXT,
  red TEXT,
  green TEXT,
  artifacts TEXT,
  patch BLOB,
  asked INTEGER NOT NULL DEFAULT 0,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT;
CREATE INDEX jobs_of_trace ON jobs (trace, id);
CREATE INDEX jobs_by_status ON jobs (status, stage, id);
CREATE INDEX jobs_of_failure ON jobs (failure, id) WHERE failure IS NOT NULL;

CREATE TABLE transitions (
  job INTEGER NOT NULL REFERENCES jobs (id),
  number INTEGER NOT NULL,
  at TEXT NOT NULL,
  stage TEXT NOT NULL,
  status TEXT NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE attempts (
  id TEXT PRIMARY KEY,
  job INTEGER NOT NULL REFERENCES jobs (id),
  phase TEXT NOT NULL,
  slot INTEGER NOT NULL,
  began_at TEXT NOT NULL,
  ended_at TEXT,
  state TEXT NOT NULL,
  record TEXT,
  spent TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_of_job ON attempts (job, phase, slot);
CREATE INDEX attempts_open ON attempts (state) WHERE state = 'running';

CREATE TABLE failures (
  name TEXT PRIMARY KEY,
  identity TEXT NOT NULL,
  title TEXT NOT NULL,
  status TEXT NOT NULL,
  note TEXT,
  leader INTEGER REFERENCES jobs (id),
  base TEXT,
  first_seen TEXT NOT NULL,
  last_seen TEXT NOT NULL,
  changed_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE notices (
  id INTEGER PRIMARY KEY,
  failure TEXT NOT NULL,
  event TEXT NOT NULL,
  body TEXT NOT NULL,
  due_at TEXT NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0,
  sent_at TEXT,
  error TEXT
) STRICT;
CREATE INDEX notices_open ON notices (due_at) WHERE sent_at IS NULL;
",
    "
ALTER TABLE notices ADD COLUMN key TEXT NOT NULL DEFAULT '';
ALTER TABLE notices ADD COLUMN outcome TEXT;
CREATE INDEX notices_of_failure ON notices (failure, id);

CREATE TABLE pruned (
  trace INTEGER NOT NULL REFERENCES traces (id),
  part TEXT NOT NULL,
  at TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  PRIMARY KEY (trace, part)
) STRICT, WITHOUT ROWID;
",
];
