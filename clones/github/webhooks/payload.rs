//! The bodies of events.

use archal_core::clone::Rendered;

use super::happened::{Happened, Part};
use super::push;
use crate::engine::pack::Announcing;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::access::Permission;
use crate::github::pulls::merging;
use crate::github::render;
use crate::github::tables::{REPOS, REVIEWS, USERS, WORKFLOWS, hook, owner_of, repo, user};

/// The payload of an event for one webhook.
pub(super) fn of(of: &Announcing<'_>, happened: &Happened, to: &Row) -> Rendered {
    let mut out = Writer::with_capacity(of.after, 16_384, 16_384);
    out.raw("{");
    if let Some(action) = &happened.action {
        out.key("action").text(action);
    }
    for (name, part) in &happened.parts {
        match part {
            Part::Row(table, row) if *name == "status" => {
                push::status(of, of.after.rendered(*table, row), row, &mut out);
            }
            Part::Row(table, row) if *table == REVIEWS => {
                out.key(name);
                render::review::told(of.after, row, &mut out);
            }
            Part::Row(table, row) if *table == WORKFLOWS => {
                out.key(name);
                render::actions::workflow(of.after, row, &mut out);
            }
            Part::Row(table, row) => {
                out.key(name).rendered(&of.after.rendered(*table, row).0);
            }
            Part::Pull(row) => {
                out.key(name);
                // What belongs to a pull request shows it as lists do.
                let whole = happened.event == "pull_request";
                let merging = whole.then(|| merging::untried(of.after, row));
                render::pull::pull(of.after, row, merging.as_ref(), &mut out);
            }
            Part::Text(text) if *name == "number" => {
                out.key(name).raw(text);
            }
            Part::Text(text) => {
                out.key(name).text(text);
            }
            Part::Changes(changes) => {
                out.key(name).raw("{");
                for (field, from) in changes {
                    out.key(field).raw("{").key("from").text(from).raw("}");
                }
                out.raw("}");
            }
            Part::Time(at) => {
                out.key(name).time(*at);
            }
            Part::Push(moved) => {
                push::write(of, &happened.repo, moved, &mut out);
            }
            Part::Ping(row) => {
                out.key("zen").text("Keep it logically awesome.");
                out.key("hook_id").int(row.int(hook::ID));
                out.key("hook");
                render::hook::hook(of.after, to, &mut out);
            }
        }
    }
    let row = of.after.named(REPOS, &happened.repo);
    if let Some(row) = row {
        out.key("repository");
        let detail = render::repo::Detail::Listed;
        render::repo::repo(of.after, row, detail, Some(Permission::Admin), &mut out);
        let owner = of.after.named(USERS, owner_of(row.text(repo::FULL_NAME)));
        if let Some(owner) = owner.filter(|owner| owner.text(user::TYPE) == "Organization") {
            out.key("organization");
            render::org::simple(owner, &mut out);
        }
    }
    if let Some(caller) = of.caller {
        out.key("sender");
        render::user::named(of.after, Some(caller.text(user::LOGIN)), &mut out);
    }
    out.raw("}");
    out.finish()
}
