//! A small clone for the tests of criteria.
