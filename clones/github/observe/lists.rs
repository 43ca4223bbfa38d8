//! Pages of lists.

use archal_core::clone::Fact;
use serde_json::Value;

use super::exchange::Observing;
use super::shape::Shape;
use crate::github::tables::TABLES;

/// Where the rows of a page are, in answers that are no list themselves.
const ITEMS: &[&str] = &[
    "items",
    "artifacts",
    "jobs",
    "workflow_runs",
    "workflows",
    "repositories",
];

impl Observing<'_> {
    /// A page of a list.
    pub(super) fn list(&mut self, shape: &'static Shape, body: &Value) {
        let total = body.get("total_count").and_then(Value::as_u64);
        let within = || ITEMS.iter().find_map(|name| body.get(*name)?.as_array());
        let Some(items) = body.as_array().or_else(within) else {
            self.gaps
                .push(format!("{}: the response body is not a list", self.id));
            return;
        };
        let mut keys = Vec::with_capacity(items.len());
        for item in items {
            match self.show(shape, item) {
                Some(key) => keys.push(key),
                None => self.gaps.push(format!(
                    "{}: an item of the list could not be read",
                    self.id
                )),
            }
        }
        let (page, per_page) = (self.page(), self.per_page());
        let more = match total {
            Some(total) => Some(page.saturating_mul(per_page) < total),
            None => self.more(items.len()),
        };
        let list = self.list_name();
        let only = self.only();
        self.fact(Fact::Page {
            table: TABLES[shape.table].seed.name,
            list,
            page,
            per_page,
            keys,
            more,
            only,
        });
    }

    /// What the rows of the list hold, where it has every one that does.
    fn only(&self) -> Option<Vec<(&'static str, Value)>> {
        let (in_repo, states): (_, &[&str]) = match self.id {
            "issues/list-for-repo" | "issues/list-milestones" => ("repo", &["open"]),
            "issues/list-labels-for-repo" => ("repo", &[]),
            _ => return None,
        };
        let mut only = vec![(in_repo, Value::from(self.repo()))];
        let mut state = states.first().copied().map(str::to_owned);
        for (name, value) in self.query() {
            match name.as_str() {
                "state" if value == "all" => state = None,
                "state" => state = Some(value),
                "page" | "per_page" | "sort" | "direction" => {}
                _ => return None,
            }
        }
        only.extend(state.map(|state| ("state", Value::from(state))));
        Some(only)
    }

    pub(super) fn query(&self) -> impl Iterator<Item = (String, String)> {
        form_urlencoded::parse(self.exchange.query.as_bytes()).into_owned()
    }

    pub(super) fn asked(&self, name: &str) -> Option<String> {
        self.query()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
            .filter(|value| !value.is_empty())
    }

    pub(super) fn number(&self, of: &str, usual: u64) -> u64 {
        self.query()
            .find(|(name, _)| name == of)
            .and_then(|(_, value)| value.parse().ok())
            .filter(|value| *value > 0)
            .unwrap_or(usual)
    }

    pub(super) fn page(&self) -> u64 {
        self.number("page", 1)
    }

    pub(super) fn per_page(&self) -> u64 {
        self.number("per_page", 30).min(100)
    }

    /// Whether more pages follow a page of `count` items.
    pub(super) fn more(&self, count: usize) -> Option<bool> {
        let headers = self.exchange.response_headers;
        if let Some(link) = headers.get("link") {
            return Some(link.contains("rel=\"next\""));
        }
        // GitHub leaves the header out where all is on one page; whether the recorder did is told
        // by headers that every answer has.
        let all = ["x-github-request-id", "x-github-media-type"];
        let recorded = all.iter().any(|name| headers.contains_key(*name));
        ((count as u64) < self.per_page() || recorded).then_some(false)
    }

    /// Path and filters in order of name, without paging.
    pub(super) fn list_name(&self) -> String {
        let mut filters: Vec<_> = self
            .query()
            .filter(|(name, _)| name != "page" && name != "per_page")
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        filters.sort();
        if filters.is_empty() {
            self.exchange.path.to_owned()
        } else {
            format!("{}?{}", self.exchange.path, filters.join("&"))
        }
    }
}
