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
    insta::assert_snapshot!(check(clone, &lines), @r#"
    star_repository {"owner":"octocat","repo":"hello-service"}
      activity/star-repo-for-authenticated-user 204
      Text("Successfully starred repository octocat/hello-service")
    star_repository {"owner":"octocat","repo":"nothing"}
      activity/star-repo-for-authenticated-user 404
      Refused("failed to star repository octocat/nothing: PUT https://api.github.com/user/starred/octocat/nothing: 404 Not Found []")
    list_starred_repositories {}
      activity/list-repos-starred-by-authenticated-user 200
      Text("[{\"archived\":false,\"default_branch\":\"main\",\"description\":\"A small HTTP service\",\"fork\":false,\"forks_count\":3,\"full_name\":\"octocat/hello-service\",\"html_url\":\"https://github.com/octocat/hello-service\",\"id\":760000594,\"language\":\"TypeScript\",\"name\":\"hello-service\",\"open_issues_count\":6,\"private\":false,\"stargazers_count\":15,\"updated_at\":\"2026-01-09T12:00:00Z\"}]")
    unstar_repository {"owner":"octocat","repo":"hello-service"}
      activity/unstar-repo-for-authenticated-user 204
      Text("Successfully unstarred repository octocat/hello-service")
    create_repository {"name":"fresh","autoInit":true}
      repos/create-for-authenticated-user 201
      Text("{\"id\":\"760000993\",\"url\":\"https://github.com/octocat/fresh\"}")
    create_repository {"name":"fresh"}
      repos/create-for-authenticated-user 422
      Refused("failed to create repository: Repository creation failed.\nRepository.name (custom): name already exists on this account")
    search_repositories {"query":"fresh"}
      search/repos 200
      Text("{\"incomplete_results\":false,\"items\":[{\"archived\":false,\"created_at\":\"2026-01-10T12:01:00Z\",\"default_branch\":\"main\",\"fork\":false,\"forks_count\":0,\"full_name\":\"octocat/fresh\",\"html_url\":\"https://github.com/octocat/fresh\",\"id\":760000993,\"name\":\"fresh\",\"open_issues_count\":0,\"private\":true,\"stargazers_count\":0,\"updated_at\":\"2026-01-10T12:01:00Z\"}],\"total_count\":1}")
    search_users {"query":"octocat"}
      search/users 200
      Text("{\"incomplete_results\":false,\"items\":[{\"avatar_url\":\"https://avatars.githubusercontent.com/u/583231?v=4\",\"id\":583231,\"login\":\"octocat\",\"profile_url\":\"https://github.com/octocat\"},{\"avatar_url\":\"https://avatars.githubusercontent.com/u/83000424?v=4\",\"id\":83000424,\"login\":\"monalisa\",\"profile_url\":\"https://github.com/monalisa\"}],\"total_count\":2}")
    search_code {"query":"repo:octocat/hello-service README"}
      search/code 200
      Text("{\"incomplete_results\":false,\"items\":[],\"total_count\":0}")
    search_commits {"query":"repo:octocat/hello-service initial","perPage":1}
      search/commits 200
      Text("{\"incomplete_results\":false,\"items\":[],\"total_count\":0}")
    list_releases {"owner":"octocat","repo":"hello-service"}
      repos/list-releases 200
      Text("[]")
    get_latest_release {"owner":"octocat","repo":"hello-service"}
      repos/get-latest-release 404
      Fault("failed to get latest release: GET https://api.github.com/repos/octocat/hello-service/releases/latest: 404 Not Found []")
    get_release_by_tag {"owner":"octocat","repo":"hello-service","tag":"v9"}
      repos/get-release-by-tag 404
      Refused("failed to get release by tag: v9: GET https://api.github.com/repos/octocat/hello-service/releases/tags/v9: 404 Not Found []")
    list_tags {"owner":"octocat","repo":"hello-service"}
      repos/list-tags 200
      Text("[]")
    get_tag {"owner":"octocat","repo":"hello-service","tag":"v9"}
      git/get-ref 409
      Refused("failed to get tag reference: GET https://api.github.com/repos/octocat/hello-service/git/ref/tags/v9: 409 Git Repository is empty. []")
    list_repository_collaborators {"owner":"octocat","repo":"hello-service"}
      repos/list-collaborators 200
      Text("[{\"id\":583231,\"login\":\"octocat\",\"role_name\":\"admin\"}]")
    create_gist {"filename":"a.txt","content":"A"}
      gists/create 201
      Text("{\"id\":\"336d2293d64df184de0a7909f09cbe5f\",\"url\":\"https://gist.github.com/octocat/336d2293d64df184de0a7909f09cbe5f\"}")
    create_gist {"filename":"a.txt"}
      Refused("missing required parameter: content")
    get_gist {"gist_id":"nothing"}
      gists/get 404
      Refused("failed to get gist: GET https://api.github.com/gists/nothing: 404 Not Found []")
    list_notifications {"since":"yesterday"}
      Refused("invalid since time format, should be RFC3339/ISO8601: parsing time \"yesterday\" as \"2006-01-02T15:04:05Z07:00\"")
    mark_all_notifications_read {}
      activity/mark-notifications-as-read 202
      Text("All notifications marked as read")
    list_notifications {}
      activity/list-notifications-for-authenticated-user 200
      Text("[]")
    dismiss_notification {"threadID":"1","state":"gone"}
      Refused("Invalid state. Must be one of: read, done.")
    get_notification_details {"notificationID":"1"}
      activity/get-thread 404
      Refused("failed to get notification details for ID '1': GET https://api.github.com/notifications/threads/1: 404 Not Found []")
    manage_repository_notification_subscription {"owner":"octocat","repo":"hello-service","action":"watch"}
      activity/set-repo-subscription 200
      Text("{\"created_at\":\"2026-01-10T12:01:00Z\",\"ignored\":false,\"repository_url\":\"https://api.github.com/repos/octocat/hello-service\",\"subscribed\":true,\"url\":\"https://api.github.com/repos/octocat/hello-service/subscription\"}")
    manage_repository_notification_subscription {"owner":"octocat","repo":"hello-service","action":"delete"}
      activity/delete-repo-subscription 204
      Text("Repository subscription deleted")
    list_code_scanning_alerts {"owner":"octocat","repo":"hello-service"}
      code-scanning/list-alerts-for-repo 200
      Text("[]")
    get_dependabot_alert {"owner":"octocat","repo":"hello-service","alertNumber":99}
      dependabot/get-alert 404
      Refused("failed to get alert with number '99': GET https://api.github.com/repos/octocat/hello-service/dependabot/alerts/99: 404 Not Found []")
    get_secret_scanning_alert {"owner":"octocat","repo":"hello-service","alertNumber":99}
      secret-scanning/get-alert 404
      Refused("failed to get alert with number '99': GET https://api.github.com/repos/octocat/hello-service/secret-scanning/alerts/99: 404 Not Found []")
    list_repository_security_advisories {"owner":"octocat","repo":"hello-service"}
      security-advisories/list-repository-advisories 200
      Text("[]")
    get_global_security_advisory {"ghsaId":"GHSA-none-none-none"}
      security-advisories/get-global-advisory 404
      Fault("failed to get advisory: GET https://api.github.com/advisories/GHSA-none-none-none: 404 Not Found []")
    get_teams {}
      users/get-authenticated 200
      graphql 200
      Text("[]")
    get_team_members {"org":"nobody","team_slug":"t"}
      graphql 200
      Refused("Failed to get team members: Could not resolve to an Organization with the login of 'nobody'.")
    "#);
}

#[test]
fn an_organization_has_types_sub_issues_and_an_inbox() {
    let clone = &mut *open("enterprise-repo");
    let issue = r#""owner":"globex","repo":"platform","issue_number":1"#;
    let lines = [
        r#"list_issue_types {"owner":"nobody-here"}"#.to_owned(),
        format!(r#"sub_issue_write {{{issue},"method":"add","sub_issue_id":1}}"#),
        format!(r#"sub_issue_write {{{issue},"method":"reprioritize","sub_issue_id":1}}"#),
        format!(r#"sub_issue_write {{{issue},"method":"swap","sub_issue_id":1}}"#),
        r#"search_orgs {"query":"globex"}"#.to_owned(),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    insta::assert_snapshot!(check(clone, &lines), @r#"
    list_issue_types {"owner":"nobody-here"}
      orgs/list-issue-types 404
      Refused("failed to list issue types: GET https://api.github.com/orgs/nobody-here/issue-types: 404 Not Found []")
    sub_issue_write {"owner":"globex","repo":"platform","issue_number":1,"method":"add","sub_issue_id":1}
      issues/add-sub-issue 404
      Refused("failed to add sub-issue: POST https://api.github.com/repos/globex/platform/issues/1/sub_issues: 404 Not Found []")
    sub_issue_write {"owner":"globex","repo":"platform","issue_number":1,"method":"reprioritize","sub_issue_id":1}
      Refused("either after_id or before_id must be specified")
    sub_issue_write {"owner":"globex","repo":"platform","issue_number":1,"method":"swap","sub_issue_id":1}
      Refused("unknown method: swap")
    search_orgs {"query":"globex"}
      search/users 200
      Text("{\"incomplete_results\":false,\"items\":[{\"avatar_url\":\"https://avatars.githubusercontent.com/u/83000424?v=4\",\"id\":83000424,\"login\":\"globex\",\"profile_url\":\"https://github.com/globex\"}],\"total_count\":1}")
    "#);
}
