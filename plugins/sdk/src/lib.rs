//! What a trace source for archal is made with that somebody else writes: a plugin.
//!
//! ```
//! use archal_plugin::{Description, Failure, Output, Plugin, Pull, archal_plugin, json};
//! use archal_plugin::serde_json::Value;
//!
//! struct Notes;
//!
//! impl Plugin for Notes {
//!     fn describe() -> Description {
//!         Description::new("notes", "0.1.0")
//!     }
//!
//!     fn open(_config: &Value) -> Result<Self, Failure> {
//!         Ok(Self)
//!     }
//!
//!     fn pull(&mut self, pull: &Pull, out: &mut Output<'_>) -> Result<(), Failure> {
//!         let from = pull.cursor.as_u64().unwrap_or(0);
//!         for number in from..3 {
//!             out.trace(json!({"id": format!("note-{number}"), "name": "note"}))?;
//!             out.cursor(json!(number + 1))?;
//!         }
//!         Ok(())
//!     }
//! }
//!
//! archal_plugin!(Notes);
//! # fn main() {}
//! ```
//!
//! Built as a `cdylib`, that is a library that `archal plugin-host` loads into a process of its own. A
//! program does the same with [`serve`] in its `main`. Either is connected by
//! `archal trace-source connect custom --option path=<file>`; `archal plugin check <file>` tries it.
//!
//! - [`message`]: the protocol, line by line.
//! - [`plugin`]: the trait, and what is given out through it.
//! - [`stdio`]: the protocol over two streams.
//! - [`table`]: what a library exports, for languages with C's calls.
//! - [`boundary`]: from that table to the trait.

pub mod boundary;
pub mod message;
pub mod plugin;
pub mod stdio;
pub mod table;

pub use message::{Description, ErrorKind, Pull};
pub use plugin::{Failure, Output, Plugin, Stopped};
pub use serde_json::{self, json};
pub use stdio::serve;

/// Exports a plugin from a library: the one symbol that `archal plugin-host` looks for.
#[macro_export]
macro_rules! archal_plugin {
    ($plugin:ty) => {
        /// The table of this plugin.
        #[unsafe(no_mangle)]
        pub extern "C" fn archal_plugin_v1() -> &'static $crate::table::Table {
            static TABLE: $crate::table::Table = $crate::boundary::table::<$plugin>();
            &TABLE
        }
    };
}
