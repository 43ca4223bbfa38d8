//! The functions criteria have beside those of CEL.

use std::cmp::Ordering;

use cel::common::functions::Function;
use cel::common::types::{
    CelBool, CelDouble, CelDuration, CelInt, CelList, CelString, INT_TYPE, LIST_TYPE, STRING_TYPE,
    Type,
};
use cel::common::value::{CowVal, Val};
use cel::{Env, ExecutionError};

type Arguments<'b, 'v> = Vec<CowVal<'b, 'v>>;
type Outcome<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;

/// Adds the functions, callable on their first argument or with it.
///
/// A name that CEL takes for itself in a later version is left to CEL; the tests call each.
pub(super) fn register(env: &mut Env) {
    let functions: [(&str, &[Type], Function); 9] = [
        ("sum", &[LIST_TYPE], sum),
        ("min", &[LIST_TYPE], min),
        ("max", &[LIST_TYPE], max),
        ("distinct", &[LIST_TYPE], distinct),
        ("sort", &[LIST_TYPE], sort),
        ("lower", &[STRING_TYPE], lower),
        ("icontains", &[STRING_TYPE, STRING_TYPE], icontains),
        ("split", &[STRING_TYPE, STRING_TYPE], split),
        ("days", &[INT_TYPE], days),
    ];
    for (name, parameters, function) in functions {
        let mut types: Vec<Type> = parameters.iter().map(Type::to_owned).collect();
        let added = env.add_overload(name, &format!("archal_{name}"), types, function);
        debug_assert!(added.is_ok(), "{name}: {added:?}");
        types = parameters.iter().map(Type::to_owned).collect();
        let target = types.remove(0);
        let id = format!("archal_member_{name}");
        let added = env.add_member_overload(name, &id, target, types, function);
        debug_assert!(added.is_ok(), "{name}: {added:?}");
    }
}

fn items<'s, 'b, 'v>(
    name: &str,
    arguments: &'s Arguments<'b, 'v>,
) -> Result<&'s [Box<dyn Val + 'v>], ExecutionError> {
    arguments
        .first()
        .and_then(|list| list.downcast_ref::<CelList<'_>>())
        .map(CelList::inner)
        .ok_or_else(|| ExecutionError::function_error(name, "it takes a list"))
}

fn text<'s>(
    name: &str,
    arguments: &'s Arguments<'_, '_>,
    at: usize,
) -> Result<&'s str, ExecutionError> {
    arguments
        .get(at)
        .and_then(|text| text.downcast_ref::<CelString<'_>>())
        .map(CelString::inner)
        .ok_or_else(|| ExecutionError::function_error(name, "it takes text"))
}

fn sum<'b, 'v>(arguments: Arguments<'b, 'v>) -> Outcome<'b, 'v> {
    let mut whole: i64 = 0;
    let mut fraction: Option<f64> = None;
    for item in items("sum", &arguments)? {
        if let Some(number) = item.downcast_ref::<CelInt>() {
            whole = whole.checked_add(*number.inner()).ok_or_else(|| {
                ExecutionError::function_error("sum", "the total is larger than a whole number")
            })?;
        } else if let Some(number) = item.downcast_ref::<CelDouble>() {
            fraction = Some(fraction.unwrap_or(0.0) + number.inner());
        } else {
            return Err(ExecutionError::function_error(
                "sum",
                format!("{} is not a number", item.get_type().name()),
            ));
        }
    }
    Ok(match fraction {
        #[expect(clippy::cast_precision_loss, reason = "mixed sums are fractions")]
        Some(fraction) => CowVal::owned(CelDouble::from(fraction + whole as f64)),
        None => CowVal::owned(CelInt::from(whole)),
    })
}

fn min<'b, 'v>(arguments: Arguments<'b, 'v>) -> Outcome<'b, 'v> {
    best("min", &arguments, Ordering::Less)
}

fn max<'b, 'v>(arguments: Arguments<'b, 'v>) -> Outcome<'b, 'v> {
    best("max", &arguments, Ordering::Greater)
}

fn best<'b, 'v>(name: &str, arguments: &Arguments<'b, 'v>, wanted: Ordering) -> Outcome<'b, 'v> {
    let mut best: Option<&Box<dyn Val + 'v>> = None;
    for item in items(name, arguments)? {
        let better = match best {
            None => true,
            Some(best) => compare(name, item.as_ref(), best.as_ref())? == wanted,
        };
        if better {
            best = Some(item);
        }
    }
    let best = best.ok_or_else(|| ExecutionError::function_error(name, "the list is empty"))?;
    Ok(CowVal::Owned(best.clone()))
}

fn compare(name: &str, left: &dyn Val, right: &dyn Val) -> Result<Ordering, ExecutionError> {
    left.as_comparer()
        .and_then(|comparer| comparer.compare(right).ok())
        .ok_or_else(|| {
            let (left, right) = (left.get_type().name(), right.get_type().name());
            ExecutionError::function_error(name, format!("{left} and {right} have no order"))
        })
}

fn distinct<'b, 'v>(arguments: Arguments<'b, 'v>) -> Outcome<'b, 'v> {
    let mut kept: Vec<Box<dyn Val + 'v>> = Vec::new();
    for item in items("distinct", &arguments)? {
        if !kept.iter().any(|known| known.equals(item.as_ref())) {
            kept.push(item.clone());
        }
    }
    Ok(CowVal::owned(CelList::from(kept)))
}

fn sort<'b, 'v>(arguments: Arguments<'b, 'v>) -> Outcome<'b, 'v> {
    let mut sorted: Vec<Box<dyn Val + 'v>> = items("sort", &arguments)?.to_vec();
    let mut problem = None;
    sorted.sort_by(|left, right| {
        compare("sort", left.as_ref(), right.as_ref()).unwrap_or_else(|error| {
            problem.get_or_insert(error);
            Ordering::Equal
        })
    });
    match problem {
        Some(error) => Err(error),
        None => Ok(CowVal::owned(CelList::from(sorted))),
    }
}

fn lower<'b, 'v>(arguments: Arguments<'b, 'v>) -> Outcome<'b, 'v> {
    let text = text("lower", &arguments, 0)?;
    Ok(CowVal::owned(CelString::from(text.to_lowercase())))
}

fn icontains<'b, 'v>(arguments: Arguments<'b, 'v>) -> Outcome<'b, 'v> {
    let whole = text("icontains", &arguments, 0)?.to_lowercase();
    let part = text("icontains", &arguments, 1)?.to_lowercase();
    Ok(CowVal::owned(CelBool::from(whole.contains(&part))))
}

fn split<'b, 'v>(arguments: Arguments<'b, 'v>) -> Outcome<'b, 'v> {
    let whole = text("split", &arguments, 0)?;
    let separator = text("split", &arguments, 1)?;
    if separator.is_empty() {
        return Err(ExecutionError::function_error(
            "split",
            "the separator is empty",
        ));
    }
    let parts: Vec<Box<dyn Val + 'v>> = whole
        .split(separator)
        .map(|part| -> Box<dyn Val + 'v> { Box::new(CelString::from(part.to_owned())) })
        .collect();
    Ok(CowVal::owned(CelList::from(parts)))
}

fn days<'b, 'v>(arguments: Arguments<'b, 'v>) -> Outcome<'b, 'v> {
    arguments
        .first()
        .and_then(|count| count.downcast_ref::<CelInt>())
        .and_then(|count| chrono::Duration::try_days(*count.inner()))
        .map(|length| CowVal::owned(CelDuration::from(length)))
        .ok_or_else(|| ExecutionError::function_error("days", "it takes a number of days"))
}
