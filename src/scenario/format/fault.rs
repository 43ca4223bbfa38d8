//! Faults as people write them: `github:issues/update#2=500, github:*=2s, github:issues/get=drop`.

use archal_core::clone::{self, CloneDescriptor, EVERY_OPERATION, FaultEffect};
use archal_core::diagnostic::{Diagnostic, nearest};

use super::super::spec::Fault;
use super::settings::Field;

/// Reads a fault that stands in no file.
pub fn read(text: &str, catalogue: &[CloneDescriptor]) -> Result<Fault, Diagnostic> {
    let clones: Vec<String> = catalogue
        .iter()
        .map(|clone| clone.name.to_owned())
        .collect();
    fault(Field::of(text), &clones, catalogue)
}

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
                    other.clone == fault.clone
                        && other.fault.operation == fault.fault.operation
                        && other.fault.nth == fault.fault.nth
                }) =>
            {
                let of = &fault.fault.operation;
                let message = format!("two faults for `{}:{of}`", fault.clone);
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
    let form = "write <clone>:<operation>=<what happens>, as in github:issues/update=500, or \
        github:issues/update#2=drop for the second call";
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
    let (operation, nth) = match operation.text.split_once('#') {
        None => (operation, None),
        Some((name, number)) => {
            let nth = number.trim().parse().ok().filter(|nth| *nth > 0);
            if nth.is_none() {
                let message = format!("`{number}` is not the number of a call, from 1");
                return Err(wrong(operation, message).with_help(form));
            }
            (operation.slice(0..name.len()).trimmed(), nth)
        }
    };
    let operations = descriptor.operations.iter().map(|operation| operation.id);
    let concerned = clone::Fault {
        operation: operation.text.to_owned(),
        nth,
        effect: FaultEffect::Drop,
    };
    if operation.text != EVERY_OPERATION && !operations.clone().any(|id| concerned.concerns(id)) {
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
    let happens = effect.text.strip_prefix("latency").unwrap_or(effect.text);
    let happens = happens.trim().parse().map_err(|_| {
        let message = format!("`{}` is no effect of a fault", effect.text);
        wrong(effect, message).with_help(format!("write {}", FaultEffect::FORMS))
    })?;
    Ok(Fault {
        clone: descriptor.name.to_owned(),
        fault: clone::Fault {
            effect: happens,
            ..concerned
        },
        span: field.span,
    })
}
