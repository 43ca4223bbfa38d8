//! The configuration file `.archal.json`: its schema, reading it, where each value came from.
//!
//! - [`schema`]: every key, its type, meaning and default. The typed structs are the only list of keys.
//! - `document`: JSON with comments, with the place of every value.
//! - `check`: the file against the schema, with places and the nearest right spelling.
//! - `layers`: flags over environment over file over defaults.
//! - [`allow`]: what an agent may reach beside the clones.
//! - [`amounts`]: durations and sizes as people write them.
//! - [`fixer`]: the coding agent that repairs.
//! - [`grade`]: what must hold of every trace.
//! - [`host`]: hosts and their ports as people write them.
//! - [`judge`]: who judges, once the settings are sound.
//! - [`notice`]: where notices go, once the settings are sound.
//! - [`preprod`]: what the loop before a change ships may do.
//! - [`publish`]: where and as what a proven fix is published.
//! - `redaction`: what it adds to redaction, checked.
//! - [`sandbox`]: how far a fixer is confined.
//! - [`tools`]: what the agent's own tools stand for, read from the words of the file.
//! - [`agent`]: the agent's command, with variables filled in.
//! - [`example`]: `.archal.example.json`, written from the schema.
//! - [`strict`]: other files of archal's that people may edit, checked in the same way; [`yaml`]: those
//!   in YAML.

pub mod agent;
pub mod allow;
pub mod amounts;
mod check;
mod document;
pub mod example;
pub mod fixer;
pub mod grade;
pub mod host;
pub mod judge;
mod layers;
pub mod notice;
pub mod preprod;
pub mod publish;
mod redaction;
pub mod sandbox;
pub mod schema;
pub mod strict;
pub mod tools;
pub mod yaml;

pub use layers::{ConfigError, Loaded, Origin, Override, find, load};
pub use schema::Config;
