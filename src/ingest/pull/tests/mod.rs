//! Passes over a scripted service.
//!
//! - `scripted`: the service. `bench`: a place to ask it from, and what came of it.
//! - `passes`: what comes, late and edited and twice. `trouble`: sources that fail, circle and lie.
//! - `killed`: a pass that is ended anywhere. `laws`: any order of rows. `feeds`: inside the watcher.
//! - `provider`: a source as it is registered. `asks`: from its lock to its report.

mod asks;
mod bench;
mod feeds;
mod killed;
mod laws;
mod passes;
mod provider;
mod scripted;
mod trouble;
