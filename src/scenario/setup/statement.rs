//! What a Setup can say.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value;

use super::amounts::Age;
use super::lexicon::NounId;

/// One thing that is said.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Statement {
    /// There are these.
    Exists {
        groups: Vec<Group>,
        /// In what, where the sentence begins with it.
        within: Option<Subject>,
    },
    /// These are or have that.
    About {
        subject: Subject,
        details: Vec<Detail>,
    },
}

/// Several things of a kind.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    pub(super) noun: NounId,
    pub(super) count: u64,
    pub(super) names: Vec<Name>,
    pub(super) details: Vec<Detail>,
    /// What is said of some of them.
    pub(super) parts: Vec<Part>,
    /// What is said of each in turn: a list below.
    pub(super) items: Vec<Item>,
    pub(super) span: Range<usize>,
}

/// How one thing is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Name {
    /// By a text.
    Text(String),
    /// By its number.
    Number(u64),
}

/// One of a group, in a list.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    pub(super) name: Option<Name>,
    pub(super) details: Vec<Detail>,
    pub(super) span: Range<usize>,
}

/// Some of a group and what is said of them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    pub(super) share: Share,
    pub(super) details: Vec<Detail>,
    pub(super) span: Range<usize>,
}

/// How many of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Share {
    All,
    /// `they`: all, where nothing was said of some of them in between.
    They,
    Exactly(u64),
    Half,
    /// Those of which nothing was said yet, and how many that must be.
    Rest(Option<u64>),
}

/// Of what something is said.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Subject {
    pub(super) who: Who,
    pub(super) span: Range<usize>,
}

/// Things that were spoken of.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Who {
    /// The one that was spoken of last, of a kind where one is named.
    It(Option<NounId>),
    /// Those of these names, in what is named; they come into being where nothing of their kind was counted.
    Named(NounId, Vec<Name>, Option<Box<Subject>>),
    /// So many of those that were spoken of last.
    Them(Share),
    /// So many of those of which there are so many: `3 of the 34`.
    OfSoMany(Share, u64),
    /// So many of those of a kind that are so.
    Those(NounId, Vec<Detail>, Share),
}

/// Something that a thing is or has.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Detail {
    pub(super) what: What,
    pub(super) span: Range<usize>,
}

/// What a thing is or has.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum What {
    /// Values of columns.
    Sets(BTreeMap<String, Value>),
    /// The relation of its noun at that place, with these values.
    Related(usize, Vec<String>),
    /// A number for the relation of its noun at that place.
    Measured(usize, u64),
    /// Nothing of the relation of its noun at that place.
    Unrelated(usize),
    /// When something happened to it.
    Time {
        column: String,
        age: Age,
        sets: BTreeMap<String, Value>,
    },
    /// What it is in.
    Within(Subject),
    /// What it contains.
    Holds(Group),
    /// A kind of which it contains nothing.
    HoldsNone(NounId),
}
