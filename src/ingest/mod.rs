//! From files to identified, redacted traces.
