//! What attempts may cost and did cost.
