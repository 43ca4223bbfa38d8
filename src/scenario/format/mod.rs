//! Reading and writing scenario markdown.
