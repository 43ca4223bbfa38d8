//! A session: clones on their starting states, the route that brings the agent's traffic to
//! them, and the evidence of every call.

pub mod evidence;
