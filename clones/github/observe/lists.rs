//! Pages of lists.

use std::collections::BTreeMap;

use archal_core::clone::Fact;
use serde_json::Value;

use super::exchange::{Observing, Seen};
use crate::engine::table::TableId;
use crate::github::tables::{REPOS, TABLES};

impl Observing<'_> {
    /// A page of a list; `read` proves an item and says its key.
    pub(super) fn list(
        &mut self,
        table: TableId,
        body: &Value,
        read: fn(&mut Self, &Value) -> Option<String>,
    ) {
        let total = body.get("total_count").and_then(Value::as_u64);
        let Some(items) = body.as_array().or_else(|| body.get("items")?.as_array()) else {
            self.gaps
                .push(format!("{}: the response body is not a list", self.id));
            return;
        };
        let mut keys = Vec::new();
        for item in items {
            if item.get("pull_request").is_some() {
                let number = item.get("number").and_then(Value::as_i64).unwrap_or(0);
                let problem = format!("{}: pull request {number} is not modelled", self.id);
                self.gaps.push(problem);
                continue;
            }
            match read(self, item) {
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
        self.fact(Fact::Page {
            table: TABLES[table].seed.name,
            list,
            page,
            per_page,
            keys,
            more,
        });
    }

    pub(super) fn query(&self) -> impl Iterator<Item = (String, String)> {
        form_urlencoded::parse(self.exchange.query.as_bytes()).into_owned()
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

    pub(super) fn assignees(&mut self, body: &Value) {
        let items = body.as_array().map(Vec::as_slice).unwrap_or_default();
        let logins: Vec<String> = items.iter().filter_map(|one| self.user(one)).collect();
        if self.page() == 1 && self.more(items.len()) == Some(false) {
            let repo = self.repo();
            let fields = BTreeMap::from([
                ("full_name".to_owned(), Value::from(repo.as_str())),
                ("collaborators".to_owned(), Value::from(logins)),
            ]);
            self.row(REPOS, Seen { key: repo, fields }, Vec::new());
        }
    }
}
