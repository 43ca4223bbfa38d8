//! Why a criterion came out as it did: the rows that decided it and what was found.

use cel::common::ast::{ComprehensionExpr, Expr, LiteralValue, operators};
use cel::common::types::{CelBool, CelInt, CelList};
use cel::common::value::Val;
use cel::{Context, IdedExpr, Value};
use serde::Serialize;

use super::fold::{self, Fold};
use super::syntax::{Parsed, children};
use super::values::{ObjectVal, Times, to_json};

/// A row that decided a criterion.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EvidenceRow {
    /// Its natural key, where it is a row of a collection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Its content, times relative to the run's base. Bodies of calls are left out.
    pub value: serde_json::Value,
}

impl EvidenceRow {
    /// The most rows that are kept.
    pub const MOST: usize = 20;
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    pub(super) rows: Vec<EvidenceRow>,
    pub(super) total: usize,
    pub(super) vacuous: bool,
    pub(super) explanation: String,
}

/// Finds what decided the expression, which was `passed`.
pub(super) fn gather(
    parsed: &Parsed,
    context: &Context<'_, '_>,
    times: &Times,
    passed: bool,
) -> Evidence {
    let mut gatherer = Gatherer {
        parsed,
        context,
        times,
        rows: Vec::new(),
        total: 0,
        notes: Vec::new(),
    };
    let vacuous = gatherer.explain(&parsed.expr, passed);
    Evidence {
        vacuous: passed && vacuous,
        rows: gatherer.rows,
        total: gatherer.total,
        explanation: gatherer.notes.join("; "),
    }
}

struct Gatherer<'a, 'p, 'v> {
    parsed: &'a Parsed,
    context: &'a Context<'p, 'v>,
    times: &'a Times,
    rows: Vec<EvidenceRow>,
    total: usize,
    notes: Vec<String>,
}

impl Gatherer<'_, '_, '_> {
    /// Explains why an expression is `value`; gives back whether it is only so because there
    /// was nothing to look at.
    fn explain(&mut self, expr: &IdedExpr, value: bool) -> bool {
        match &expr.expr {
            Expr::Call(call) => match (call.func_name.as_str(), call.args.as_slice()) {
                (operators::LOGICAL_NOT, [operand]) => self.explain(operand, !value),
                (operators::LOGICAL_AND, [left, right]) => self.parts([left, right], value, true),
                (operators::LOGICAL_OR, [left, right]) => self.parts([left, right], value, false),
                (
                    operators::EQUALS
                    | operators::NOT_EQUALS
                    | operators::LESS
                    | operators::LESS_EQUALS
                    | operators::GREATER
                    | operators::GREATER_EQUALS
                    | operators::IN,
                    [left, right],
                ) => self.comparison(&call.func_name, left, right),
                _ => {
                    self.state(expr, value);
                    self.lists_in(expr);
                    false
                }
            },
            Expr::Comprehension(fold) => self.quantifier(fold, value),
            _ => {
                self.state(expr, value);
                false
            }
        }
    }

    fn state(&mut self, expr: &IdedExpr, value: bool) {
        let what = self.words(expr);
        self.notes.push(format!("{what} is {value}"));
    }

    /// Explains `and` and `or`: the parts that decide it.
    fn parts(&mut self, parts: [&IdedExpr; 2], value: bool, all: bool) -> bool {
        let mut vacuous = true;
        for part in parts {
            let own = self.truth(part);
            // A part that decides alone: false of an `and`, true of an `or`.
            if value == all || own == Some(value) {
                vacuous &= match own {
                    Some(own) => self.explain(part, own),
                    None => false,
                };
            }
        }
        vacuous
    }

    fn truth(&self, expr: &IdedExpr) -> Option<bool> {
        let value = Value::resolve_val(expr, self.context).ok()?;
        value.downcast_ref::<CelBool>().map(|value| *value.inner())
    }

    fn comparison(&mut self, operator: &str, left: &IdedExpr, right: &IdedExpr) -> bool {
        for side in [left, right] {
            if matches!(side.expr, Expr::Literal(_)) {
                continue;
            }
            if let Some(fold) = counted_filter(side) {
                let (found, total) = (self.size(side), self.len(&fold.iter_range));
                if let (Some(found), Some(total)) = (found, total) {
                    let what = self.words(&fold.iter_range);
                    self.notes
                        .push(format!("{found} of {total} of {what} match"));
                    continue;
                }
            }
            if let Some(found) = self.short(side) {
                let what = self.words(side);
                self.notes.push(format!("{what} is {found}"));
            }
        }
        let before = self.total;
        self.lists_in(left);
        self.lists_in(right);
        // "The number of … is 0" says the same as "no … is": with nothing to look at it is
        // vacuous too.
        before == self.total
            && operator == operators::EQUALS
            && is_zero(right)
            && counted_filter(left).is_some_and(|fold| self.len(&fold.iter_range) == Some(0))
    }

    fn quantifier(&mut self, fold: &ComprehensionExpr, value: bool) -> bool {
        let Some(kind) = Fold::of(fold) else {
            return false;
        };
        let total = self.len(&fold.iter_range).unwrap_or(0);
        let what = self.words(&fold.iter_range);
        match kind {
            // The verdict already says that no row breaks it, or that none matches.
            Fold::All(_) if value => {
                self.notes
                    .push(format!("it holds for all {total} of {what}"));
                total == 0
            }
            Fold::All(condition) => {
                let broken = self.matching(fold, fold::not(condition));
                self.notes
                    .push(format!("{broken} of {total} of {what} break it"));
                false
            }
            Fold::Exists(_) if !value => {
                self.notes.push(format!("0 of {total} of {what} match"));
                total == 0
            }
            Fold::Exists(condition) => {
                let found = self.matching(fold, condition.clone());
                self.notes
                    .push(format!("{found} of {total} of {what} match"));
                false
            }
            Fold::ExistsOne(condition) => {
                let found = self.matching(fold, condition.clone());
                self.notes
                    .push(format!("{found} of {total} of {what} match, one is wanted"));
                false
            }
            Fold::Collect { .. } => false,
        }
    }

    /// Adds the rows of a macro's range that satisfy a condition; gives back their number.
    fn matching(&mut self, fold: &ComprehensionExpr, condition: IdedExpr) -> usize {
        let rows = fold::filter(&fold.iter_range, &fold.iter_var, condition);
        self.add(&rows)
    }

    /// Adds the rows of the outermost lists an expression is made from.
    fn lists_in(&mut self, expr: &IdedExpr) {
        match &expr.expr {
            Expr::Comprehension(fold) => {
                match Fold::of(fold) {
                    // A mapped list shows the rows it was made from.
                    Some(Fold::Collect { guard, .. }) => match guard {
                        Some(guard) => self.matching(fold, guard.clone()),
                        None => self.mapped(fold),
                    },
                    Some(Fold::All(condition)) => self.matching(fold, fold::not(condition)),
                    Some(Fold::Exists(condition) | Fold::ExistsOne(condition)) => {
                        self.matching(fold, condition.clone())
                    }
                    None => 0,
                };
            }
            Expr::Select(_) => {
                self.add(expr);
            }
            Expr::Ident(name) if name == "calls" => {
                self.add(expr);
            }
            _ => {
                for child in children(expr) {
                    self.lists_in(child);
                }
            }
        }
    }

    fn mapped(&mut self, fold: &ComprehensionExpr) -> usize {
        let before = self.total;
        self.lists_in(&fold.iter_range);
        self.total - before
    }

    /// Adds the rows of a list; gives back their number, 0 for what is no list of objects.
    fn add(&mut self, expr: &IdedExpr) -> usize {
        let Ok(value) = Value::resolve_val(expr, self.context) else {
            return 0;
        };
        let Some(list) = value.downcast_ref::<CelList<'_>>() else {
            return 0;
        };
        for item in list.inner() {
            if self.rows.len() == EvidenceRow::MOST {
                break;
            }
            let key = item
                .downcast_ref::<ObjectVal>()
                .and_then(ObjectVal::key)
                .map(ToOwned::to_owned);
            self.rows.push(EvidenceRow {
                key,
                value: to_json(item.as_ref(), self.times),
            });
        }
        self.total += list.inner().len();
        list.inner().len()
    }

    fn len(&self, expr: &IdedExpr) -> Option<usize> {
        let value = Value::resolve_val(expr, self.context).ok()?;
        value
            .downcast_ref::<CelList<'_>>()
            .map(|list| list.inner().len())
    }

    fn size(&self, expr: &IdedExpr) -> Option<i64> {
        let value = Value::resolve_val(expr, self.context).ok()?;
        value.downcast_ref::<CelInt>().map(|size| *size.inner())
    }

    /// A value in words, where it is short enough to be read.
    fn short(&self, expr: &IdedExpr) -> Option<String> {
        let value = Value::resolve_val(expr, self.context).ok()?;
        let text = to_json(value.as_ref() as &dyn Val, self.times).to_string();
        (text.len() <= 80).then_some(text)
    }

    /// The expression as written, where it is short enough to be read.
    fn words(&self, expr: &IdedExpr) -> String {
        let span = self.parsed.extent(expr);
        let text = self
            .parsed
            .source()
            .get(span.start..span.end)
            .unwrap_or_default();
        if text.is_empty() || text.chars().count() > 80 {
            "the value".to_owned()
        } else {
            text.to_owned()
        }
    }
}

fn is_zero(expr: &IdedExpr) -> bool {
    matches!(
        &expr.expr,
        Expr::Literal(LiteralValue::Int(number)) if *number.inner() == 0
    )
}

/// The filter whose size an expression is.
fn counted_filter(expr: &IdedExpr) -> Option<&ComprehensionExpr> {
    let Expr::Call(call) = &expr.expr else {
        return None;
    };
    if call.func_name != "size" {
        return None;
    }
    let list = call.target.as_deref().or_else(|| call.args.first())?;
    match &list.expr {
        Expr::Comprehension(fold)
            if matches!(Fold::of(fold), Some(Fold::Collect { guard: Some(_), .. })) =>
        {
            Some(fold)
        }
        _ => None,
    }
}
