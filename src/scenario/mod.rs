//! Scenarios: the markdown format and its criteria.
