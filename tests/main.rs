//! One integration binary, so that cargo links once.
//!
//! `clients` and `loops` need tools that `cargo xtask test` installs; `--ring fast` leaves those
//! two modules out by name, so what needs a tool belongs into one of them.

mod cli;
mod contract;
mod generated;
mod ingest;
mod sandbox;
mod session;
mod tidy;
