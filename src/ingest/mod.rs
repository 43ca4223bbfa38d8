//! From files to identified, redacted traces.
//!
//! A source decodes the bytes of a file; the rest is the same for every source and stands
//! here: finding the files ([`folder`]), being told of new ones ([`watch`]), reading one
//! ([`mod@file`]) or, however large, one with records on lines ([`pieces`]), the import artifact ([`artifact`]), the user's
//! redaction key ([`key`]), the JSON Schema of the format ([`schema`]), and which sources a
//! repository has ([`registry`]), importing what lies elsewhere ([`import`]) into batch files
//! ([`pack`]; what comes in parts is joined by [`parts`]) once or again and again ([`pull`]), from stores of objects by
//! their listing ([`objects`]), and what a source is given to run ([`subscription`]), programs that it talks with among
//! it ([`plugin`]). What is pushed takes another way there: a server ([`mod@serve`]), a log on the disk ([`spool`]), and
//! batch files ([`assembly`]).

pub mod artifact;
pub mod assembly;
pub mod feed;
pub mod file;
pub mod folder;
pub mod import;
pub mod key;
pub mod objects;
pub mod pack;
pub mod parts;
pub mod pieces;
pub mod plugin;
pub mod pull;
pub mod registry;
pub mod schema;
pub mod serve;
pub mod spool;
pub mod subscription;
pub mod watch;

pub use file::{FileReport, FileStatus, Imported, age, is_newer, read_bytes, read_file};
