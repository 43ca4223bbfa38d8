//! One integration binary, so that cargo links once.
//!
//! `clients`, `clone_sessions`, `loops`, `sandbox` and `session` need tools that `cargo xtask test` installs, and
//! `coding_agents` what `--ring agents` does; `--ring fast` leaves them out by name, so what needs a tool belongs
//! into one of them.

mod asked;
mod cli;
mod clients;
mod clone_sessions;
mod coding_agents;
mod contract;
mod fuzzed;
mod generated;
mod host;
mod ingest;
mod judge;
mod kept_suites;
mod loops;
mod mapping;
mod measured;
mod notices;
mod pdca;
mod push;
mod results;
mod sandbox;
mod session;
mod tidy;
