//! Which sources of traces a repository has: the registry.
//!
//! Names, providers and options stand in `.archal/trace-sources.json`, which is committed and never
//! holds a secret: those are variables, by name. What differs between machines, the folders, stands
//! in `trace-sources.local.json`; which programs a source may start, and whom it may ask with what, stands in
//! the user's own state folder.
//!
//! - [`options`]: what can be set about a source, checked.
//! - [`source`]: one source, with everything that was said of it.
//! - [`allowed`]: what the user allows the sources of a repository.
//! - [`mod@file`]: both files, read whole or refused, changed by one process at a time.
//! - [`planned`]: providers that this version does not have.

pub mod allowed;
pub mod file;
pub mod options;
pub mod planned;
pub mod source;

pub use file::{Places, Registry, RegistryError};
pub use options::Options;
pub use source::Source;
