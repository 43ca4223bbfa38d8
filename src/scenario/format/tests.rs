//! What the format promises.
