//! What criteria promise.
