//! The configuration file `.archal.json`: its schema, reading it, where each value came from.
