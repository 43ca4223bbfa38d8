//! What operations do.

use std::sync::Arc;

use super::input::Inputs;
use super::pack::{Call, Pack, Refusal, Reply};
use super::page::Page;
use super::route::Action;
use super::row::Row;
use super::table::TableId;

/// Does what an operation does.
pub(super) fn act(
    action: &Action,
    call: &mut Call<'_>,
    pack: &'static Pack,
) -> Result<Reply, Refusal> {
    match action {
        Action::Get { table } => {
            let row = call.row(*table)?;
            Ok(Reply::row(200, call.root(), *table, &row))
        }
        Action::List {
            table,
            index,
            group,
            filter,
        } => {
            let group = group(call)?;
            let filter = filter.map(|filter| filter(call)).transpose()?;
            let root = call.root();
            let rows = root.group(*table, *index, &group);
            let rows = rows.into_iter().flat_map(|rows| rows.values());
            Ok(match filter {
                None => {
                    let total = root.count(*table, *index, &group);
                    let page = (pack.dialect.page)(call, total);
                    let rows = rows.skip(page.skip()).take(page.take());
                    Reply::rows(root, *table, rows, Some(page))
                }
                Some(shows) => {
                    let rows: Vec<_> = rows.filter(|row| shows(root, row)).collect();
                    let page: Page = (pack.dialect.page)(call, rows.len());
                    let rows = rows.into_iter().skip(page.skip()).take(page.take());
                    Reply::rows(root, *table, rows, Some(page))
                }
            })
        }
        Action::Create {
            table,
            inputs,
            make,
            then,
            location,
        } => {
            let inputs = read(call, inputs, pack)?;
            let draft = make(call, inputs)?;
            let row = call.transaction.put(*table, draft);
            then(call, &row);
            let row = as_it_is(call, *table, row);
            let mut reply = Reply::row(201, call.root(), *table, &row);
            reply.location = Some(location(&row));
            Ok(reply)
        }
        Action::Patch {
            table,
            inputs,
            change,
            then,
        } => {
            let inputs = read(call, inputs, pack)?;
            let old = call.row(*table)?;
            let draft = change(call, &old, inputs)?;
            if draft == old.draft() {
                return Ok(Reply::row(200, call.root(), *table, &old));
            }
            let row = call.transaction.replace(*table, &old, draft);
            then(call, &row);
            let row = as_it_is(call, *table, row);
            Ok(Reply::row(200, call.root(), *table, &row))
        }
        Action::Delete { table, then } => {
            let row = call.row(*table)?;
            let key = call.root().key(*table, &row);
            call.transaction.remove(*table, &key);
            then(call, &row);
            Ok(Reply::empty())
        }
        Action::Hook(hook) | Action::Apart(hook) | Action::Upload(hook) => hook(call),
        // Jobs begin and end where the clone is at hand.
        Action::Job { .. } => Err((pack.dialect.unknown)()),
    }
}

/// A row after what followed from writing it, which may have written it again.
fn as_it_is(call: &Call<'_>, table: TableId, row: Arc<Row>) -> Arc<Row> {
    let key = call.root().key(table, &row);
    call.root().get(table, &key).cloned().unwrap_or(row)
}

/// The body of a call by what the operation declares.
pub(crate) fn read(
    call: &Call<'_>,
    declared: &'static [super::input::Input],
    pack: &'static Pack,
) -> Result<Inputs, Refusal> {
    Inputs::read(&call.request.body, declared).map_err(|problem| (pack.dialect.bad_input)(&problem))
}
