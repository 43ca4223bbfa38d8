//! An issue that holds the proof and the patch, for who wants no branch.

use crate::config::publish::PublishAs;

use super::decision::{Refusal, Rule, marked, updated};
use super::details;
use super::place::{Place, Targets};
use super::publication::Publication;
use super::push::StepError;
use super::readback::{Checks, Fault, Finding};
use super::record::{Published, Record, Request};

/// The longest text that the service takes, less what surrounds a patch in it.
const MOST_PATCH: usize = 50_000;

impl Publication<'_> {
    /// Opens the issue of this failure, or updates archal's part of the one there is.
    pub(super) fn issue(&self, record: &mut Record, patch: &[u8]) -> Result<Published, StepError> {
        let targets = Targets::of(self.settings, self.programs)?;
        let at = (self.base, self.folder);
        let place = Place::look(self.settings, &targets, self.programs, at)?;
        let service = place.service();
        let mark = format!("<!-- archal: group {} -->", self.group);
        let text = marked(&format!("{mark}\n{}\n{}", self.details, fenced(patch)));
        let known = service.issue_with(&mark)?;
        record.target = Some(targets.into.shown());
        record.write(self.folder)?;
        let number = match known {
            Some(page) if page.state != "open" => {
                let reason = format!("#{} was closed; reopen it if it is to go on", page.number);
                return Err(Refusal::by(Rule::Closed, reason).into());
            }
            Some(page) => {
                if let Some(body) = updated(&page.body, &text) {
                    service.rewrite("issues", page.number, &body)?;
                }
                page.number
            }
            None => {
                let title = details::title(&self.settings.title_prefix, self.title);
                service.create_issue(&title, &text)?.number
            }
        };
        let refused = service.label(number, &self.settings.labels)?;
        let page = service.page("issues", number)?;
        let mut findings: Vec<Finding> = Vec::new();
        if page.state != "open" {
            findings.push(Finding {
                rule: Fault::Closed,
                message: format!("it is {}", page.state),
            });
        }
        findings.extend(refused.map(|message| Finding {
            rule: Fault::NotLabelled,
            message,
        }));
        Ok(Published {
            kind: PublishAs::Issue,
            request: Some(Request {
                number,
                url: page.url,
                draft: false,
                state: page.state,
                checks: Checks::default(),
            }),
            refusal: None,
            findings,
        })
    }
}

/// A patch in an issue, in a fence that nothing in it can close.
fn fenced(patch: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(patch) else {
        return "The patch holds what is no text; it is kept with the proof.".to_owned();
    };
    if text.len() > MOST_PATCH {
        return "The patch is too long for an issue; it is kept with the proof.".to_owned();
    }
    let mut longest = 2;
    let mut run = 0;
    for byte in text.bytes() {
        run = if byte == b'`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest + 1);
    format!("## Patch\n\n{fence}diff\n{}\n{fence}\n", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_patch_closes_its_fence() {
        let text = fenced(b"+````\n+out of it\n");
        assert!(text.contains("\n`````diff\n+````\n"), "{text}");
        assert!(text.ends_with("\n`````\n"), "{text}");
        assert!(!fenced(&[0xff]).contains("```"));
        assert!(!fenced(&vec![b'x'; MOST_PATCH + 1]).contains("```"));
    }
}
