//! Sessions that live on their own: `archal clone start`.
//!
//! A session is a process on the loopback. Clients of the services reach its clones by base URLs,
//! MCP URLs and the proxy; commands are let in with a network of their own. What is to be done with
//! the session itself is asked over a control API that wants the session's token.
//!
//! - [`place`]: where sessions lie, and which of them run.
//! - [`live`]: the session, its listeners and what clients are told; [`desk`]: what it is asked;
//!   [`posts`]: what webhooks are told.
//! - `control`, [`client`]: the control API from both sides.
//! - [`entrance`]: how commands get in; [`led`]: those that cannot have a network of their own.
//! - [`evidence`]: calls are written while the session runs.

pub mod client;
mod control;
pub mod desk;
pub mod entrance;
pub mod evidence;
pub mod led;
pub mod live;
pub mod place;
pub mod posts;
