//! Parsing CEL text, with positions and bounds.

use std::sync::{Arc, LazyLock};
use std::thread;

use archal_core::diagnostic::{Diagnostic, Span};
use cel::common::ast::{CallExpr, EntryExpr, Expr, SourceInfo, operators};
use cel::{Env, IdedExpr};

use super::functions;

/// The longest expression, in bytes.
const MAX_SOURCE: usize = 8 * 1024;
/// How deep an expression may nest; evaluation and dropping recurse that deep.
const MAX_DEPTH: usize = 120;
/// The stack of threads that walk expressions, in bytes. Evaluation takes some kilobytes a
/// level in debug builds.
pub(super) const STACK_BYTES: usize = 16 << 20;

/// The environment every criterion is parsed and evaluated in.
pub(super) static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib().with_optional_support(false);
    functions::register(&mut env);
    Arc::new(env)
});

/// A parsed expression, macros expanded.
#[derive(Debug)]
pub(super) struct Parsed {
    /// The tree.
    pub(super) expr: IdedExpr,
    /// Where its nodes stand.
    info: SourceInfo,
}

impl Parsed {
    /// The text.
    pub(super) fn source(&self) -> &str {
        &self.info.source
    }

    /// The token a node was made at; macros and calls give their opening parenthesis.
    pub(super) fn token(&self, expr: &IdedExpr) -> Span {
        let (start, last) = self.info.offset_for(expr.id).unwrap_or((0, 0));
        self.span_of(start as usize, last as usize + 1)
    }

    /// The text of a node and what is below it, brackets included.
    pub(super) fn extent(&self, expr: &IdedExpr) -> Span {
        let token = self.token(expr);
        let whole = match &expr.expr {
            Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => token,
            Expr::Select(select) if select.test => Span {
                start: self.function(expr, "has").start,
                end: self.closing(token.start),
            },
            Expr::Select(select) => Span {
                start: self.extent(&select.operand).start,
                end: self.field(&select.operand, &select.field).end,
            },
            Expr::Comprehension(fold) => Span {
                start: self.extent(&fold.iter_range).start,
                end: self.closing(token.start),
            },
            Expr::List(_) | Expr::Map(_) | Expr::Struct(_) => Span {
                start: token.start,
                end: self.closing(token.start),
            },
            Expr::Call(call) => self.call_extent(call, expr, token),
        };
        self.balanced(whole)
    }

    fn call_extent(&self, call: &CallExpr, expr: &IdedExpr, token: Span) -> Span {
        if let Some(target) = &call.target {
            return Span {
                start: self.extent(target).start,
                end: self.closing(token.start),
            };
        }
        let opens = self.source().as_bytes().get(token.start) == Some(&b'(');
        let is_operator = call.func_name.contains(['_', '@', '!']) && !opens;
        let arguments: Vec<Span> = call
            .args
            .iter()
            .map(|argument| self.extent(argument))
            .collect();
        let first = arguments.first().map_or(token.start, |span| span.start);
        let last = arguments.last().map_or(token.end, |span| span.end);
        if call.func_name == operators::INDEX {
            Span {
                start: first,
                end: self.closing(token.start),
            }
        } else if is_operator {
            Span {
                start: first.min(token.start),
                end: last.max(token.end),
            }
        } else {
            Span {
                start: self.function(expr, &call.func_name).start,
                end: self.closing(token.start),
            }
        }
    }

    /// One past the bracket that closes the one at `open`.
    fn closing(&self, open: usize) -> usize {
        let mut depth = 0_usize;
        let mut quote = None;
        let mut escaped = false;
        for (at, byte) in self.source().bytes().enumerate().skip(open) {
            match (quote, byte) {
                (Some(_), _) if escaped => escaped = false,
                (Some(_), b'\\') => escaped = true,
                (Some(mark), byte) if mark == byte => quote = None,
                (Some(_), _) => {}
                (None, b'\'' | b'"') => quote = Some(byte),
                (None, b'(' | b'[' | b'{') => depth += 1,
                (None, b')' | b']' | b'}') => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return at + 1;
                    }
                }
                (None, _) => {}
            }
        }
        self.source().len()
    }

    /// Takes in the opening parentheses of a group at its start: groups are no nodes.
    fn balanced(&self, span: Span) -> Span {
        let source = self.source();
        let text = source.get(span.start..span.end).unwrap_or_default();
        let missing = text
            .matches(')')
            .count()
            .saturating_sub(text.matches('(').count());
        let mut start = span.start;
        for _ in 0..missing {
            let before = source.get(..start).unwrap_or_default().trim_end();
            if !before.ends_with('(') {
                break;
            }
            start = before.len() - 1;
        }
        self.span_of(start, span.end)
    }

    /// The field name of a selection on `operand`.
    pub(super) fn field(&self, operand: &IdedExpr, field: &str) -> Span {
        let from = self.extent(operand).end;
        self.find(from, field)
            .unwrap_or_else(|| self.span_of(from, from))
    }

    /// The name of the function a call node calls; it stands before the parenthesis.
    pub(super) fn function(&self, call: &IdedExpr, name: &str) -> Span {
        let token = self.token(call);
        let before = self.source().get(..token.start).unwrap_or_default();
        match before.rfind(name) {
            Some(start) => self.span_of(start, start + name.len()),
            None => token,
        }
    }

    /// The name before the opening parenthesis of a macro.
    pub(super) fn macro_name(&self, fold: &IdedExpr) -> Span {
        let token = self.token(fold);
        let before = self
            .source()
            .get(..token.start)
            .unwrap_or_default()
            .trim_end();
        let start = before
            .rfind(|c: char| !c.is_alphanumeric() && c != '_')
            .map_or(0, |at| at + 1);
        self.span_of(start.min(before.len()), before.len())
    }

    fn find(&self, from: usize, text: &str) -> Option<Span> {
        let rest = self.source().get(from..)?;
        let start = from + rest.find(text)?;
        Some(self.span_of(start, start + text.len()))
    }

    fn span_of(&self, start: usize, end: usize) -> Span {
        let len = self.source().len();
        Span {
            start: start.min(len),
            end: end.min(len).max(start.min(len)),
        }
    }
}

/// Parses an expression.
pub(super) fn parse(source: &str) -> Result<Arc<Parsed>, Vec<Diagnostic>> {
    if source.len() > MAX_SOURCE {
        return Err(vec![Diagnostic::error(
            "criterion/too-long",
            format!(
                "an expression has at most {MAX_SOURCE} bytes, this one {}",
                source.len()
            ),
        )]);
    }
    let text = source.to_owned();
    // The parser recurses several frames for each level, more than a small stack takes.
    let worker = thread::Builder::new()
        .name("criterion-parse".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(move || parse_here(&text));
    let Ok(worker) = worker else {
        return Err(vec![Diagnostic::error(
            "criterion/no-thread",
            "the expression could not be parsed: no thread could be started",
        )]);
    };
    worker.join().unwrap_or_else(|_| {
        Err(vec![Diagnostic::error(
            "criterion/not-cel",
            "the expression could not be parsed",
        )])
    })
}

fn parse_here(source: &str) -> Result<Arc<Parsed>, Vec<Diagnostic>> {
    match ENVIRONMENT.parser().parse_with_source_info(source) {
        Ok((expr, info)) => {
            if depth_of(&expr) > MAX_DEPTH {
                return Err(vec![Diagnostic::error(
                    "criterion/too-deep",
                    format!("an expression nests at most {MAX_DEPTH} deep"),
                )]);
            }
            Ok(Arc::new(Parsed { expr, info }))
        }
        Err(errors) => {
            // Errors after the first are mostly its consequences.
            let first = errors.errors.first();
            let message = first.map_or("not an expression", |error| error.msg.as_str());
            let at = first.map_or(0, |error| offset_of(source, error.pos));
            let end = source[at..]
                .chars()
                .next()
                .map_or(at, |c| at + c.len_utf8());
            Err(vec![
                Diagnostic::error(
                    "criterion/not-cel",
                    format!("not a CEL expression: {}", plain_message(message)),
                )
                .at(at..end),
            ])
        }
    }
}

/// The parser's message without its list of every token that could have stood there.
fn plain_message(message: &str) -> String {
    if message == "argument must be a simple name" {
        return "the first argument of a macro is the name of its variable".to_owned();
    }
    let message = message.strip_prefix("Syntax error: ").unwrap_or(message);
    let message = message
        .split_once(" expecting ")
        .map_or(message, |(start, _)| start);
    message
        .replace("mismatched input '<EOF>'", "it ends too early")
        .replace("extraneous input", "unexpected")
        .replace("mismatched input", "unexpected")
        .replace("token recognition error at:", "unexpected")
        .replace("= '", "='")
}

/// The byte offset of a line and a column in characters, both from 1.
fn offset_of(source: &str, (line, column): (isize, isize)) -> usize {
    let line = usize::try_from(line).unwrap_or(1).max(1);
    let column = usize::try_from(column).unwrap_or(1).max(1);
    let mut start = 0;
    for (number, text) in source.split_inclusive('\n').enumerate() {
        if number + 1 == line {
            return text
                .char_indices()
                .nth(column - 1)
                .map_or(start + text.len(), |(at, _)| start + at);
        }
        start += text.len();
    }
    source.len()
}

/// The nodes directly below one.
pub(super) fn children(expr: &IdedExpr) -> Vec<&IdedExpr> {
    match &expr.expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => Vec::new(),
        Expr::Call(call) => call
            .target
            .as_deref()
            .into_iter()
            .chain(&call.args)
            .collect(),
        Expr::Comprehension(fold) => vec![
            &fold.iter_range,
            &fold.accu_init,
            &fold.loop_cond,
            &fold.loop_step,
            &fold.result,
        ],
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => map
            .entries
            .iter()
            .flat_map(|entry| entry_parts(&entry.expr))
            .collect(),
        Expr::Select(select) => vec![&select.operand],
        Expr::Struct(literal) => literal
            .entries
            .iter()
            .flat_map(|entry| entry_parts(&entry.expr))
            .collect(),
    }
}

fn entry_parts(entry: &EntryExpr) -> Vec<&IdedExpr> {
    match entry {
        EntryExpr::StructField(field) => vec![&field.value],
        EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
    }
}

/// How deep a tree is, without recursion: it may be deeper than the stack allows.
fn depth_of(expr: &IdedExpr) -> usize {
    let mut deepest = 0;
    let mut open = vec![(expr, 1)];
    while let Some((node, depth)) = open.pop() {
        deepest = deepest.max(depth);
        open.extend(children(node).into_iter().map(|child| (child, depth + 1)));
    }
    deepest
}
