//! Finds scenario files in files, folders and patterns.
