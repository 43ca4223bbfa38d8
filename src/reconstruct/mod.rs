//! The state of the services as it was before a trace began, from the trace itself.
