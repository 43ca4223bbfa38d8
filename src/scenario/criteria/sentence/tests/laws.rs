//! What holds of every sentence.
