//! archal closes the loops around AI agents, on a developer's own machine.
//!
//! Modules in the order in which they may use each other, lowest first; `ARCHITECTURE.md` says
//! what each is for and a tidy test holds the order.

pub mod config;
pub mod store;

pub mod report;

pub mod budget;

pub mod git;
pub mod judge;
pub mod sandbox;

pub mod driver;

pub mod host;

pub mod ingest;

pub mod scenario;

pub mod session;

pub mod run;

pub mod reconstruct;

pub mod grade;

pub mod reproduce;

pub mod record;

pub mod fix;

pub mod attach;

pub mod preprod;

pub mod pdca;

pub mod app;

pub mod cli;
