//! What a check of a bucket tells.

use archal_core::pull::{Point, PullError, Standing};

/// One thing that was looked at: as it should be, or what is missing.
pub(crate) fn point(name: &'static str, found: Result<String, PullError>) -> Point {
    let (standing, detail, advice) = match found {
        Ok(detail) => (Standing::Ready, detail, None),
        Err(error) => (Standing::Missing, error.message, error.advice),
    };
    Point {
        name,
        standing,
        detail,
        advice,
    }
}

/// That nothing is there which could be read.
pub(crate) fn read_nothing() -> Point {
    Point {
        name: "read",
        standing: Standing::Limited,
        detail: "nothing is there to be read".to_owned(),
        advice: Some("--option prefix=<how keys begin>".to_owned()),
    }
}
