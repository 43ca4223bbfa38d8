//! Sources that are pushed to, at work: their engine, their real servers, their real files.

pub(crate) mod binary;
mod bodies;
mod killed;
mod posted;
mod restarted;
pub(crate) mod served;
