//! A running clone of a pack: one request after the other, each a transaction.

use std::any::Any;
use std::sync::Arc;

use archal_core::clock::truncate_to_second;
use archal_core::clone::{
    Attempt, CloneRequest, CloneResponse, CloneState, Done, FaultEffect, OpenClone, Progress,
    RowDiff, Seed, ServiceClone, Stamp, Trouble, Work,
};
use archal_core::diagnostic::{Diagnostic, nearest};
use jiff::Timestamp;
use serde_json::Value;

use super::acting::act;
pub(crate) use super::acting::read;
use super::apart::{Back, apart};
use super::attempts::Attempts;
use super::fingerprint;
use super::pack::{
    Announcing, Answering, Call, Limited, Pack, Prefacing, Refusal, Reply, UNMODELLED,
};
use super::rate::Rates;
use super::root::Root;
use super::route::{self, Action, Route};
use super::row::Row;
use super::save;
use super::seed;
use super::states::{State, difference};
use super::transaction::{Transaction, changes};
use super::trouble::Troubles;

/// The longest body in a file that is read for an operation which takes none.
const IN_MEMORY: u64 = 40 * 1024 * 1024;

/// A clone that runs.
pub(crate) struct Running {
    pack: &'static Pack,
    opened: Arc<Root>,
    root: Arc<Root>,
    calls: u64,
    rates: Rates,
    /// What became of deliveries.
    attempts: Attempts,
    /// What goes wrong on purpose.
    troubles: Troubles,
    /// The state before the last change, for reads that come too early.
    previous: Arc<Root>,
    /// The work that the call leaves that is being begun, and the state that it reads alone.
    left: Option<(Work, Option<Arc<Root>>)>,
}

/// A call that an operation was found for.
struct Asked<'a> {
    route: &'static Route,
    params: route::Params<'a>,
    request: &'a CloneRequest,
    caller: Option<Arc<Row>>,
    now: Stamp,
}

/// Opens a pack on a starting state.
pub(crate) fn open(
    pack: &'static Pack,
    how: &OpenClone<'_>,
) -> Result<Box<dyn ServiceClone>, Vec<Diagnostic>> {
    let named: Value;
    let document = match how.seed {
        Seed::Document(document) => document,
        Seed::Named(name) => {
            named = named_document(pack, name).map_err(|problem| vec![problem])?;
            &named
        }
    };
    let root = seed::load(pack, document, how.base, how.ids)?;
    Ok(Box::new(Running::new(pack, Arc::new(root))))
}

/// Opens a pack on a state that was saved.
pub(crate) fn reopen(
    pack: &'static Pack,
    saved: &Value,
) -> Result<Box<dyn ServiceClone>, Vec<Diagnostic>> {
    let root = save::read(pack, saved)?;
    Ok(Box::new(Running::new(pack, Arc::new(root))))
}

fn named_document(pack: &'static Pack, name: &str) -> Result<Value, Diagnostic> {
    let Some((_, text)) = pack.seeds.iter().find(|(seed, _)| seed.name == name) else {
        let names: Vec<&str> = pack.seeds.iter().map(|(seed, _)| seed.name).collect();
        let problem = Diagnostic::error(
            "seed/unknown-name",
            format!("{} has no seed named {name:?}", pack.name),
        );
        return Err(match nearest(name, names.iter().copied()) {
            Some(near) => problem.with_help(format!("did you mean {near:?}?")),
            None => problem.with_help(format!("one of: {}", names.join(", "))),
        });
    };
    serde_json::from_str(text).map_err(|error| {
        Diagnostic::error(
            "seed/not-json",
            format!("seed {name:?} is not JSON: {error}"),
        )
    })
}

impl Running {
    fn new(pack: &'static Pack, root: Arc<Root>) -> Self {
        Self {
            pack,
            opened: Arc::clone(&root),
            previous: Arc::clone(&root),
            root,
            calls: 0,
            rates: Rates::default(),
            attempts: Attempts::default(),
            troubles: Troubles::default(),
            left: None,
        }
    }

    /// Answers, or leaves work. `back` is work that was left before.
    fn answer(
        &mut self,
        request: &CloneRequest,
        now: Timestamp,
        back: Option<Back>,
        response: &mut CloneResponse,
    ) -> Option<&'static Route> {
        let dialect = &self.pack.dialect;
        // What only reads is wholly a call on the state that it was begun on.
        let on = back.as_ref().and_then(|back| back.on.clone());
        let on = on.unwrap_or_else(|| Arc::clone(&self.root));
        response.root_before = on.version();
        // Seed times are whole seconds before the base, so a call's time is never one of them.
        let at = truncate_to_second(now).max(self.root.base());
        let now = Stamp { at, by_call: true };
        let path = (dialect.canonical)(&on, &request.path);
        let path = path.as_deref().unwrap_or(&request.path);
        let caller = (dialect.caller)(&on, request);
        let found = self.pack.find(&request.host, &request.method, path);
        let route = found.as_ref().map(|(route, _)| *route);
        response.operation = route.map(|route| route.info.id);
        let outcome = caller.and_then(|caller| {
            response.principal = caller.as_ref().map(|row| self.name_of_actor(row));
            let preface = (dialect.preface)(&Prefacing {
                root: &on,
                request,
                route,
            })?;
            match (preface, found) {
                (Some(reply), _) => Ok(reply),
                (None, Some((route, params))) => {
                    let asked = Asked {
                        route,
                        params,
                        request,
                        caller,
                        now,
                    };
                    if let Some(Back { done, fault, .. }) = back {
                        response.fault = fault;
                        return self.run(asked, Some(done), response);
                    }
                    response.fault = self.troubles.strikes(route.info.id);
                    let caller = asked.caller.as_deref();
                    match self.refused_on_purpose(response.fault, route, caller, at) {
                        Some(refusal) => Err(refusal),
                        None => self.run(asked, None, response),
                    }
                }
                (None, None) => Err(self.gap(request, path, response)),
            }
        });
        match outcome {
            Ok(mut reply) => {
                if let Some(route) = route {
                    (dialect.shape)(request, route, &mut reply);
                }
                self.reply(request, reply, response);
            }
            Err(mut refusal) => {
                response.status = refusal.status;
                let mut headers = refusal.headers.iter();
                let gap = headers.find(|(name, _)| *name == UNMODELLED);
                if let Some((_, what)) = gap {
                    response.unmodelled = Some(what.clone());
                }
                response.headers.append(&mut refusal.headers);
                response.body = (dialect.refusal)(&refusal, route);
            }
        }
        route
    }

    /// The refusal that the plan of what goes wrong has for a call.
    fn refused_on_purpose(
        &self,
        fault: Option<FaultEffect>,
        route: &'static Route,
        caller: Option<&Row>,
        at: Timestamp,
    ) -> Option<Refusal> {
        let dialect = &self.pack.dialect;
        let rate = (dialect.rate)(Some(route));
        let allowance = (dialect.allowance)(rate, caller.is_some());
        let key = caller.map(|row| self.root.key(self.pack.actor.0, row));
        let is_counted = !dialect.uncounted.contains(&route.info.id);
        if is_counted
            && self
                .rates
                .is_used_up(key.as_ref(), rate, allowance, at.as_second())
        {
            let burst = false;
            return Some((dialect.limited)(&Limited { caller, burst }));
        }
        match fault? {
            FaultEffect::Status(status) => Some((dialect.failing)(status)),
            // Nobody reads it: the connection ends without an answer.
            FaultEffect::Drop => Some((dialect.failing)(503)),
            FaultEffect::RateLimit => {
                let burst = true;
                Some((dialect.limited)(&Limited { caller, burst }))
            }
            _ => None,
        }
    }

    /// An answer to be.
    fn response(&self) -> CloneResponse {
        CloneResponse {
            root_before: self.root.version(),
            ..CloneResponse::default()
        }
    }

    /// The request with its body in memory, where it is in a file that its operation does not
    /// take; the refusal where it is too long for that.
    fn unspooled(&self, request: &CloneRequest) -> Option<Result<CloneRequest, Refusal>> {
        let spool = request.spool.as_ref()?;
        let found = self
            .pack
            .find(&request.host, &request.method, &request.path);
        let takes_files = found.is_some_and(|(route, _)| {
            matches!(route.action, Action::Job { .. } | Action::Upload(_))
        });
        if takes_files {
            return None;
        }
        let too_long = || Refusal::new(413, "Request Entity Too Large");
        if spool.length() > IN_MEMORY {
            return Some(Err(too_long()));
        }
        let body = std::fs::read(spool.path()).map_err(|_| too_long());
        Some(body.map(|body| CloneRequest {
            body: body.into(),
            spool: None,
            ..request.clone()
        }))
    }

    /// Counts a call and gives its answer the headers of every answer.
    fn counted(
        &mut self,
        request: &CloneRequest,
        route: Option<&'static Route>,
        now: Timestamp,
        mut response: CloneResponse,
    ) -> CloneResponse {
        response.root_after = self.root.version();
        let caller = response
            .principal
            .as_deref()
            .and_then(|name| self.root.named(self.pack.actor.0, name).cloned());
        let rate = (self.pack.dialect.rate)(route);
        let key = caller
            .as_ref()
            .map(|row| self.root.key(self.pack.actor.0, row));
        let at = now.as_second();
        let allowance = (self.pack.dialect.allowance)(rate, key.is_some());
        let uncounted = self.pack.dialect.uncounted;
        if !response.operation.is_some_and(|id| uncounted.contains(&id)) {
            self.rates.count(key.as_ref(), rate, allowance, at);
        }
        let answering = Answering {
            request,
            route,
            caller: caller.as_deref(),
            calls: self.calls,
            rate,
            standing: self.rates.standing(key.as_ref(), rate, allowance, at),
            root: &self.root,
        };
        (self.pack.dialect.headers)(&answering, &mut response);
        self.calls += 1;
        response
    }

    fn name_of_actor(&self, row: &Row) -> String {
        (self.pack.tables[self.pack.actor.0].name_of)(row)
    }

    /// The refusal of a request that is for no modelled operation.
    fn gap(&self, request: &CloneRequest, path: &str, response: &mut CloneResponse) -> Refusal {
        // What is published is published for the first of the hosts.
        if !self.pack.is_first_site(&request.host) {
            let what = format!("{} {}", request.method, request.host);
            response.unmodelled = Some(format!("{what}{path}"));
            response.headers.push(("x-clone-unmodelled", what.clone()));
            return Refusal::new(501, format!("{what} is not modelled by this local clone"));
        }
        match route::published(self.pack.published, &request.method, path) {
            None => (self.pack.dialect.unknown)(),
            Some(published) => {
                response.unmodelled = Some(published.0.to_owned());
                response.headers.push((UNMODELLED, published.0.to_owned()));
                (self.pack.dialect.unmodelled)(published)
            }
        }
    }

    fn run(
        &mut self,
        asked: Asked<'_>,
        back: Option<Done>,
        response: &mut CloneResponse,
    ) -> Result<Reply, Refusal> {
        let Asked {
            route,
            params,
            request,
            caller,
            now,
        } = asked;
        let back = match (&route.action, back) {
            (Action::Apart(_), Some(done)) => {
                return done
                    .take()
                    .unwrap_or_else(|| Err((self.pack.dialect.unknown)()));
            }
            (_, back) => back,
        };
        let read = matches!(request.method.as_str(), "GET" | "HEAD");
        let begun = if read && response.fault == Some(FaultEffect::Stale) {
            &self.previous
        } else {
            &self.root
        };
        let mut call = Call {
            transaction: Transaction::begin(begun),
            request,
            params,
            query: form_urlencoded::parse(request.query.as_bytes()).collect(),
            caller,
            now,
            rates: &self.rates,
            attempts: &self.attempts,
            again: Vec::new(),
            found: Vec::new(),
        };
        for guard in route.guards {
            guard(&mut call)?;
        }
        let reply = match (&route.action, back) {
            (Action::Job { end, .. }, Some(done)) => end(&mut call, done)?,
            (Action::Job { begin, .. }, None) => {
                self.left = Some((begin(&mut call)?, None));
                return Ok(Reply::default());
            }
            (Action::Apart(hook), None) => {
                let work = apart(*hook, Arc::clone(begun), call);
                self.left = Some((work, Some(Arc::clone(&self.root))));
                return Ok(Reply::default());
            }
            (action, _) => act(action, &mut call, self.pack)?,
        };
        let (caller, found, again) = (call.caller, call.found, call.again);
        let (root, journal) = call.transaction.commit();
        let mut deliveries = (self.pack.dialect.announce)(&Announcing {
            after: &root,
            journal: &journal,
            caller: caller.as_deref(),
            operation: route.info.id,
            found: &found,
        });
        deliveries.extend(again);
        match response.fault {
            Some(FaultEffect::WebhookLost) => deliveries.clear(),
            Some(FaultEffect::WebhookTwice) => {
                let twice = deliveries.iter().flat_map(|one| [one.clone(), one.clone()]);
                deliveries = twice.collect();
            }
            _ => {}
        }
        response.deliveries = deliveries;
        if journal.is_empty() {
            return Ok(reply);
        }
        response.changes = changes(&root, &journal);
        self.previous = std::mem::replace(&mut self.root, root);
        Ok(reply)
    }

    fn reply(&self, request: &CloneRequest, reply: Reply, response: &mut CloneResponse) {
        response.status = reply.status;
        if let Some(gap) = reply.unmodelled {
            response.headers.push(("x-clone-unmodelled", gap.clone()));
            response.unmodelled = Some(gap);
        }
        response.total = reply.page.map(|page| page.total);
        let numbered = reply.page.and_then(|page| page.link(request));
        if let Some(page) = reply.link.or(numbered) {
            response.headers.push(("link", page));
        }
        response.headers.extend(reply.headers);
        if let Some(location) = reply.location {
            response.headers.push(("location", location));
        }
        if let Some(kind) = reply.content_type {
            response.headers.push(("content-type", kind.into_owned()));
        }
        if let Some(modified) = reply.modified {
            response
                .volatile_headers
                .push(("last-modified", http_date(modified.at)));
        }
        let read = matches!(request.method.as_str(), "GET" | "HEAD");
        let tag = reply
            .tag
            .filter(|_| read && (200..300).contains(&reply.status));
        if let Some(tag) = tag {
            let caller = response.principal.as_deref().unwrap_or_default();
            // Both may repeat a time or the id of a commit that was handed out; their exact text
            // follows the clock.
            let said = |text: &str| self.root.said(text).unwrap_or_else(|| text.to_owned());
            let path = said(&request.path);
            let query = said(&request.query);
            let tag = [path.as_str(), &query, caller]
                .iter()
                .fold(tag, |tag, text| fingerprint::bytes(tag, text.as_bytes()));
            let tag = entity_tag(tag);
            let known = request.header("if-none-match").is_some_and(|sent| {
                sent.split(',')
                    .map(|one| one.trim().trim_start_matches("W/"))
                    .any(|one| one == "*" || one == tag.trim_start_matches("W/"))
            });
            response.headers.push(("etag", tag));
            if known {
                response.status = 304;
                return;
            }
        }
        response.request_said = reply.request_said;
        if request.method != "HEAD" {
            response.spool = reply.spool;
        }
        if let Some(body) = reply.body
            && request.method != "HEAD"
        {
            response.body = body;
        }
    }
}

/// A weak entity tag of 64 hex digits.
fn entity_tag(tag: u64) -> String {
    let mut out = String::from("W/\"");
    let mut state = tag;
    for _ in 0..4 {
        state = fingerprint::mix(state, tag);
        // Sixteen digits each; writing to a String cannot fail.
        out.push_str(&format!("{state:016x}"));
    }
    out.push('"');
    out
}

/// A time as HTTP writes it.
fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

impl ServiceClone for Running {
    fn call(&mut self, request: &CloneRequest, now: Timestamp) -> CloneResponse {
        match self.begin(request, now) {
            Progress::Answered(response) => *response,
            Progress::Working(work) => {
                let done = work.run();
                self.finish(request, done, now)
            }
        }
    }

    fn begin(&mut self, request: &CloneRequest, now: Timestamp) -> Progress {
        let mut response = self.response();
        let unspooled = self.unspooled(request);
        let request = match &unspooled {
            None => request,
            Some(Ok(request)) => request,
            Some(Err(refusal)) => {
                response.status = refusal.status;
                response.body = (self.pack.dialect.refusal)(refusal, None);
                return Progress::Answered(Box::new(self.counted(request, None, now, response)));
            }
        };
        let route = self.answer(request, now, None, &mut response);
        match self.left.take() {
            Some((work, on)) => {
                let fault = response.fault;
                Progress::Working(Work::new(move || Back {
                    done: work.run(),
                    fault,
                    on,
                }))
            }
            None => Progress::Answered(Box::new(self.counted(request, route, now, response))),
        }
    }

    fn finish(&mut self, request: &CloneRequest, done: Done, now: Timestamp) -> CloneResponse {
        let mut response = self.response();
        let back: Option<Back> = done.take();
        let on = back.as_ref().and_then(|back| back.on.as_deref());
        let on = on.map(Root::version);
        let route = self.answer(request, now, back, &mut response);
        let mut response = self.counted(request, route, now, response);
        // Others may have changed the state since; this call is one on the state it has read.
        response.root_after = on.unwrap_or(response.root_after);
        response
    }

    fn trouble(&mut self, trouble: Trouble) {
        self.rates = Rates::limited(trouble.rate_limit);
        self.troubles = Troubles::new(trouble.faults);
    }

    fn attempted(&mut self, attempt: Attempt) {
        self.attempts.push(attempt);
    }

    fn state(&self) -> Arc<dyn CloneState> {
        Arc::new(State(Arc::clone(&self.root)))
    }

    fn diff(&self) -> Vec<RowDiff> {
        difference(&self.opened, &self.root)
    }

    fn reset(&mut self) {
        *self = Self::new(self.pack, Arc::clone(&self.opened));
    }

    fn restore(&mut self, state: &dyn CloneState) -> bool {
        let state: &dyn Any = state;
        let Some(State(root)) = state.downcast_ref::<State>() else {
            return false;
        };
        if !std::ptr::eq(root.pack(), self.pack) {
            return false;
        }
        let opened = Arc::clone(&self.opened);
        *self = Self {
            opened,
            ..Self::new(self.pack, Arc::clone(root))
        };
        true
    }

    fn fork(&self) -> Box<dyn ServiceClone> {
        Box::new(Self::new(self.pack, Arc::clone(&self.root)))
    }
}
