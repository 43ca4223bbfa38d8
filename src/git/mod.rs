//! The git command, as archal uses it.
