//! TLS, passwords, roles and row-level security.

use std::os::unix::fs::PermissionsExt as _;

use archal_core::pull::{PullErrorKind, Rows as _, Standing};
use serde_json::json;

use super::reading::USUAL;
use super::server::{Authority, Database, PASSWORD, server, shows_certificate};
use super::{Store, not_ready, open, open_since};

const READS: &str = "GRANT SELECT ON ai_traces, ai_spans TO ROLE";

#[test]
fn the_server_proves_who_it_is_before_anything_is_said() {
    let mut database = Database::new(USUAL);
    let (role, _) = database.role(READS);
    let folder = tempfile::tempdir().expect("a folder");
    let stranger = Authority::new("a stranger");
    let strangers = folder.path().join("stranger.pem");
    std::fs::write(&strangers, stranger.pem()).expect("a file");
    let strangers = strangers.to_str().expect("a path");
    let authority = server().authority();
    let authority = authority.to_str().expect("a path");
    let at = |host: &str, more: &str| server().tcp(host, &role, PASSWORD, &database.name, more);

    let verified = at(
        "localhost",
        &format!("sslmode=verify-full&sslrootcert={authority}&pgbouncer=true"),
    );
    let mut source = open(&verified, &[]);
    Store::default().pass(&mut source);
    let points = source.check();
    let reach = points
        .iter()
        .find(|point| point.name == "reach")
        .expect("a point");
    assert!(
        reach.detail.contains("certificate verified"),
        "{}",
        reach.detail
    );
    assert!(
        points[0].detail.contains("pgbouncer"),
        "{}",
        points[0].detail
    );

    let mut refused = Vec::new();
    let mut refuse = |url: String, root: &str| {
        let mut source = open(&url, &[("rootCert", root)]);
        let error = source.page(&json!(null)).expect_err("a stranger");
        assert_eq!(error.kind, PullErrorKind::Denied, "{error}");
        assert!(
            error.message.contains("does not prove who it is"),
            "{error}"
        );
        refused.push(error.message);
    };
    refuse(at("localhost", "sslmode=require"), strangers);
    refuse(at("127.0.0.1", "sslmode=verify-full"), authority);
    let (certificate, key) = stranger.certificate("localhost", 2000, 2001);
    let port = shows_certificate(&certificate, &key);
    refuse(
        format!("postgresql://u:{PASSWORD}@localhost:{port}/x?sslmode=verify-full")
            .replace(' ', "%20"),
        strangers,
    );
    for (told, word) in refused
        .iter()
        .zip(["UnknownIssuer", "not valid for", "expired"])
    {
        assert!(told.contains(word), "{told}");
    }

    let error = open_since(&at("db.example.com", "sslmode=disable"), &[], None)
        .err()
        .expect("plain text over a network");
    assert_eq!(error.kind, PullErrorKind::Options);
    let error = open(&verified, &[("rootCert", "/nowhere.pem")])
        .page(&json!(null))
        .expect_err("no such file");
    assert!(error.message.contains("/nowhere.pem"), "{error}");
}

#[test]
fn a_wrong_password_is_told_once_and_never_repeated() {
    let mut database = Database::new(USUAL);
    let (role, _) = database.role(READS);
    let url = server().tcp("localhost", &role, "hunter2secret", &database.name, "");
    let mut source = open(&url, &[]);
    let error = source.page(&json!(null)).expect_err("a wrong password");
    assert_eq!(error.kind, PullErrorKind::Denied);
    assert!(error.message.contains("28P01"), "{error}");
    let told = format!("{error:?} {:?}", source.check());
    assert!(!told.contains("hunter2secret"), "{told}");
    let url = format!(
        "postgresql://{role}@localhost:{}/{}",
        server().port(),
        database.name
    );
    let error = open(&url, &[]).page(&json!(null)).expect_err("no password");
    assert!(
        error
            .advice
            .is_some_and(|advice| advice.contains("passwordEnv")),
        "{}",
        error.message
    );
}

#[test]
fn a_password_may_lie_in_a_file_that_nobody_else_may_read() {
    let mut database = Database::new(USUAL);
    let (role, _) = database.role(READS);
    let port = server().port();
    let url = format!("postgresql://{role}@localhost:{port}/{}", database.name);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("passwords");
    let text = format!("*:*:*:nobody:other\nlocalhost:{port}:*:{role}:{PASSWORD}\n");
    std::fs::write(&file, text).expect("a file");
    let shown = file.to_str().expect("a path");
    let may = |mode| {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).expect("a mode");
        open(&url, &[("passFile", shown)])
    };
    Store::default().pass(&mut may(0o600));
    let mut source = may(0o640);
    let error = source.page(&json!(null)).expect_err("no password");
    assert_eq!(error.kind, PullErrorKind::Denied);
    let told = source.check()[0].detail.clone();
    assert!(told.contains(&format!("chmod 0600 {shown}")), "{told}");
    // The connection string counts first.
    may(0o600);
    let wrong = server().tcp("localhost", &role, "hunter2", &database.name, "");
    let error = open(&wrong, &[("passFile", shown)]).page(&json!(null));
    assert!(error.expect_err("wrong").message.contains("28P01"));
}

#[test]
fn a_role_that_may_only_read_is_enough_and_one_that_may_write_is_told() {
    let mut database = Database::new(USUAL);
    database.owner.run("INSERT INTO ai_traces (id) VALUES ('t'); INSERT INTO ai_spans (trace_id) VALUES ('t'); ANALYZE");
    let (_, url) = database.role(READS);
    assert_eq!(not_ready(&open(&url, &[]).check()), []);
    let points = open(&database.url, &[]).check();
    let told = not_ready(&points);
    assert_eq!(
        told.iter()
            .map(|(name, standing, _)| (*name, *standing))
            .collect::<Vec<_>>(),
        [("permissions", Standing::Limited); 2]
    );
    let advice = points
        .iter()
        .find_map(|point| point.advice.as_deref())
        .unwrap_or_default();
    assert!(
        advice.contains("GRANT SELECT ON \"public\".\"ai_traces\""),
        "{advice}"
    );
}

#[test]
fn a_role_that_may_not_read_and_a_table_that_is_not_there_are_told_with_what_mends_it() {
    let mut database = Database::new(USUAL);
    let (_, url) = database.role("SELECT 'ROLE'");
    let error = open(&url, &[]).page(&json!(null)).expect_err("it may not");
    assert_eq!(error.kind, PullErrorKind::Denied);
    assert!(
        error
            .advice
            .is_some_and(|advice| advice.starts_with("GRANT SELECT"))
    );
    let points = open(&database.url, &[("spanTable", "ai_span")]).check();
    let told = not_ready(&points);
    assert!(
        matches!(told.as_slice(), [("schema", Standing::Missing, _)]),
        "{told:?}"
    );
    assert_eq!(
        points.last().and_then(|point| point.advice.as_deref()),
        Some("--option spanTable=ai_spans")
    );
    let error = open(&database.url, &[("spanColumns", "traceId=gone")])
        .page(&json!(null))
        .expect_err("no column");
    assert!(error.message.contains("`gone`"), "{error}");
}

#[test]
fn rows_that_row_level_security_hides_are_no_empty_table() {
    let mut database = Database::new(USUAL);
    database.owner.run("INSERT INTO ai_spans (trace_id) VALUES ('t'); ALTER TABLE ai_spans ENABLE ROW LEVEL SECURITY; ANALYZE");
    let (role, url) = database.role(READS);
    let mut source = open(&url, &[("traceTable", "off")]);
    let mut store = Store::default();
    store.pass(&mut source);
    assert!(store.rows.is_empty());
    assert!(
        store.findings[0].message.contains("row-level security"),
        "{:?}",
        store.findings
    );
    let points = source.check();
    assert!(
        points
            .iter()
            .any(|point| point.name == "rows" && point.detail.contains("may hide them all")),
        "{points:?}"
    );
    database.owner.run(&format!(
        "CREATE POLICY reads ON ai_spans FOR SELECT TO {role} USING (true)"
    ));
    store.pass(&mut source);
    assert_eq!(store.ids(), ["s:1"]);
}

#[test]
fn rows_that_row_level_security_hides_below_a_view_are_no_empty_view() {
    let mut database = Database::new(USUAL);
    database.owner.run(
        "INSERT INTO ai_spans (trace_id) VALUES ('t'); ALTER TABLE ai_spans ENABLE ROW LEVEL SECURITY;
         CREATE VIEW inner_view WITH (security_invoker) AS SELECT * FROM ai_spans;
         CREATE VIEW outer_view WITH (security_invoker) AS SELECT * FROM inner_view;
         CREATE VIEW of_owner AS SELECT * FROM ai_spans; CREATE VIEW empty AS SELECT * FROM ai_traces",
    );
    let grants =
        "GRANT SELECT ON ai_spans, ai_traces, inner_view, outer_view, of_owner, empty TO ROLE";
    let (_, url) = database.role(grants);
    let rows = |view: &str| {
        let options = [
            ("traceTable", "off"),
            ("spanTable", view),
            ("spanColumns", "traceId=id"),
        ];
        let usual = [("traceTable", "off"), ("spanTable", view)];
        let mut source = open(&url, if view == "empty" { &options } else { &usual });
        let mut store = Store::default();
        store.pass(&mut source);
        let points = source.check();
        let point = points.into_iter().find(|point| point.name == "rows");
        (store, point.expect("a point"))
    };
    let (store, point) = rows("outer_view");
    assert!(store.rows.is_empty());
    assert!(
        point.detail.contains("row-level security of ai_spans"),
        "{point:?}"
    );
    assert!(
        point
            .advice
            .expect("advice")
            .contains("ON ai_spans FOR SELECT")
    );
    assert!(
        store
            .findings
            .iter()
            .any(|one| one.code == "pull/row-security"),
        "{:?}",
        store.findings
    );
    // A view with its owner's rights shows them, and what lies above no secured table is empty.
    let (store, point) = rows("of_owner");
    assert_eq!(store.ids(), ["s:1"]);
    assert!(!point.detail.contains("security"), "{point:?}");
    let (_, point) = rows("empty");
    assert!(point.detail.contains("has no rows yet"), "{point:?}");
}
