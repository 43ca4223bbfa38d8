//! What is no secret stays as it is.
