//! Verdicts on traces, written as scores: one for each trace, which a later one takes the place of.

use archal_core::pull::{Asking, PullError, Score, Scores, VERDICT};
use serde_json::json;

use super::Langfuse;
use crate::client::Request;

const PATH: &str = "/api/public/scores";

/// Makes ready to write; sends nothing yet.
pub(super) fn open(asking: Asking) -> Result<Box<dyn Scores>, PullError> {
    Ok(Box::new(Langfuse::open(&asking)?))
}

impl Scores for Langfuse {
    fn give(&mut self, score: &Score) -> Result<(), PullError> {
        let mut body = json!({
            "id": score.id,
            "traceId": score.trace,
            "name": VERDICT,
            "dataType": "CATEGORICAL",
            "value": score.label,
            "comment": score.comment,
            "metadata": score.metadata,
        });
        if let Some(environment) = &score.environment {
            body["environment"] = environment.as_str().into();
        }
        let request = Request {
            body: Some(body),
            path: PATH,
            query: Vec::new(),
            rate: &self.settings.rate,
            is_divisible: false,
        };
        let taken = self.client.once(&request);
        taken.map(drop).map_err(|failure| self.client.told(failure))
    }
}
