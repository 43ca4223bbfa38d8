//! Whether a trace shows a real failure.
