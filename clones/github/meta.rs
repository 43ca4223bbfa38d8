//! What the API says of itself: addresses, versions, limits, a word of wisdom.

use archal_core::clone::{Rendered, Stamp};
use jiff::Timestamp;

use super::dialect::allowance;
use super::preface::VERSIONS;
use super::render::{API, WEB};
use super::tables::USERS;
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::writer::Writer;

/// `GET /`.
pub(super) fn root(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut out = Writer::new(call.root());
    out.raw("{");
    for (name, path) in ADDRESSES {
        out.key(name).text(&format!("{API}{path}"));
    }
    let settings = format!("{WEB}/settings/connections/applications{{/client_id}}");
    out.key("current_user_authorizations_html_url")
        .text(&settings);
    out.raw("}");
    Ok(Reply::written(200, out.finish(), 0))
}

/// `GET /meta`. The addresses are those of this machine, where the clone is.
pub(super) fn get(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut out = Writer::new(call.root());
    out.raw("{")
        .key("verifiable_password_authentication")
        .bool(false);
    for name in ["hooks", "web", "api", "git"] {
        out.key(name).raw(r#"["127.0.0.1/32","::1/128"]"#);
    }
    out.raw("}");
    Ok(Reply::written(200, out.finish(), 0))
}

/// `GET /versions`.
pub(super) fn versions(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut out = Writer::new(call.root());
    out.raw("[");
    for version in VERSIONS {
        out.item().text(version);
    }
    out.raw("]");
    Ok(Reply::written(200, out.finish(), 0))
}

/// `GET /zen`.
pub(super) fn zen(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    // Which one follows from the state, so that the same calls are told the same.
    let at = call.root().version() % SENTENCES.len() as u64;
    let sentence = SENTENCES[usize::try_from(at).unwrap_or(0)];
    Ok(plain(sentence, "text/plain;charset=utf-8"))
}

/// `GET /octocat`.
pub(super) fn octocat(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let said = call.query("s").unwrap_or(SENTENCES[0]);
    let width = said.chars().count();
    let (line, gap) = ("_".repeat(width + 2), " ".repeat(width + 2));
    let text = OCTOCAT
        .replace("{line}", &line)
        .replace("{gap}", &gap)
        .replace("{said}", said);
    let mut reply = plain(&text, "application/octocat-stream");
    if let Some(body) = &mut reply.body {
        let root = call.root();
        if let Some(evidence) = root.times().rewrite(&text, root.base()) {
            body.evidence = evidence.into();
        }
    }
    Ok(reply)
}

fn plain(text: &str, kind: &'static str) -> Reply {
    let mut reply = Reply::new(200, Rendered::from(bytes::Bytes::from(text.to_owned())));
    reply.content_type = Some(kind.into());
    reply
}

/// `GET /rate_limit`.
pub(super) fn rate_limit(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let root = call.root();
    let caller = call.caller.as_ref().map(|row| root.key(USERS, row));
    let write = |rate: &'static str, out: &mut Writer| {
        let allowance = allowance(rate, caller.is_some());
        let now = call.now.at.as_second();
        let standing = call.rates.standing(caller.as_ref(), rate, allowance, now);
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        out.raw("{").key("limit").int(number(standing.limit));
        out.key("used").int(number(standing.used));
        let remaining = standing.limit.saturating_sub(standing.used);
        out.key("remaining").int(number(remaining));
        out.key("reset").epoch(Stamp {
            at: Timestamp::from_second(standing.reset).unwrap_or(call.now.at),
            by_call: true,
        });
        out.raw("}");
    };
    let mut out = Writer::new(root);
    out.raw("{").key("resources").raw("{");
    for rate in RATES {
        out.key(rate);
        write(rate, &mut out);
    }
    out.raw("}").key("rate");
    write("core", &mut out);
    out.raw("}");
    Ok(Reply::new(200, out.finish()))
}

/// The rates that GitHub names.
const RATES: &[&str] = &[
    "core",
    "search",
    "graphql",
    "integration_manifest",
    "source_import",
    "code_scanning_upload",
    "code_scanning_autofix",
    "actions_runner_registration",
    "scim",
    "dependency_snapshots",
    "code_search",
];

const SENTENCES: &[&str] = &[
    "Speak like a human.",
    "It's not fully shipped until it's fast.",
    "Practicality beats purity.",
    "Avoid administrative distraction.",
    "Mind your words, they are important.",
    "Non-blocking is better than blocking.",
    "Design for failure.",
    "Half measures are as bad as nothing at all.",
    "Favor focus over features.",
    "Approachable is better than simple.",
    "Encourage flow.",
    "Anything added dilutes everything else.",
    "Responsive is better than fast.",
    "Keep it logically awesome.",
];

const OCTOCAT: &str = r"
               MMM.           .MMM
               MMMMMMMMMMMMMMMMMMM
               MMMMMMMMMMMMMMMMMMM      {line}
              MMMMMMMMMMMMMMMMMMMMM    |{gap}|
             MMMMMMMMMMMMMMMMMMMMMMM   | {said} |
            MMMMMMMMMMMMMMMMMMMMMMMM   |_   {line}|
            MMMM::- -:::::::- -::MMMM    |/
             MM~:~ 00~:::::~ 00~:~MM
        .. MMMMM::.00:::+:::.00::MMMMM ..
              .MM::::: ._. :::::MM.
                 MMMM;:::::;MMMM
          -MM        MMMMMMM
          ^  M+     MMMMMMMMM
              MMMMMMM MM MM MM
                   MM MM MM MM
                   MM MM MM MM
                .~~MM~MM~MM~MM~~.
             ~~~~MM:~MM~~~MM~:MM~~~~
            ~~~~~~==~==~~~==~==~~~~~~
             ~~~~~~==~==~==~==~~~~~~
                 :~==~==~==~==~~
";

const ADDRESSES: &[(&str, &str)] = &[
    ("current_user_url", "/user"),
    ("authorizations_url", "/authorizations"),
    (
        "code_search_url",
        "/search/code?q={query}{&page,per_page,sort,order}",
    ),
    (
        "commit_search_url",
        "/search/commits?q={query}{&page,per_page,sort,order}",
    ),
    ("emails_url", "/user/emails"),
    ("emojis_url", "/emojis"),
    ("events_url", "/events"),
    ("feeds_url", "/feeds"),
    ("followers_url", "/user/followers"),
    ("following_url", "/user/following{/target}"),
    ("gists_url", "/gists{/gist_id}"),
    ("hub_url", "/hub"),
    (
        "issue_search_url",
        "/search/issues?q={query}{&page,per_page,sort,order}",
    ),
    ("issues_url", "/issues"),
    ("keys_url", "/user/keys"),
    (
        "label_search_url",
        "/search/labels?q={query}&repository_id={repository_id}{&page,per_page}",
    ),
    ("notifications_url", "/notifications"),
    ("organization_url", "/orgs/{org}"),
    (
        "organization_repositories_url",
        "/orgs/{org}/repos{?type,page,per_page,sort}",
    ),
    ("organization_teams_url", "/orgs/{org}/teams"),
    ("public_gists_url", "/gists/public"),
    ("rate_limit_url", "/rate_limit"),
    ("repository_url", "/repos/{owner}/{repo}"),
    (
        "repository_search_url",
        "/search/repositories?q={query}{&page,per_page,sort,order}",
    ),
    (
        "current_user_repositories_url",
        "/user/repos{?type,page,per_page,sort}",
    ),
    ("starred_url", "/user/starred{/owner}{/repo}"),
    ("starred_gists_url", "/gists/starred"),
    (
        "topic_search_url",
        "/search/topics?q={query}{&page,per_page}",
    ),
    ("user_url", "/users/{user}"),
    ("user_organizations_url", "/user/orgs"),
    (
        "user_repositories_url",
        "/users/{user}/repos{?type,page,per_page,sort}",
    ),
    (
        "user_search_url",
        "/search/users?q={query}{&page,per_page,sort,order}",
    ),
];
