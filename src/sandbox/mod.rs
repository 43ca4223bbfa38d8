//! Holding child processes: a child runs in namespaces or a process group of its own, within
//! clocks and output caps, and its end is the end of every descendant.

pub mod child;
