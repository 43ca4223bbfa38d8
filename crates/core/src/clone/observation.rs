//! What recorded exchanges prove about a service's state.

use std::collections::BTreeMap;

use serde_json::Value;

/// A recorded request and response, as a trace has it.
#[derive(Debug, Clone, Copy)]
pub struct Exchange<'a> {
    /// The method in capitals.
    pub method: &'a str,
    /// The host, lower case, without port.
    pub host: &'a str,
    /// The path as sent.
    pub path: &'a str,
    /// The query as sent, without `?`.
    pub query: &'a str,
    /// The request body; none where not captured or empty.
    pub request_body: Option<&'a Value>,
    /// The status; 0 where none came back or none was captured: whether it was done is not known.
    pub status: u16,
    /// Response headers that were captured, names in lower case.
    pub response_headers: &'a BTreeMap<String, String>,
    /// The response body; none where not captured or empty.
    pub response_body: Option<&'a Value>,
}

/// What one exchange proves.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observation {
    /// The operation it was, where one is modelled.
    pub operation: Option<&'static str>,
    /// What it proves, in the order in which it must be applied.
    pub facts: Vec<Fact>,
    /// What could not be used, for the reader: a body that was not captured.
    pub gaps: Vec<String>,
    /// Whether all that a read shows is in what it proves. Of files of a pull request, of checks and
    /// of comparisons nothing is taken: there the answer itself is all the evidence there is.
    pub is_whole: bool,
}

/// One thing an exchange proves about the service's state. Field values are in the shape of the
/// seed document, times absolute in RFC 3339.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// A row was there, before and after the exchange.
    Row {
        /// The table.
        table: &'static str,
        /// Its key.
        key: String,
        /// What its fields were after the exchange.
        fields: BTreeMap<String, Value>,
        /// Fields the exchange may have set: their value before it is not shown by it.
        written: Vec<&'static str>,
    },
    /// A field holds at least that: what follows from the service having answered as it did. It
    /// counts only where no exchange shows the field itself.
    Implied {
        /// The table.
        table: &'static str,
        /// The row's key.
        key: String,
        /// The field.
        field: &'static str,
        /// Its value.
        value: Value,
    },
    /// What may stand in a field that no exchange shows. It counts where nothing else does, and is
    /// marked as made up.
    Standin {
        /// The table.
        table: &'static str,
        /// The row's key.
        key: String,
        /// The field.
        field: &'static str,
        /// Its value.
        value: Value,
    },
    /// One entry of a field that holds a map of texts: a file of a repository.
    Part {
        /// The table.
        table: &'static str,
        /// The row's key.
        key: String,
        /// The field.
        field: &'static str,
        /// The name of the entry.
        part: String,
        /// What it holds.
        holds: PartHolds,
        /// Whether the exchange set it: what it held before is not shown then.
        written: bool,
    },
    /// The exchange may have set these fields of a row, if it was done at all; whether the row is
    /// there is not shown.
    Written {
        /// The table.
        table: &'static str,
        /// The row's key.
        key: String,
        /// The fields.
        fields: Vec<&'static str>,
    },
    /// The exchange may have made, changed or removed any row whose key begins like this: what is
    /// seen of them afterwards does not show how they were, unless they say that they are older.
    Uncertain {
        /// The tables; every one where empty.
        tables: Vec<&'static str>,
        /// What the keys begin with.
        prefix: String,
        /// The fields it may have changed, whatever the rows say of their age; any where empty.
        fields: Vec<&'static str>,
    },
    /// The exchange made a row: it was not there before.
    Created {
        /// The table.
        table: &'static str,
        /// Its key.
        key: String,
    },
    /// The exchange removed a row: it was there before.
    Deleted {
        /// The table.
        table: &'static str,
        /// Its key.
        key: String,
    },
    /// A row was not there, or not visible to the caller.
    Absent {
        /// The table.
        table: &'static str,
        /// Its key.
        key: String,
    },
    /// The exchange was asked to take a row, and its answer leaves it out without a word: the row is
    /// not there, or not one to be taken.
    PassedOver {
        /// The table.
        table: &'static str,
        /// Its key.
        key: String,
    },
    /// The exchange changed a row that it names by its `node_id` alone. Where nothing before it
    /// shows a row with that id, it may have changed anything.
    OfNode {
        /// The id.
        id: String,
        /// What it may have changed.
        touched: Touched,
    },
    /// One page of a list.
    Page {
        /// The table listed.
        table: &'static str,
        /// What was listed, for people and as identity: path and filters without paging.
        list: String,
        /// The page, from 1.
        page: u64,
        /// Rows a page.
        per_page: u64,
        /// Keys in the order answered.
        keys: Vec<String>,
        /// Whether more pages follow; none where the response does not say.
        more: Option<bool>,
        /// What the rows of the list hold, where it has every row that holds this; none where it
        /// cannot be said so.
        only: Option<Vec<(&'static str, Value)>>,
    },
    /// A row has that many children in `table`, whether they were seen or not.
    Count {
        /// The table of the children.
        table: &'static str,
        /// The field of the child that holds the parent's key.
        field: &'static str,
        /// The parent's key.
        parent: String,
        /// How many there were before the exchange.
        count: u64,
    },
    /// Who the caller is.
    Actor {
        /// The key in the users' table.
        key: String,
    },
}

/// What an entry of a map-valued field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartHolds {
    /// This text.
    Text(String),
    /// Something that is not shown.
    Unseen,
    /// Nothing: it is not there.
    Nothing,
}

/// What an exchange may have changed, of a row and around it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touched {
    /// Fields of the rows with its key, by table.
    pub fields: Vec<(&'static str, Vec<&'static str>)>,
    /// The table whose row with that key it removed.
    pub removed: Option<&'static str>,
    /// Tables of which it may have made or changed any row whose key begins as that one does, up to
    /// the first `#` or `:`.
    pub around: Vec<&'static str>,
    /// Fields that it may have set of any such row, by table.
    pub swept: Vec<(&'static str, Vec<&'static str>)>,
}

impl Touched {
    /// The fields that rows may have got without another time of change, which would tell: by table.
    pub fn unsigned(&self) -> Vec<(&'static str, Vec<&'static str>)> {
        let signed = |table: &str| {
            let mut own = self.fields.iter().filter(|(of, _)| *of == table);
            own.any(|(_, fields)| fields.contains(&"updated_at"))
        };
        let own = self.fields.iter().filter(|(table, _)| !signed(table));
        own.chain(&self.swept).cloned().collect()
    }

    /// The same as facts, for the row with that key.
    pub fn facts(&self, table: &'static str, key: &str) -> Vec<Fact> {
        let prefix = key.split(['#', ':']).next().unwrap_or_default();
        let mut facts: Vec<Fact> = self
            .fields
            .iter()
            .map(|(table, fields)| Fact::Written {
                table,
                key: key.to_owned(),
                fields: fields.clone(),
            })
            .collect();
        if !self.around.is_empty() {
            facts.push(Fact::Uncertain {
                tables: self.around.clone(),
                prefix: prefix.to_owned(),
                fields: Vec::new(),
            });
        }
        facts.extend(self.swept.iter().map(|(table, fields)| Fact::Uncertain {
            tables: vec![*table],
            prefix: prefix.to_owned(),
            fields: fields.clone(),
        }));
        // One that is of another table is not the one that was meant.
        facts.extend(
            self.removed
                .filter(|removed| *removed == table)
                .map(|table| Fact::Deleted {
                    table,
                    key: key.to_owned(),
                }),
        );
        facts
    }
}
