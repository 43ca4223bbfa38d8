//! `archal run`: the agent's harness against clones, scored, with its evidence kept.
