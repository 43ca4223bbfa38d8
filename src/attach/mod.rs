//! The post-prod loop: import, grade, seed, reproduce, fix.
