//! The `fault` setting: `github:issues/update=500, github:*=2s, github:issues/list=drop`.

use archal_core::clone::CloneDescriptor;
use archal_core::diagnostic::{Diagnostic, nearest};

use super::super::spec::{Fault, FaultEffect};
use super::settings::Field;

/// Every operation of a clone.
const EVERY: &str = "*";
/// The longest delay, in milliseconds: ten minutes.
const MAX_LATENCY: u64 = 600_000;

/// Reads the faults of a scenario with these clones.
pub(super) fn faults(
    fields: &[Field<'_>],
    clones: &[String],
    catalogue: &[CloneDescriptor],
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Fault> {
    // Without clones there was a complaint before.
    if clones.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<Fault> = Vec::new();
    for field in fields {
        match fault(*field, clones, catalogue) {
            Ok(fault)
                if found.iter().any(|other| {
                    other.clone == fault.clone && other.operation == fault.operation
                }) =>
            {
                let message = format!("two faults for `{}:{}`", fault.clone, fault.operation);
                diagnostics.push(wrong(*field, message));
            }
            Ok(fault) => found.push(fault),
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
    found
}

fn wrong(field: Field<'_>, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error("scenario/fault", message).at(field.span)
}

fn fault(
    field: Field<'_>,
    clones: &[String],
    catalogue: &[CloneDescriptor],
) -> Result<Fault, Diagnostic> {
    let form =
        "write fault: <clone>:<operation>=<status, delay or drop>, as in github:issues/update=500";
    let parts = field.text.split_once('=').and_then(|(target, _)| {
        let equals = target.len();
        let colon = target.find(':')?;
        let whole = field.text.len();
        Some((
            field.slice(0..colon).trimmed(),
            field.slice(colon + 1..equals).trimmed(),
            field.slice(equals + 1..whole).trimmed(),
        ))
    });
    let Some((clone, operation, effect)) = parts else {
        let message = "a fault names a clone, an operation and what happens";
        return Err(wrong(field, message).with_help(form));
    };
    let folded = clone.text.to_lowercase().replace('-', "_");
    let Some(descriptor) = catalogue
        .iter()
        .find(|known| known.name == folded && clones.iter().any(|name| name == known.name))
    else {
        let help = match nearest(&folded, clones.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("clones of this scenario: {}", clones.join(", ")),
        };
        let message = format!("`{}` is not among the clones", clone.text);
        return Err(wrong(clone, message).with_help(help));
    };
    let operations = descriptor.operations.iter().map(|operation| operation.id);
    if operation.text != EVERY && !operations.clone().any(|id| id == operation.text) {
        let help = match nearest(operation.text, operations) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "write `*` for every operation, or see archal clone list {}",
                clone.text
            ),
        };
        let message = format!("{} has no operation `{}`", descriptor.name, operation.text);
        return Err(wrong(operation, message).with_help(help));
    }
    Ok(Fault {
        clone: descriptor.name.to_owned(),
        operation: operation.text.to_owned(),
        effect: what_happens(effect)?,
        span: field.span,
    })
}

fn what_happens(field: Field<'_>) -> Result<FaultEffect, Diagnostic> {
    let text = field.text.strip_prefix("latency").unwrap_or(field.text);
    let text = text.trim();
    if text == "drop" {
        return Ok(FaultEffect::Drop);
    }
    let delay = text
        .strip_suffix("ms")
        .map(|digits| (digits, 1))
        .or_else(|| text.strip_suffix('s').map(|digits| (digits, 1_000)));
    let read = match delay {
        Some((digits, unit)) => digits
            .trim()
            .parse::<u64>()
            .ok()
            .and_then(|count| count.checked_mul(unit))
            .filter(|millis| (1..=MAX_LATENCY).contains(millis))
            .map(FaultEffect::Latency),
        None => text
            .parse()
            .ok()
            .filter(|status| (400..=599).contains(status))
            .map(FaultEffect::Status),
    };
    read.ok_or_else(|| {
        wrong(field, format!("`{}` is no effect of a fault", field.text)).with_help(
            "write a status from 400 to 599, a delay up to 600s such as 250ms or 2s, or drop",
        )
    })
}
