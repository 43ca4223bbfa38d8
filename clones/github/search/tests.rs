//! Searches as a client meets them.
