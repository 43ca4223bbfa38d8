//! What recorded exchanges prove about GitHub's state.
//!
//! Everything is told by tables: [`deeds`] says for each operation what its answer shows and what
//! it does, [`shapes`] how the objects in answers become rows, [`places`] which rows a path names.
//!
//! - [`exchange`]: one exchange from status and path to facts.
//! - [`shape`]: how objects are read by such a description.
//! - [`lists`]: pages, filters and totals.
//! - [`issues`], [`pulls`], [`content`], [`social`]: what takes more than a description.
//! - [`graphql`]: answers of the GraphQL interface; [`mutations`]: what its mutations may change;
//!   [`asked`]: which changes its documents ask for.
//! - [`own`]: keys of rows that a repository owns.

mod asked;
mod content;
mod deeds;
mod exchange;
mod graphql;
mod issues;
mod lists;
mod mutations;
mod own;
mod places;
mod pulls;
mod shape;
mod shapes;
mod social;

pub(super) use exchange::{changes, observe};
pub(super) use own::row_key;
