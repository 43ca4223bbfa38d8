//! Passes over a scripted service.
//!
//! - `scripted`: the service. `bench`: a place to ask it from, and what came of it.
//! - `passes`: what comes, late and edited and twice. `trouble`: sources that fail, circle and lie.
//! - `killed`: a pass that is ended anywhere. `laws`: any order of rows. `feeds`: inside the watcher.

mod bench;
mod feeds;
mod killed;
mod laws;
mod passes;
mod scripted;
mod trouble;
