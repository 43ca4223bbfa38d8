//! Cycles of Plan, Do, Check and Act: agents with a role each, reviewers, and every act on record.
//!
//! What a run is made of is plain values: roles and workflows ([`role`]), events ([`event`], [`log`]),
//! findings and verdicts ([`finding`], [`review`], [`evidence`], [`consolidate`], [`feedback`],
//! [`convergence`]), and files ([`place`], [`artifacts`]), under the settings of the
//! repository ([`settings`], [`domain`]), with what they cost ([`cost`]), what they count ([`metrics`]) and how they ended ([`index`]).
//!
//! [`machine`] says what comes next, [`engine`] does it: agents are told ([`prompt`]), started, and read
//! ([`confidence`], [`shadow`]). [`players`] says who can be one; [`script`] is an agent that plays a script.
//! [`fixer`] is a run as the fixer of the loops.
//!
//! People read logs as a line ([`outline`]), a tree ([`dag`]), a [`report`] and by [`progress`] and [`replay`];
//! a [`bundle`] hands a run on.

pub mod artifacts;
pub mod bundle;
pub mod confidence;
pub mod consolidate;
pub mod convergence;
pub mod cost;
pub mod dag;
pub mod domain;
pub mod engine;
pub mod event;
pub mod evidence;
pub mod feedback;
pub mod finding;
pub mod fixer;
pub mod index;
pub mod log;
pub mod machine;
pub mod metrics;
pub mod outline;
pub mod place;
pub mod players;
pub mod progress;
pub mod prompt;
pub mod replay;
pub mod report;
pub mod review;
pub mod role;
pub mod script;
pub mod settings;
pub mod shadow;
