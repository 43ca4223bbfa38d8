//! From files to identified, redacted traces.
//!
//! A source decodes the bytes of a file; the rest is the same for every source and stands
//! here: finding the files ([`folder`]), being told of new ones ([`watch`]), reading one
//! ([`mod@file`]), the import artifact ([`artifact`]), the user's
//! redaction key ([`key`]) and the JSON Schema of the format ([`schema`]).

pub mod artifact;
pub mod feed;
pub mod file;
pub mod folder;
pub mod key;
pub mod schema;
pub mod watch;

pub use file::{FileReport, FileStatus, Imported, age, is_newer, read_bytes, read_file};
