//! One exchange: which operation it was, and what becomes of it.

use archal_core::clone::{Exchange, Fact, Observation, changes_by_method};
use archal_core::graphql::{self, Kind};
use serde_json::Value;

use super::deeds::{Change, Deed, Does, Shows, deed};
use super::places::Named;
use super::shape::{Fields, Seen, Shape};
use crate::engine::route::Params;
use crate::engine::table::TableId;
use crate::github::PACK;
use crate::github::tables::{ORG_MEMBERS, REPOS, TABLES, issue, org_member, pull, repo};

/// What one exchange proves.
pub(in crate::github) fn observe(exchange: &Exchange<'_>) -> Observation {
    let Some((route, params)) = PACK.find(exchange.host, exchange.method, exchange.path) else {
        return Observation::default();
    };
    let mut observing = Observing {
        exchange,
        id: route.info.id,
        template: route.info.path,
        params,
        facts: Vec::new(),
        gaps: Vec::new(),
        is_whole: false,
    };
    let deed = deed(route.info.id, exchange.method);
    observing.is_whole = deed.is_whole()
        && match exchange.method {
            // That a row is there is all that is shown without a body; of a list it is nothing.
            "HEAD" => matches!(deed.shows, Shows::One(_)),
            _ => exchange.response_body.is_some(),
        };
    match exchange.status {
        202 if exchange.method == "GET" => {}
        200..=299 => observing.success(deed),
        404 | 410 if exchange.method == "GET" => observing.absent(),
        // Whether it was done before the answer was lost is not known.
        0 | 500.. => observing.unanswered(deed),
        _ => {}
    }
    Observation {
        operation: Some(route.info.id),
        facts: observing.facts,
        gaps: observing.gaps,
        is_whole: observing.is_whole,
    }
}

/// Whether a request asks to change something. What reads by another method than `GET` are questions
/// of the GraphQL interface, what git fetches, and what renders a text.
pub(in crate::github) fn changes(
    host: &str,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> bool {
    if !changes_by_method(host, method, path, body) {
        return false;
    }
    match PACK
        .find(host, method, path)
        .map(|(route, _)| route.info.id)
    {
        Some("graphql") => body.is_none_or(|body| graphql::kind(body) != Kind::Question),
        Some("web/git-upload-pack") => false,
        Some(id) => {
            let deed = deed(id, method);
            !matches!((&deed.shows, &deed.does), (Shows::Nothing, Does::Reads))
        }
        None => true,
    }
}

pub(super) struct Observing<'a> {
    pub(super) exchange: &'a Exchange<'a>,
    pub(super) id: &'static str,
    pub(super) template: &'static str,
    params: Params<'a>,
    pub(super) facts: Vec<Fact>,
    pub(super) gaps: Vec<String>,
    /// Whether all that a read shows is among the facts.
    pub(super) is_whole: bool,
}

impl Observing<'_> {
    pub(super) fn param(&self, name: &str) -> &str {
        self.params
            .iter()
            .find(|(key, _)| *key == name)
            .map_or("", |(_, value)| value)
    }

    /// The repository in the path; empty where it names none.
    pub(super) fn repo(&self) -> String {
        match self.param("repo") {
            "" => String::new(),
            repo => format!("{}/{repo}", self.param("owner")),
        }
    }

    /// The issue in the path.
    pub(super) fn issue(&self) -> String {
        let number = match self.param("issue_number") {
            "" => self.param("pull_number"),
            number => number,
        };
        format!("{}#{number}", self.repo())
    }

    /// The repository of an object: as its own address has it, else as the path has it.
    pub(super) fn repo_of(&self, body: &Value) -> String {
        if let Some(name) = body
            .pointer("/repository/full_name")
            .and_then(Value::as_str)
        {
            return name.to_owned();
        }
        let url = ["repository_url", "issue_url", "pull_request_url", "url"]
            .iter()
            .find_map(|name| body.get(*name)?.as_str());
        url.and_then(|url| url.split_once("/repos/"))
            .map(|(_, rest)| rest.splitn(3, '/').take(2).collect::<Vec<_>>().join("/"))
            .filter(|name| name.contains('/'))
            .unwrap_or_else(|| self.repo())
    }

    /// Adds a fact once.
    pub(super) fn fact(&mut self, fact: Fact) {
        // What is said again was said a moment ago: the same person, the same label.
        let recent = self.facts.len().saturating_sub(64);
        if !self.facts[recent..].contains(&fact) {
            self.facts.push(fact);
        }
    }

    pub(super) fn row(&mut self, seen: Seen, written: Vec<&'static str>) {
        self.fact(Fact::Row {
            table: TABLES[seen.table].seed.name,
            key: seen.key,
            fields: seen.fields,
            written,
        });
    }

    pub(super) fn created(&mut self, seen: Seen) {
        self.fact(Fact::Created {
            table: TABLES[seen.table].seed.name,
            key: seen.key.clone(),
        });
        let all = TABLES[seen.table].seed.fields.iter();
        let written = all.map(|field| field.name).collect();
        self.row(seen, written);
    }

    pub(super) fn deleted(&mut self, table: TableId, key: String) {
        self.fact(Fact::Deleted {
            table: TABLES[table].seed.name,
            key,
        });
    }

    /// A row of which fields are told, without an object that shows it.
    pub(super) fn told(
        &mut self,
        table: TableId,
        fields: &[(usize, Value)],
        written: Vec<&'static str>,
    ) -> Option<String> {
        let columns = TABLES[table].columns;
        let fields: Fields = fields
            .iter()
            .map(|(at, value)| (columns[*at].field.name.to_owned(), value.clone()))
            .collect();
        let key = super::shape::key_of(table, &fields)?;
        let seen = Seen {
            table,
            key: key.clone(),
            repo: String::new(),
            fields,
        };
        self.row(seen, written);
        Some(key)
    }

    pub(super) fn implied(&mut self, table: TableId, key: String, column: usize, value: &str) {
        self.fact(Fact::Implied {
            table: TABLES[table].seed.name,
            key,
            field: TABLES[table].seed.fields[column].name,
            value: Value::from(value),
        });
    }

    pub(super) fn standin(&mut self, table: TableId, key: &str, column: usize, value: Value) {
        self.fact(Fact::Standin {
            table: TABLES[table].seed.name,
            key: key.to_owned(),
            field: TABLES[table].seed.fields[column].name,
            value,
        });
    }

    /// Nothing is certain any more of rows whose keys begin like that.
    pub(super) fn uncertain(&mut self, tables: &[TableId], prefix: String) {
        self.fact(Fact::Uncertain {
            tables: tables.iter().map(|at| TABLES[*at].seed.name).collect(),
            prefix,
            fields: Vec::new(),
        });
    }

    /// A field of many rows may have changed.
    pub(super) fn swept(&mut self, table: TableId, prefix: String, columns: &[usize]) {
        let fields = TABLES[table].seed.fields;
        self.fact(Fact::Uncertain {
            tables: vec![TABLES[table].seed.name],
            prefix,
            fields: columns.iter().map(|at| fields[*at].name).collect(),
        });
    }

    pub(super) fn unread(&mut self) {
        self.is_whole = false;
        self.gaps
            .push(format!("{}: the response body could not be read", self.id));
    }

    /// A 404 to a read: the last thing the path names is not to be seen.
    fn absent(&mut self) {
        if let Some(named) = self.named().pop().filter(|named| named.whole)
            && let Some(key) = named.key
        {
            self.fact(Fact::Absent {
                table: TABLES[named.table].seed.name,
                key,
            });
        }
        self.nothing_there();
    }

    fn success(&mut self, deed: &'static Deed) {
        // Whatever lies below a row proves the row.
        let removed = matches!(deed.does, Does::Removes);
        let mut named = self.named();
        if removed && named.last().is_some_and(|named| named.whole) {
            named.pop();
        }
        for one in named.into_iter().filter(|one| one.shown) {
            self.path_proves(one);
        }
        if deed.pushes && !self.repo().is_empty() {
            self.needs_push();
        }
        match (&deed.does, &deed.shows) {
            (Does::Removes, _) => self.removed(),
            (Does::Unclear, _) => self.unclear(),
            (_, Shows::Nothing) if matches!(deed.does, Does::Changes(_)) => {
                self.changed_unseen(deed);
            }
            (_, Shows::Nothing) => {}
            (_, Shows::Silence(done)) => done(self),
            (_, shows) => match self.exchange.response_body {
                Some(body) => self.shown(deed, shows, body),
                None if self.exchange.status == 204 || self.exchange.method == "HEAD" => {
                    self.changed_unseen(deed);
                }
                None => {
                    self.gaps
                        .push(format!("{}: the response body was not captured", self.id));
                    self.changed_unseen(deed);
                }
            },
        }
    }

    fn shown(&mut self, deed: &'static Deed, shows: &Shows, body: &Value) {
        match shows {
            Shows::Nothing | Shows::Silence(_) => {}
            Shows::By(read) => read(self, body),
            Shows::Many(shape) => self.list(shape, body),
            Shows::One(shape) => {
                let at = self.facts.len();
                let Some(seen) = self.seen(shape, body) else {
                    self.unread();
                    self.changed_unseen(deed);
                    return;
                };
                (shape.beside)(self, &seen, body);
                match deed.does {
                    Does::Creates => self.made(at, seen),
                    Does::Changes(changes) => {
                        self.closer(body);
                        let written = self.written(changes, seen.table);
                        self.change_beside(at, &seen, changes);
                        self.row(seen, written);
                    }
                    _ => self.row(seen, Vec::new()),
                }
            }
        }
    }

    /// The row that is shown was made, and so were the rows of the same key beside it.
    fn made(&mut self, at: usize, seen: Seen) {
        // What is new has no children before it is there.
        let beside: Vec<Fact> = self.facts.split_off(at);
        for fact in beside {
            match fact {
                Fact::Count { .. } => {}
                Fact::Row {
                    table, key, fields, ..
                } if key == seen.key => {
                    let table = TABLES.iter().position(|one| one.seed.name == table);
                    if let Some(table) = table {
                        self.created(Seen {
                            table,
                            key,
                            repo: seen.repo.clone(),
                            fields,
                        });
                    }
                }
                fact => self.fact(fact),
            }
        }
        let maker = ["user", "creator", "author"]
            .iter()
            .find_map(|name| seen.fields.get(*name)?.as_str());
        if let Some(login) = maker {
            let key = login.to_owned();
            self.joined(&key, &seen);
            self.fact(Fact::Actor { key });
        }
        self.numbered(&seen);
        self.created(seen);
    }

    /// Who closed an issue by this very call is who calls.
    fn closer(&mut self, body: &Value) {
        let asked = self
            .exchange
            .request_body
            .and_then(|body| body.get("state"));
        let login = body.pointer("/closed_by/login").and_then(Value::as_str);
        // One that was closed before keeps who closed it, and was not changed by closing it again.
        let at = |name: &str| body.get(name).and_then(Value::as_str);
        let now = at("closed_at").is_some() && at("closed_at") == at("updated_at");
        if let (Some("closed"), Some(login), true) = (asked.and_then(Value::as_str), login, now) {
            let key = login.to_owned();
            self.fact(Fact::Actor { key });
        }
    }

    /// Who made a thing is a member of the organisation where the thing says so.
    fn joined(&mut self, login: &str, seen: &Seen) {
        let association = seen
            .fields
            .get("author_association")
            .and_then(Value::as_str);
        let owner = seen.repo.split('/').next().unwrap_or_default();
        if association == Some("MEMBER") && !owner.is_empty() {
            let fields = [
                (org_member::ORG, Value::from(owner)),
                (org_member::USER, Value::from(login)),
            ];
            self.told(ORG_MEMBERS, &fields, Vec::new());
        }
    }

    /// The columns of a table that the request set.
    fn written(&mut self, changes: &'static [Change], table: TableId) -> Vec<&'static str> {
        let asked = self.exchange.request_body.and_then(Value::as_object);
        if asked.is_none() && changes.iter().any(|change| !change.asked.is_empty()) {
            self.gaps
                .push(format!("{}: the request body was not captured", self.id));
        }
        let of = |change: &&Change| {
            change.table == table
                && (change.asked.is_empty()
                    || asked.is_none_or(|asked| asked.contains_key(change.asked)))
        };
        let columns = changes.iter().filter(of).flat_map(|change| change.columns);
        let fields = TABLES[table].seed.fields;
        let mut written: Vec<_> = columns.map(|at| fields[*at].name).collect();
        written.sort_unstable();
        written.dedup();
        written
    }

    /// Rows beside the one shown that are the same thing: the issue of a pull request.
    fn change_beside(&mut self, at: usize, seen: &Seen, changes: &'static [Change]) {
        for place in at..self.facts.len() {
            let Fact::Row { table, key, .. } = &self.facts[place] else {
                continue;
            };
            let table = TABLES.iter().position(|one| one.seed.name == *table);
            let Some(table) = table.filter(|table| *table != seen.table && *key == seen.key) else {
                continue;
            };
            let columns = self.written(changes, table);
            if let Fact::Row { written, .. } = &mut self.facts[place] {
                *written = columns;
            }
        }
    }

    /// A change whose answer does not show what it is about.
    fn changed_unseen(&mut self, deed: &'static Deed) {
        match deed.does {
            Does::Changes(changes) => {
                let tables: Vec<TableId> = changes.iter().map(|change| change.table).collect();
                let Some(key) = self.named().pop().and_then(|named| named.key) else {
                    self.unclear();
                    return;
                };
                for table in tables {
                    let fields = self.written(changes, table);
                    self.fact(Fact::Written {
                        table: TABLES[table].seed.name,
                        key: key.clone(),
                        fields,
                    });
                }
            }
            Does::Creates => {
                let table = match deed.shows {
                    Shows::One(shape) => shape.table,
                    _ => return self.unclear(),
                };
                let prefix = self.repo();
                self.uncertain(&[table], prefix);
            }
            Does::Unclear => self.unclear(),
            Does::Reads | Does::Removes => {}
        }
    }

    /// A call whose outcome is not known.
    fn unanswered(&mut self, deed: &'static Deed) {
        match deed.does {
            Does::Reads => {
                if !matches!(self.exchange.method, "GET" | "HEAD")
                    && matches!(deed.shows, Shows::By(_) | Shows::Silence(_))
                {
                    self.unclear();
                }
            }
            Does::Removes => match self.named().pop() {
                Some(Named {
                    table,
                    key: Some(key),
                    ..
                }) => self.uncertain(&[table], key),
                _ => self.unclear(),
            },
            _ => self.changed_unseen(deed),
        }
    }

    /// What it changed is not described, so it may be anything of the repository.
    pub(super) fn unclear(&mut self) {
        let repo = self.repo();
        self.uncertain(&[], repo);
    }

    /// A star was given or taken back. The repository's own time of change does not tell of it.
    pub(super) fn starred_or_not(&mut self) {
        self.unclear();
        let repo = self.repo();
        self.swept(REPOS, repo, &[repo::STARGAZERS]);
    }

    /// An issue's number, where an answer numbers what it made.
    fn numbered(&mut self, seen: &Seen) {
        let number = match seen.table {
            crate::github::tables::ISSUES => TABLES[seen.table].seed.fields[issue::NUMBER].name,
            crate::github::tables::PULLS => TABLES[seen.table].seed.fields[pull::NUMBER].name,
            _ => return,
        };
        if let Some(number) = seen.fields.get(number).cloned() {
            self.next_number(&seen.repo, number);
        }
    }

    /// Proves what a shape shows of an object at a place in a body, if there is one.
    pub(super) fn show_at(
        &mut self,
        shape: &'static Shape,
        body: &Value,
        at: &str,
    ) -> Option<String> {
        let inner = body.pointer(at).filter(|inner| inner.is_object())?;
        self.show(shape, inner)
    }
}
