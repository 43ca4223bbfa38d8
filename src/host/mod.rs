//! The process that does all work of a repository, in the background or in the foreground.
