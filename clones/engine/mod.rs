//! The engine that every service clone shares: a store with transactions, bodies that are
//! written for the wire and for evidence at once, seeds, routes, and the host of a pack.
//!
//! - [`key`], [`row`]: what a table holds.
//! - [`table`]: how a pack declares its tables.
//! - [`root`], [`transaction`]: the state, and the only way to change it.
//! - [`times`], [`writer`]: why the same calls leave the same evidence.
//! - [`seed`], [`schema`]: starting states as documents.
//! - [`save`]: a whole state as a document.
//! - [`route`], [`input`], [`page`]: requests. [`pages`]: lists that were written last.
//! - [`pack`], [`running`]: a service as data, and a running clone of it.
//! - [`acting`], [`apart`], [`states`]: what operations do, at once and beside others, and states as they are read.
//! - [`within`]: operations inside others. [`graphql`]: a query language over the same tables.
//! - [`mcp`]: tool calls, which are requests to the same operations.
//! - [`rate`], [`trouble`]: how many calls there may be, and what goes wrong on purpose.
//! - [`attempts`]: what became of deliveries.
//! - [`git`]: objects and what is asked of them.
//! - [`fingerprint`]: short hashes that do not depend on the clock.

mod acting;
mod apart;
pub(crate) mod attempts;
pub(crate) mod fingerprint;
pub(crate) mod git;
pub(crate) mod graphql;
pub(crate) mod input;
pub(crate) mod key;
pub(crate) mod mcp;
pub(crate) mod pack;
pub(crate) mod page;
mod pages;
pub(crate) mod rate;
pub(crate) mod root;
pub(crate) mod route;
pub(crate) mod row;
pub(crate) mod running;
pub(crate) mod save;
pub(crate) mod schema;
pub(crate) mod seed;
mod states;
pub(crate) mod table;
pub(crate) mod times;
pub(crate) mod transaction;
pub(crate) mod trouble;
pub(crate) mod within;
pub(crate) mod writer;
