//! What recorded exchanges prove about GitHub's state.

mod exchange;
mod lists;
mod rows;
mod writes;

pub(super) use exchange::observe;
