//! Cycles of Plan, Do, Check and Act: agents with a role each, reviewers, and every act on record.
//!
//! What a run is made of is plain values: roles and workflows ([`role`]), events ([`event`], [`log`]),
//! findings and verdicts ([`finding`]), and files ([`place`], [`artifacts`]), under the settings of the
//! repository ([`settings`]).

pub mod artifacts;
pub mod confidence;
pub mod event;
pub mod finding;
pub mod log;
pub mod machine;
pub mod place;
pub mod role;
pub mod settings;
