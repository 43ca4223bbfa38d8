//! The tool that puts issues below others.

use archal_core::clone::Arguments;
use serde_json::json;

use super::plain::{self, flag, write};
use super::shapes;
use super::{Failure, Outcome};
use crate::engine::mcp::{Asker, number_or, required_number, required_text};

/// `sub_issue_write`.
pub(super) fn call(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let method = required_text(arguments, "method")?;
    let repo = plain::repo(arguments)?;
    let issue = required_number(arguments, "issue_number")?;
    let sub_issue = required_number(arguments, "sub_issue_id")?;
    let replace_parent = flag(arguments, "replace_parent", false)?;
    let after = number_or(arguments, "after_id", 0)?;
    let before = number_or(arguments, "before_id", 0)?;
    let path = format!("{repo}/issues/{issue}");
    let mut body = json!({"sub_issue_id": sub_issue});
    let refuse = |text: String| Err(Failure::Refused(text));
    let mut made = match method.to_lowercase().as_str() {
        "add" => {
            body["replace_parent"] = replace_parent.into();
            let path = format!("{path}/sub_issues");
            write(asker, "POST", &path, &body, "failed to add sub-issue")?
        }
        "remove" => {
            let path = format!("{path}/sub_issue");
            write(asker, "DELETE", &path, &body, "failed to remove sub-issue")?
        }
        "reprioritize" => {
            match (after, before) {
                (0, 0) => {
                    return refuse("either after_id or before_id must be specified".to_owned());
                }
                (0, before) => body["before_id"] = before.into(),
                (after, 0) => body["after_id"] = after.into(),
                _ => {
                    return refuse(
                        "only one of after_id or before_id should be specified, not both"
                            .to_owned(),
                    );
                }
            }
            let path = format!("{path}/sub_issues/priority");
            let what = "failed to reprioritize sub-issue";
            write(asker, "PATCH", &path, &body, what)?
        }
        _ => return refuse(format!("unknown method: {method}")),
    };
    shapes::without_empty(&mut made);
    Ok(shapes::text(&made))
}
