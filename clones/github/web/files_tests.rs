//! Files and archives at their hosts.

use archal_core::clone::{CloneResponse, Seed, ServiceClone};
use serde_json::json;

use crate::github::check::{self, base};

fn opened() -> Box<dyn ServiceClone> {
    let document = json!({
        "actor": "mona",
        "users": [{"login": "mona"}, {"login": "acme", "type": "Organization"}],
        "repos": [
            {"full_name": "acme/webapp", "files": {"README.md": "# webapp\n", "src/a.txt": "a\n"}},
            {"full_name": "acme/secret", "private": true, "files": {"a": "a\n"}},
        ],
        "refs": [
            {"repo": "acme/webapp", "ref": "refs/heads/feature/x", "sha": "main"},
            {"repo": "acme/webapp", "ref": "refs/tags/v1.0", "sha": "main"},
        ],
    });
    check::open_at(Seed::Document(&document), base())
}

fn asked(clone: &mut dyn ServiceClone, host: &str, path: &str, signed: bool) -> CloneResponse {
    let mut request = check::request(&format!("GET {path}"));
    request.host = host.to_owned();
    if !signed {
        request.headers.retain(|(name, _)| name != "authorization");
    }
    clone.call(&request, base())
}

fn shown(response: &CloneResponse) -> String {
    let header = |wanted: &str| {
        let headers = response.headers.iter();
        let found = headers.rev().find(|(name, _)| *name == wanted);
        found.map_or("", |(_, value)| value).to_owned()
    };
    let body = String::from_utf8_lossy(&response.body.evidence);
    let shown = format!(
        "{} {:?} {} {}",
        response.status,
        body,
        header("content-type"),
        header("location")
    );
    shown.trim_end().to_owned()
}

#[test]
fn files_are_found_by_branch_tag_and_commit() {
    let mut clone = opened();
    let host = "raw.githubusercontent.com";
    let sha = check::json(&check::send(
        clone.as_mut(),
        "GET /repos/acme/webapp/commits/main",
    ));
    let sha = sha["sha"].as_str().expect("a commit");
    let by_sha = format!("/acme/webapp/{sha}/src/a.txt");
    for path in [
        by_sha.as_str(),
        "/acme/webapp/HEAD/src/a.txt",
        "/acme/webapp/main/src/a.txt",
        "/acme/webapp/refs/heads/main/src/a.txt",
        "/acme/webapp/refs/heads/feature/x/src/a.txt",
        "/acme/webapp/feature/x/src/a.txt",
        "/acme/webapp/refs/tags/v1.0/src/a.txt",
        "/acme/webapp/v1.0/src/a.txt",
    ] {
        let answer = asked(clone.as_mut(), host, path, false);
        assert_eq!(
            shown(&answer),
            "200 \"a\\n\" text/plain; charset=utf-8",
            "{path}"
        );
    }
    for path in [
        "/acme/webapp/main/src",
        "/acme/webapp/main/nothing",
        "/acme/webapp/nothing/README.md",
        "/acme/webapp/refs/heads/nothing/README.md",
        "/acme/nothing/main/README.md",
        "/acme/secret/main/a",
    ] {
        let answer = asked(clone.as_mut(), host, path, false);
        let expected = "404 \"404: Not Found\" text/plain; charset=utf-8";
        assert_eq!(shown(&answer), expected, "{path}");
    }
    assert_eq!(
        asked(clone.as_mut(), host, "/acme/secret/main/a", true).status,
        200
    );
}

#[test]
fn archives_are_those_of_git_in_the_folder_that_github_names() {
    let mut clone = opened();
    let answer = check::send(clone.as_mut(), "GET /repos/acme/webapp/tarball/v1.0");
    let location = answer.headers.iter().find(|(name, _)| *name == "location");
    let location = location.map(|(_, value)| value.as_str());
    assert_eq!(
        location,
        Some("https://codeload.github.com/acme/webapp/legacy.tar.gz/refs/tags/v1.0")
    );
    let mut said = Vec::new();
    for path in [
        "legacy.tar.gz/refs/tags/v1.0",
        "legacy.zip/refs/heads/feature/x",
        "tar.gz/refs/tags/v1.0",
        "zip/main",
        "zip/nothing",
        "rar/main",
    ] {
        let path = format!("/acme/webapp/{path}");
        let answer = asked(clone.as_mut(), "codeload.github.com", &path, false);
        said.push(shown(&answer));
        let wire = &answer.body.wire;
        let is_archive = wire.starts_with(&[0x1f, 0x8b]) || wire.starts_with(b"PK");
        assert_eq!(is_archive, answer.status == 200, "{path}");
    }
    let page = "/acme/webapp/archive/refs/tags/v1.0.tar.gz";
    said.push(shown(&asked(clone.as_mut(), "github.com", page, false)));
    insta::assert_snapshot!(said.join("\n"), @r#"
    200 "tar.gz of c387e1109a069fb5ce35981b6c7ce958cbdfe782 in acme-webapp-c387e11/" application/x-gzip
    200 "zip of c387e1109a069fb5ce35981b6c7ce958cbdfe782 in acme-webapp-c387e11/" application/zip
    200 "tar.gz of c387e1109a069fb5ce35981b6c7ce958cbdfe782 in webapp-1.0/" application/x-gzip
    200 "zip of c387e1109a069fb5ce35981b6c7ce958cbdfe782 in webapp-main/" application/zip
    404 "404: Not Found" text/plain; charset=utf-8
    404 "404: Not Found" text/plain; charset=utf-8
    302 ""  https://codeload.github.com/acme/webapp/tar.gz/refs/tags/v1.0
    "#);
}

#[test]
fn pages_of_the_web_site_are_a_gap() {
    let mut clone = opened();
    let answer = asked(clone.as_mut(), "github.com", "/acme/webapp", true);
    assert_eq!(answer.status, 501);
    assert_eq!(
        answer.unmodelled.as_deref(),
        Some("GET github.com/acme/webapp")
    );
}
