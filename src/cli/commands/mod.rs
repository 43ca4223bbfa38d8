//! The commands, one file or folder each.
//!
//! A command is `Args` (its doc comments are the help) and
//! `run(args, cx) -> Result<Exit, CliError>`; it is listed here and, with two lines, in
//! `cli/arguments.rs`. Commands do not use each other.

pub(crate) mod attach;
pub(crate) mod attach_reprocess;
pub(crate) mod attach_status;
pub(crate) mod budget;
pub(crate) mod clone;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod criteria;
pub(crate) mod demo;
pub(crate) mod detach;
pub(crate) mod doctor;
pub(crate) mod fixer;
pub(crate) mod grade;
pub(crate) mod init;
pub(crate) mod issue;
pub(crate) mod man;
pub(crate) mod pdca;
pub(crate) mod plugin;
pub(crate) mod plugin_host;
pub(crate) mod preprod;
pub(crate) mod prices;
pub(crate) mod prune;
pub(crate) mod record;
pub(crate) mod redact;
pub(crate) mod reference;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod scenario;
pub(crate) mod schema;
pub(crate) mod seed;
pub(crate) mod session;
pub(crate) mod trace_source;
pub(crate) mod watch;
