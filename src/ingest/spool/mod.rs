//! What was pushed, on the disk before it is answered for.
//!
//! A log of segments, `.archal/spool/<source>/<n>.seg`. A record is one request, decoded and
//! redacted ([`record`]), in a frame with its length and checksum ([`frame`]); several are
//! written and synced at once ([`writer`]). After a crash the segments are read again ([`recover`]),
//! and assembly reads single lines of them ([`segments`]).

pub mod frame;
pub mod record;
pub mod recover;
pub mod segments;
pub mod writer;

pub use record::{Piece, Place};
pub use segments::Segments;
pub use writer::{Order, Spool, SpoolLimits};
