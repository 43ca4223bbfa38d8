//! Files in stores of objects, imported by their listing.
//!
//! Which objects were read stands in a ledger ([`ledger`]) in the source's spool folder, with the place
//! in the listing that was come to ([`position`]). A pass ([`pass`]) lists, reads what the ledger does not know
//! (`reading`, [`fetch`]) and hands it to the import that reads files here; what became of an object is noted
//! after its traces stand in a batch file, so that whoever is killed anywhere repeats some objects,
//! which changes nothing. [`settings`] says which keys are wanted, [`manifest`] reads the lists of files
//! that exports write last, [`names`] shows keys, which are hostile and never paths.

pub mod fetch;
pub mod ledger;
pub mod manifest;
pub mod names;
pub mod pass;
pub mod position;
mod reading;
pub mod report;
pub mod settings;

#[cfg(test)]
mod tests;

pub use ledger::{LedgerCounts, ObjectLedger};
pub use pass::{Pass, PassError, Passed};
pub use report::ObjectsReport;
pub use settings::{Settings, SettingsError};
