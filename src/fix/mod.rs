//! Letting a fixer change the agent, and proving what it did.
