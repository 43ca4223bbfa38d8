//! Operations inside the transaction of another one.

use std::borrow::Cow;

use archal_core::clone::{CloneRequest, OperationInfo};
use serde_json::Value;

use super::acting::act;
use super::pack::{Call, Prefacing, Refusal, Reply};

/// Runs an operation inside the transaction of another call, as if its caller had sent it: one
/// that is refused changes nothing.
pub(crate) fn perform(
    call: &mut Call<'_>,
    id: &str,
    params: &[(&'static str, &str)],
    body: &Value,
) -> Result<Reply, Refusal> {
    let pack = call.root().pack();
    let Some(route) = pack.operation(id) else {
        let message = format!("{id} is not modelled by this local clone");
        return Err(Refusal::new(501, message));
    };
    within(call, route.info, params, body, |inner| {
        // Its own scopes and versions count, not only those of the operation that it runs in.
        (pack.dialect.preface)(&Prefacing {
            root: inner.root(),
            request: inner.request,
            route: Some(route),
        })?;
        route.guards.iter().try_for_each(|guard| guard(inner))?;
        act(&route.action, inner, pack)
    })
}

/// Runs a part of an operation inside the transaction of another call, with a path, parameters
/// and body of its own.
pub(crate) fn within<T>(
    call: &mut Call<'_>,
    info: OperationInfo,
    params: &[(&'static str, &str)],
    body: &Value,
    run: impl FnOnce(&mut Call<'_>) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let mut path = info.path.to_owned();
    for (name, value) in params {
        path = path.replace(&format!("{{{name}}}"), value);
    }
    let request = CloneRequest {
        method: info.method.to_owned(),
        path,
        query: String::new(),
        body: body.to_string().into(),
        ..call.request.clone()
    };
    let before = call.transaction.savepoint();
    let mut inner = Call {
        transaction: call.transaction.handed_over(),
        request: &request,
        params: params
            .iter()
            .map(|(name, value)| (*name, Cow::Borrowed(*value)))
            .collect(),
        query: Vec::new(),
        caller: call.caller.clone(),
        now: call.now,
        rates: call.rates,
        attempts: call.attempts,
        again: Vec::new(),
        found: Vec::new(),
    };
    let done = run(&mut inner);
    call.transaction = inner.transaction;
    if done.is_err() {
        call.transaction.back_to(before);
    }
    done
}
