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
    "
-- How many files and jobs stand how, kept with every change: counting a million takes too long.
CREATE TABLE file_tallies (
  attachment INTEGER NOT NULL,
  status TEXT NOT NULL,
  stamped INTEGER NOT NULL,
  files INTEGER NOT NULL,
  PRIMARY KEY (attachment, status, stamped)
) STRICT, WITHOUT ROWID;
INSERT INTO file_tallies
  SELECT attachment, status, stamp <> x'', count(*) FROM files GROUP BY 1, 2, 3;
CREATE TRIGGER file_came AFTER INSERT ON files BEGIN
  INSERT INTO file_tallies VALUES (NEW.attachment, NEW.status, NEW.stamp <> x'', 1)
    ON CONFLICT DO UPDATE SET files = files + 1;
END;
CREATE TRIGGER file_changed AFTER UPDATE OF status, stamp ON files
WHEN OLD.status <> NEW.status OR (OLD.stamp <> x'') <> (NEW.stamp <> x'') BEGIN
  UPDATE file_tallies SET files = files - 1
    WHERE attachment = OLD.attachment AND status = OLD.status AND stamped = (OLD.stamp <> x'');
  INSERT INTO file_tallies VALUES (NEW.attachment, NEW.status, NEW.stamp <> x'', 1)
    ON CONFLICT DO UPDATE SET files = files + 1;
END;
CREATE TRIGGER file_went AFTER DELETE ON files BEGIN
  UPDATE file_tallies SET files = files - 1
    WHERE attachment = OLD.attachment AND status = OLD.status AND stamped = (OLD.stamp <> x'');
END;

-- `code` and `cause` are those of blocked jobs, empty for all others.
CREATE TABLE job_tallies (
  attachment INTEGER NOT NULL,
  status TEXT NOT NULL,
  stage TEXT NOT NULL,
  code TEXT NOT NULL,
  cause TEXT NOT NULL,
  jobs INTEGER NOT NULL,
  PRIMARY KEY (attachment, status, stage, code, cause)
) STRICT, WITHOUT ROWID;
INSERT INTO job_tallies
  SELECT attachment, status, stage,
    iif(status IN ('blocked', 'fix_blocked'), coalesce(reason_code, ''), ''),
    iif(status IN ('blocked', 'fix_blocked'), coalesce(cause, reason), ''), count(*)
  FROM jobs GROUP BY 1, 2, 3, 4, 5;
CREATE TRIGGER job_came AFTER INSERT ON jobs BEGIN
  INSERT INTO job_tallies VALUES (NEW.attachment, NEW.status, NEW.stage,
      iif(NEW.status IN ('blocked', 'fix_blocked'), coalesce(NEW.reason_code, ''), ''),
      iif(NEW.status IN ('blocked', 'fix_blocked'), coalesce(NEW.cause, NEW.reason), ''), 1)
    ON CONFLICT DO UPDATE SET jobs = jobs + 1;
END;
CREATE TRIGGER job_changed AFTER UPDATE OF status, stage, reason_code, cause, reason ON jobs
WHEN OLD.status <> NEW.status OR OLD.stage <> NEW.stage OR NEW.status IN ('blocked', 'fix_blocked')
BEGIN
  UPDATE job_tallies SET jobs = jobs - 1
    WHERE attachment = OLD.attachment AND status = OLD.status AND stage = OLD.stage
      AND code = iif(OLD.status IN ('blocked', 'fix_blocked'), coalesce(OLD.reason_code, ''), '')
      AND cause = iif(OLD.status IN ('blocked', 'fix_blocked'), coalesce(OLD.cause, OLD.reason), '');
  INSERT INTO job_tallies VALUES (NEW.attachment, NEW.status, NEW.stage,
      iif(NEW.status IN ('blocked', 'fix_blocked'), coalesce(NEW.reason_code, ''), ''),
      iif(NEW.status IN ('blocked', 'fix_blocked'), coalesce(NEW.cause, NEW.reason), ''), 1)
    ON CONFLICT DO UPDATE SET jobs = jobs + 1;
END;
CREATE TRIGGER job_went AFTER DELETE ON jobs BEGIN
  UPDATE job_tallies SET jobs = jobs - 1
    WHERE attachment = OLD.attachment AND status = OLD.status AND stage = OLD.stage
      AND code = iif(OLD.status IN ('blocked', 'fix_blocked'), coalesce(OLD.reason_code, ''), '')
      AND cause = iif(OLD.status IN ('blocked', 'fix_blocked'), coalesce(OLD.cause, OLD.reason), '');
END;

-- Causes may be as many as jobs are.
CREATE TRIGGER job_tally_empty AFTER UPDATE OF jobs ON job_tallies
WHEN NEW.jobs = 0 AND NEW.cause <> '' BEGIN
  DELETE FROM job_tallies
    WHERE attachment = OLD.attachment AND status = OLD.status AND stage = OLD.stage
      AND code = OLD.code AND cause = OLD.cause;
END;

-- The files that `attach-status` lists.
CREATE INDEX files_to_list ON files (attachment, path)
  WHERE status <> 'imported' OR diagnostics IS NOT NULL;
",
    "
-- What archal itself put into trace directories. `registered` is the name of the source it came
-- by; `source` is a part of the identity of a trace.
CREATE TABLE packed_files (
  id INTEGER PRIMARY KEY,
  path BLOB NOT NULL UNIQUE,
  directory BLOB NOT NULL,
  registered TEXT NOT NULL,
  traces INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  at TEXT NOT NULL
) STRICT;
CREATE INDEX packed_files_of ON packed_files (registered, at);

CREATE TABLE packed (
  trace TEXT NOT NULL,
  source TEXT NOT NULL,
  project TEXT NOT NULL,
  file INTEGER NOT NULL REFERENCES packed_files (id),
  revision TEXT NOT NULL,
  PRIMARY KEY (trace, source, project, file, revision)
) STRICT, WITHOUT ROWID;
",
    "
-- Verdicts that are to be sent, or were.
CREATE TABLE results (
  id INTEGER PRIMARY KEY,
  trace INTEGER NOT NULL REFERENCES traces (id),
  attachment INTEGER NOT NULL REFERENCES attachments (id),
  revision TEXT NOT NULL,
  verdict TEXT NOT NULL,
  body TEXT NOT NULL,
  due_at TEXT NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0,
  closed_at TEXT,
  outcome TEXT,
  error TEXT
) STRICT;
CREATE INDEX results_open ON results (due_at) WHERE closed_at IS NULL;
CREATE INDEX results_of_trace ON results (trace, id);
",
    "
-- What was published of a fix.
ALTER TABLE jobs ADD COLUMN published TEXT;
",
    "
-- What was told is not needed any more where it was.
UPDATE results SET body = '' WHERE closed_at IS NOT NULL AND outcome IS NOT 'unwanted';
CREATE INDEX results_unwanted ON results (attachment) WHERE outcome = 'unwanted';

-- Jobs whose judge is asked another time: when, and how often it was asked in vain. `tried_from` is
-- the transition since which tries count that ended with archal itself.
ALTER TABLE jobs ADD COLUMN due_at TEXT;
ALTER TABLE jobs ADD COLUMN put_off INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN tried_from INTEGER NOT NULL DEFAULT 0;
CREATE INDEX jobs_due ON jobs (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX jobs_ready ON jobs (stage, id) WHERE status = 'queued' AND due_at IS NULL;
",
    "
-- Commands that are jobs of the watcher: handed over by a person, or begun for a commit.
CREATE TABLE submitted (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  status TEXT NOT NULL,
  reason TEXT NOT NULL,
  exit_code INTEGER,
  arguments TEXT NOT NULL,
  directory BLOB NOT NULL,
  artifacts BLOB NOT NULL,
  log BLOB NOT NULL,
  commit_id TEXT,
  tries INTEGER NOT NULL DEFAULT 0,
  created_at TEXT NOT NULL,
  started_at TEXT,
  ended_at TEXT
) STRICT;
CREATE INDEX submitted_by_status ON submitted (status, kind, id);
CREATE INDEX submitted_commits ON submitted (commit_id) WHERE commit_id IS NOT NULL;
",
    "
-- Who is sent a verdict: the source of that name, as a score; without a name `grade.results`.
ALTER TABLE results ADD COLUMN taker TEXT NOT NULL DEFAULT '';
",
];
