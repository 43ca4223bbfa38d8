//! How a proven fix is published.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where and as what a proven fix is published, with `attach.openPr`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Publish {
    /// As a draft pull request, or as an issue that holds the patch.
    #[serde(rename = "as")]
    pub publish_as: PublishAs,
    /// The git remote that the branch is pushed to.
    pub remote: String,
    /// The repository that the pull request is opened in, as `owner/name`, where the remote is a
    /// fork of it. `null` is the remote's own.
    pub repository: Option<String>,
    /// The branch it is to be merged into. `null` is the one that HEAD is on.
    pub base: Option<String>,
    /// What its title begins with.
    pub title_prefix: String,
    /// Labels it gets.
    pub labels: Vec<String>,
    /// Whose name stands on the commit.
    pub author_name: String,
    /// And whose address.
    pub author_email: String,
}

impl Default for Publish {
    fn default() -> Self {
        Self {
            publish_as: PublishAs::default(),
            remote: "origin".to_owned(),
            repository: None,
            base: None,
            title_prefix: "archal: ".to_owned(),
            labels: Vec::new(),
            author_name: "archal".to_owned(),
            author_email: "archal@localhost".to_owned(),
        }
    }
}

/// What a proven fix becomes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PublishAs {
    /// A branch and a draft pull request.
    #[default]
    Pr,
    /// An issue; no branch is made.
    Issue,
}
