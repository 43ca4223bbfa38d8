//! A service as data: what the engine needs to know to be that service.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use archal_core::clone::{
    CloneRequest, CloneResponse, Delivery, NamedSeed, Rendered, Spool, Stamp, ViewRow,
};
use archal_core::diagnostic::Diagnostic;
use serde_json::Value;

use super::attempts::Attempts;
use super::input::Problem;
use super::page::Page;
use super::rate::{Allowance, Rates, Standing};
use super::root::Root;
use super::route::{Params, Published, Route, Router, Site};
use super::row::{Draft, Row};
use super::table::{Relation, Table, TableId};
use super::transaction::{Entry, Transaction};
use super::writer::Writer;

/// The header that says that this clone has not what the service has.
pub(crate) const UNMODELLED: &str = "x-clone-unmodelled";

/// A service.
pub(crate) struct Pack {
    /// Its name, for diagnostics.
    pub name: &'static str,
    /// Its tables, parents before children.
    pub tables: &'static [Table],
    /// What binds the tables together, by area.
    pub relations: &'static [&'static [Relation]],
    /// The operations it models, by the hosts they are served on.
    pub sites: &'static [Site],
    /// The same sorted for finding, made at the first request.
    pub router: OnceLock<Router>,
    /// All operations of the published description.
    pub published: &'static [Published],
    /// Its named starting states.
    pub seeds: &'static [(NamedSeed, &'static str)],
    /// The table whose row the caller is, and what a seed calls the owner of the credentials.
    pub actor: (TableId, &'static str),
    /// Picks the actor where a seed does not name one.
    pub actor_by_default: fn(&Draft) -> bool,
    /// Fills in what follows from the rest of a seed row.
    pub complete: fn(&mut Completing<'_>, TableId, &mut Draft),
    /// Its dialect.
    pub dialect: Dialect,
    /// The criteria view: each collection with its table, in order.
    pub views: &'static [View],
    /// Collections of it whose rows are many to a row of their table.
    pub derived: &'static [Derived],
}

impl Pack {
    /// Whether a host has the operations of the first site: its own hosts and every unknown one.
    pub(crate) fn is_first_site(&self, host: &str) -> bool {
        let others = self.sites.get(1..).unwrap_or_default();
        !others.iter().any(|site| site.hosts.contains(&host))
    }

    /// The modelled operation of a request and its path parameters.
    pub(crate) fn find<'a>(
        &self,
        host: &str,
        method: &str,
        path: &'a str,
    ) -> Option<(&'static Route, Params<'a>)> {
        let router = self.router.get_or_init(|| Router::new(self.sites));
        router.find(host, method, path)
    }

    /// The modelled operation of that id.
    pub(crate) fn operation(&self, id: &str) -> Option<&'static Route> {
        let areas = self.sites.iter().flat_map(|site| site.areas).copied();
        areas.flatten().find(|route| route.info.id == id)
    }
}

/// How a service talks.
pub(crate) struct Dialect {
    /// Who the caller is; none for an anonymous one.
    pub caller: fn(&Root, &CloneRequest) -> Result<Option<Arc<Row>>, Refusal>,
    /// The path that a request is for, where it is another one than it says.
    pub canonical: fn(&Root, &str) -> Option<String>,
    /// What it says before any operation: to what no operation may answer, and to preflights.
    pub preface: fn(&Prefacing<'_>) -> Result<Option<Reply>, Refusal>,
    /// Gives a good answer the form that the request asks for.
    pub shape: fn(&CloneRequest, &Route, &mut Reply),
    /// The body of a refusal.
    pub refusal: fn(&Refusal, Option<&Route>) -> Rendered,
    /// What it says to a path it does not know.
    pub unknown: fn() -> Refusal,
    /// What it says to a published operation that is not modelled.
    pub unmodelled: fn(&Published) -> Refusal,
    /// What it says when it fails with that status for no reason of the caller's.
    pub failing: fn(u16) -> Refusal,
    /// What it says to a caller who has made too many calls.
    pub limited: fn(&Limited<'_>) -> Refusal,
    /// What it tells webhooks of a change.
    pub announce: fn(&Announcing<'_>) -> Vec<Delivery>,
    /// What is wrong with a body, in the service's words.
    pub bad_input: fn(&Problem) -> Refusal,
    /// Which page of a list of that many rows a call asks for.
    pub page: fn(&Call<'_>, usize) -> Page,
    /// The rate that an operation counts against.
    pub rate: fn(Option<&'static Route>) -> &'static str,
    /// The operations that count against no rate.
    pub uncounted: &'static [&'static str],
    /// What a rate allows; the flag is whether the caller has credentials.
    pub allowance: fn(&str, bool) -> Allowance,
    /// Adds the headers of every answer.
    pub headers: fn(&Answering<'_>, &mut CloneResponse),
}

/// What a preface is made from.
pub(crate) struct Prefacing<'a> {
    /// The state before the call.
    pub root: &'a Root,
    /// The request.
    pub request: &'a CloneRequest,
    /// The modelled operation it is for.
    pub route: Option<&'static Route>,
}

/// What deliveries are made from.
pub(crate) struct Announcing<'a> {
    /// The state after the call.
    pub after: &'a Root,
    /// What it changed, in order.
    pub journal: &'a [Entry],
    /// Who called.
    pub caller: Option<&'a Row>,
    /// The operation that answered.
    pub operation: &'static str,
    /// The rows that its path named.
    pub found: &'a [(TableId, Arc<Row>)],
}

/// Whom a limit is held against.
pub(crate) struct Limited<'a> {
    /// Who called.
    pub caller: Option<&'a Row>,
    /// Whether it is a brake on bursts, which says how long to wait, and not the caller's
    /// allowance that is used up.
    pub burst: bool,
}

/// What the headers of an answer are made from.
pub(crate) struct Answering<'a> {
    /// The request.
    pub request: &'a CloneRequest,
    /// The modelled operation it is for.
    pub route: Option<&'static Route>,
    /// Who called.
    pub caller: Option<&'a Row>,
    /// How many calls there were before.
    pub calls: u64,
    /// The rate it counts against.
    pub rate: &'static str,
    /// Where the caller stands with this call.
    pub standing: Standing,
    /// The state after the call.
    pub root: &'a Root,
}

/// A collection of the criteria view.
#[derive(Clone, Copy)]
pub(crate) struct View {
    /// Its name.
    pub name: &'static str,
    /// Its table.
    pub table: TableId,
    /// Which rows of the table are in it; none for all.
    pub shows: Option<fn(&Root, &Row) -> bool>,
    /// A row as the view has it.
    pub row: fn(&Root, &Row) -> ViewRow,
}

/// A collection of the criteria view that is found through rows: the files of a repository.
pub(crate) struct Derived {
    /// Its name.
    pub name: &'static str,
    /// The table; whatever changes the collection changes a row of it.
    pub table: TableId,
    /// What a row stands for, each with a key of its own.
    pub rows: fn(&Root, &Row) -> Vec<ViewRow>,
}

/// What completes seed rows: the state so far.
pub(crate) struct Completing<'a> {
    /// The state so far: parents are in it.
    pub transaction: &'a mut Transaction,
    /// Problems found on the way.
    pub diagnostics: &'a mut Vec<Diagnostic>,
    /// The owner of the credentials as the seed writes it.
    pub actor: &'a str,
    /// Whether the row was told of something that is kept elsewhere, and is no row itself.
    pub spent: bool,
}

/// A request on its way through a pack.
pub(crate) struct Call<'a> {
    /// The state, and the way to change it.
    pub transaction: Transaction,
    /// The request.
    pub request: &'a CloneRequest,
    /// What the path's parameters stand for.
    pub params: Params<'a>,
    /// The query, decoded.
    pub query: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// Who calls.
    pub caller: Option<Arc<Row>>,
    /// The time that whatever this call sets gets.
    pub now: Stamp,
    /// What callers have spent.
    pub rates: &'a Rates,
    /// What became of deliveries.
    pub attempts: &'a Attempts,
    /// Deliveries that are to be sent once more.
    pub again: Vec<Delivery>,
    /// Rows that guards found by the path.
    pub found: Vec<(TableId, Arc<Row>)>,
}

impl Call<'_> {
    /// The state inside the transaction.
    pub(crate) fn root(&self) -> &Root {
        self.transaction.root()
    }

    /// A path parameter; empty where the path has none of that name.
    pub(crate) fn param(&self, name: &str) -> &str {
        self.params
            .iter()
            .find(|(key, _)| *key == name)
            .map_or("", |(_, value)| value)
    }

    /// A path parameter that is a number.
    pub(crate) fn number(&self, name: &str) -> i64 {
        self.param(name).parse().unwrap_or(0)
    }

    /// A query parameter; none where absent or empty.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_ref())
            .filter(|value| !value.is_empty())
    }

    /// The row that a guard found in `table`.
    pub(crate) fn row(&self, table: TableId) -> Result<Arc<Row>, Refusal> {
        self.found
            .iter()
            .find(|(at, _)| *at == table)
            .map(|(_, row)| Arc::clone(row))
            .ok_or_else(Refusal::lost)
    }
}

/// A service's refusal. What it is in bytes is the dialect's.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// What the service says.
    pub message: Cow<'static, str>,
    /// What is wrong with which field.
    pub errors: Vec<Value>,
    /// The page that explains it, where it is not the operation's own.
    pub docs: Option<&'static str>,
    /// Further fields of its body.
    pub fields: Vec<(&'static str, Value)>,
    /// Headers beside those of every answer: `location`, `retry-after`.
    pub headers: Vec<(&'static str, String)>,
}

impl Refusal {
    /// A refusal without field errors.
    pub(crate) fn new(status: u16, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            message: message.into(),
            errors: Vec::new(),
            fields: Vec::new(),
            docs: None,
            headers: Vec::new(),
        }
    }

    /// The same with field errors.
    pub(crate) fn with(mut self, errors: Vec<Value>) -> Self {
        self.errors = errors;
        self
    }

    /// The same explained elsewhere.
    pub(crate) fn see(mut self, docs: &'static str) -> Self {
        self.docs = Some(docs);
        self
    }

    /// The refusal of what the service can do and this clone cannot; the run is inconclusive.
    pub(crate) fn gap(operation: &str, what: &str) -> Self {
        let message = format!("{what} is not modelled by this local clone");
        let mut refusal = Self::new(501, message);
        let name = format!("{operation} ({what})");
        refusal.headers.push((UNMODELLED, name));
        refusal
    }

    /// A manifest that uses a row which no guard found; a test calls every route.
    fn lost() -> Self {
        Self::new(500, "Server Error")
    }
}

/// A service's answer.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body; none for statuses without one.
    pub body: Option<Rendered>,
    /// Which page of a list it is.
    pub page: Option<Page>,
    /// The `Link` header, where pages do not go by number.
    pub link: Option<String>,
    /// A fingerprint of what it shows, from versions and keys.
    pub tag: Option<u64>,
    /// When what it shows was changed last.
    pub modified: Option<Stamp>,
    /// Where a new row is to be found, or where to go on a 3xx.
    pub location: Option<String>,
    /// What the body is, where it is not what the service's answers are.
    pub content_type: Option<Cow<'static, str>>,
    /// What the service has and the clone has not, where a part of the answer would need it.
    pub unmodelled: Option<String>,
    /// The body for the client where it is in a file; evidence is in [`Self::body`].
    pub spool: Option<Spool>,
    /// What is written down of the request's body, where that is not what it is.
    pub request_said: Option<String>,
    /// Headers beside those of every answer.
    pub headers: Vec<(&'static str, String)>,
}

impl Reply {
    /// A body.
    pub(crate) fn new(status: u16, body: Rendered) -> Self {
        Self {
            status,
            body: Some(body),
            ..Self::default()
        }
    }

    /// A body that is written anew each time; `version` is that of the row it shows.
    pub(crate) fn written(status: u16, body: Rendered, version: u64) -> Self {
        let tag = super::fingerprint::bytes(version, &body.evidence);
        Self {
            tag: Some(tag),
            ..Self::new(status, body)
        }
    }

    /// No content.
    pub(crate) fn empty() -> Self {
        Self {
            status: 204,
            ..Self::default()
        }
    }

    /// A row as lists show it.
    pub(crate) fn row(status: u16, root: &Root, table: TableId, row: &Row) -> Self {
        let (rendered, print) = root.rendered(table, row);
        Self {
            status,
            body: Some(rendered.clone()),
            tag: Some(*print),
            ..Self::default()
        }
    }

    /// A page of rows as lists show them.
    pub(crate) fn rows<'a>(
        root: &Root,
        table: TableId,
        rows: impl Iterator<Item = &'a Arc<Row>>,
        page: Option<Page>,
    ) -> Self {
        let rows: Vec<&Arc<Row>> = rows.collect();
        let mut sizes = (2, 2);
        let mut tag = page.map_or(1, |page| page.fingerprint());
        for row in &rows {
            let (rendered, print) = root.rendered(table, row);
            sizes.0 += rendered.wire.len() + 1;
            sizes.1 += rendered.evidence.len() + 1;
            tag = super::fingerprint::mix(tag, *print);
        }
        let body = root.pages().body(table, &rows, || {
            let mut writer = Writer::with_capacity(root.base(), sizes.0, sizes.1);
            writer.raw("[");
            for row in &rows {
                writer.item().rendered(&root.rendered(table, row).0);
            }
            writer.raw("]");
            writer.finish()
        });
        Self {
            status: 200,
            body: Some(body),
            page,
            tag: Some(tag),
            ..Self::default()
        }
    }
}
