//! Calls that leave work and are answered when it is done, while other calls go on.

use std::sync::Arc;

use archal_core::clone::{Done, FaultEffect, Work};

use super::attempts::Attempts;
use super::pack::{Call, Refusal, Reply};
use super::rate::Rates;
use super::root::Root;
use super::transaction::Transaction;

/// Work that came back, with what was to go wrong with its call.
pub(super) struct Back {
    pub(super) done: Done,
    pub(super) fault: Option<FaultEffect>,
    /// The state of the call that it answers, where that is the one it was begun on.
    pub(super) on: Option<Arc<Root>>,
}

/// What a hook that changes nothing answers to a call whose guards have let it pass.
pub(super) fn apart(
    hook: fn(&mut Call<'_>) -> Result<Reply, Refusal>,
    root: Arc<Root>,
    call: Call<'_>,
) -> Work {
    let Call {
        request,
        params,
        caller,
        now,
        found,
        ..
    } = call;
    let request = request.clone();
    let params: Vec<(&'static str, String)> = params
        .into_iter()
        .map(|(name, value)| (name, value.into_owned()))
        .collect();
    Work::new(move || -> Result<Reply, Refusal> {
        hook(&mut Call {
            transaction: Transaction::begin(&root),
            request: &request,
            params: params
                .iter()
                .map(|(name, value)| (*name, value.into()))
                .collect(),
            query: form_urlencoded::parse(request.query.as_bytes()).collect(),
            caller,
            now,
            rates: &Rates::default(),
            attempts: &Attempts::default(),
            again: Vec::new(),
            found,
        })
    })
}
