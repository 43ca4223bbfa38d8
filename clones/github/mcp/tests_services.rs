//! Tools on actions, releases, people, notifications, gists and alerts.

use super::tests::check;
use crate::github::check::open;

#[test]
fn what_else_a_repository_has_is_there() {
    let clone = &mut *open("small-project");
    let repo = r#""owner":"octocat","repo":"hello-service""#;
    let lines = [
        format!(r#"star_repository {{{repo}}}"#),
        r#"star_repository {"owner":"octocat","repo":"nothing"}"#.to_owned(),
        r#"list_starred_repositories {}"#.to_owned(),
        format!(r#"unstar_repository {{{repo}}}"#),
        r#"create_repository {"name":"fresh","autoInit":true}"#.to_owned(),
        r#"create_repository {"name":"fresh"}"#.to_owned(),
        r#"search_repositories {"query":"fresh"}"#.to_owned(),
        r#"search_users {"query":"octocat"}"#.to_owned(),
        r#"search_code {"query":"repo:octocat/hello-service README"}"#.to_owned(),
        r#"search_commits {"query":"repo:octocat/hello-service initial","perPage":1}"#.to_owned(),
        format!(r#"list_releases {{{repo}}}"#),
        format!(r#"get_latest_release {{{repo}}}"#),
        format!(r#"get_release_by_tag {{{repo},"tag":"v9"}}"#),
        format!(r#"list_tags {{{repo}}}"#),
        format!(r#"get_tag {{{repo},"tag":"v9"}}"#),
        format!(r#"list_repository_collaborators {{{repo}}}"#),
        r#"create_gist {"filename":"a.txt","content":"A"}"#.to_owned(),
        r#"create_gist {"filename":"a.txt"}"#.to_owned(),
        r#"get_gist {"gist_id":"nothing"}"#.to_owned(),
        r#"list_notifications {"since":"yesterday"}"#.to_owned(),
        r#"mark_all_notifications_read {}"#.to_owned(),
        r#"list_notifications {}"#.to_owned(),
        r#"dismiss_notification {"threadID":"1","state":"gone"}"#.to_owned(),
        r#"get_notification_details {"notificationID":"1"}"#.to_owned(),
        format!(r#"manage_repository_notification_subscription {{{repo},"action":"watch"}}"#),
        format!(r#"manage_repository_notification_subscription {{{repo},"action":"delete"}}"#),
        format!(r#"list_code_scanning_alerts {{{repo}}}"#),
        format!(r#"get_dependabot_alert {{{repo},"alertNumber":99}}"#),
        format!(r#"get_secret_scanning_alert {{{repo},"alertNumber":99}}"#),
        format!(r#"list_repository_security_advisories {{{repo}}}"#),
        r#"get_global_security_advisory {"ghsaId":"GHSA-none-none-none"}"#.to_owned(),
        r#"get_teams {}"#.to_owned(),
        r#"get_team_members {"org":"nobody","team_slug":"t"}"#.to_owned(),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    insta::assert_snapshot!(check(clone, &lines), @"");
}
