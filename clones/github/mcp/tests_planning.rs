//! Tools on discussions, projects, blame, fields of issues and Copilot.

use archal_core::clone::{Seed, ServiceClone, ToolAnswer};
use serde_json::{Value, json};

use super::tests::{call, check, json as told};
use crate::github::check::{base, open, open_at};

fn seeded() -> Box<dyn ServiceClone> {
    let seed = json!({
        "actor": "octocat",
        "users": [
            {"login": "octocat"},
            {"login": "monalisa"},
            {"login": "acme", "type": "Organization"},
            {"login": "copilot-swe-agent", "type": "Bot"},
            {"login": "copilot-pull-request-reviewer[bot]", "type": "Bot"},
        ],
        "org_members": [{"org": "acme", "user": "octocat", "role": "admin"}],
        "repos": [
            {"full_name": "acme/hello", "permission": "admin", "collaborators": ["copilot-swe-agent"]},
            {"full_name": "acme/lonely", "permission": "admin"},
        ],
        "labels": [{"repo": "acme/hello", "name": "rare"}, {"repo": "acme/hello", "name": "usual"}],
        "issues": [
            {"repo": "acme/hello", "number": 1, "title": "Parent", "labels": ["usual"], "created_at": "3d ago"},
            {"repo": "acme/hello", "number": 3, "title": "Child", "labels": ["usual"], "state": "closed", "created_at": "2d ago"},
            {"repo": "acme/lonely", "number": 1, "title": "Alone"},
        ],
        "sub_issues": [{"parent": "acme/hello#1", "issue": "acme/hello#3"}],
        "issue_fields": [
            {"org": "acme", "name": "Severity", "data_type": "single_select", "options": ["High", "Low"]},
            {"org": "acme", "name": "Areas", "data_type": "multi_select", "options": ["A"]},
        ],
        "discussion_categories": [
            {"repo": "acme/hello", "slug": "q-a", "name": "Q&A", "is_answerable": true},
        ],
        "discussions": [
            {"repo": "acme/hello", "number": 2, "title": "How?", "body": "Tell me.", "category": "q-a", "user": "monalisa", "created_at": "2d ago"},
        ],
        "discussion_comments": [
            {"discussion": "acme/hello#2", "id": 8500001, "body": "So.", "created_at": "1d ago"},
            {"discussion": "acme/hello#2", "id": 8500002, "body": "Ah!", "user": "monalisa", "reply_to": 8500001, "created_at": "20h ago"},
        ],
    });
    open_at(Seed::Document(&seed), base())
}

#[test]
fn a_discussion_is_read_commented_answered_and_tidied() {
    let clone = &mut *seeded();
    let repo = r#""owner":"acme","repo":"hello""#;
    let at = format!(r#"{repo},"discussionNumber":2"#);
    let added = told(
        clone,
        &format!(r#"discussion_comment_write {{"method":"add",{at},"body":"Like this."}}"#),
    );
    let id = added["id"].as_str().expect("an id").to_owned();
    let lines = [
        format!("list_discussions {{{repo}}}"),
        format!(
            r#"list_discussions {{{repo},"orderBy":"CREATED_AT","direction":"ASC","category":"DIC_none"}}"#
        ),
        format!(r#"list_discussions {{{repo},"perPage":101}}"#),
        format!("list_discussion_categories {{{repo}}}"),
        r#"list_discussion_categories {"owner":"acme"}"#.to_owned(),
        format!("get_discussion {{{at}}}"),
        format!(r#"get_discussion {{{repo},"discussionNumber":9}}"#),
        format!(
            r#"discussion_comment_write {{"method":"reply",{at},"commentNodeID":"{id}","body":"Thanks."}}"#
        ),
        format!(
            r#"discussion_comment_write {{"method":"reply",{at},"commentNodeID":"DC_none","body":"x"}}"#
        ),
        format!(r#"discussion_comment_write {{"method":"mark_answer","commentNodeID":"{id}"}}"#),
        format!(r#"get_discussion_comments {{{at},"includeReplies":true}}"#),
        format!(r#"discussion_comment_write {{"method":"unmark_answer","commentNodeID":"{id}"}}"#),
        format!(
            r#"discussion_comment_write {{"method":"update","commentNodeID":"{id}","body":"Or so."}}"#
        ),
        format!(r#"discussion_comment_write {{"method":"delete","commentNodeID":"{id}"}}"#),
        format!(r#"get_discussion_comments {{{at},"perPage":1}}"#),
        r#"discussion_comment_write {"method":"praise"}"#.to_owned(),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    insta::assert_snapshot!(check(clone, &lines), @r#"
    list_discussions {"owner":"acme","repo":"hello"}
      graphql 200
      Text("{\"discussions\":[{\"category\":{\"name\":\"Q&A\"},\"created_at\":\"2026-01-08T12:00:00Z\",\"html_url\":\"https://github.com/acme/hello/discussions/2\",\"number\":2,\"title\":\"How?\",\"updated_at\":\"2026-01-10T12:01:00Z\",\"user\":{\"login\":\"monalisa\"}}],\"pageInfo\":{\"endCursor\":\"Y3Vyc29yOnYyOkRfa3dET0xVeXdVczRBWFJkQw==\",\"hasNextPage\":false,\"hasPreviousPage\":false,\"startCursor\":\"Y3Vyc29yOnYyOkRfa3dET0xVeXdVczRBWFJkQw==\"},\"totalCount\":1}")
    list_discussions {"owner":"acme","repo":"hello","orderBy":"CREATED_AT","direction":"ASC","category":"DIC_none"}
      graphql 200
      Text("{\"discussions\":null,\"pageInfo\":{\"endCursor\":\"\",\"hasNextPage\":false,\"hasPreviousPage\":false,\"startCursor\":\"\"},\"totalCount\":0}")
    list_discussions {"owner":"acme","repo":"hello","perPage":101}
      Fault("perPage value 101 exceeds maximum of 100")
    list_discussion_categories {"owner":"acme","repo":"hello"}
      graphql 200
      Text("{\"categories\":[{\"id\":\"DIC_kwDOLUywUs4B6Etp\",\"name\":\"Q&A\"}],\"pageInfo\":{\"endCursor\":\"Y3Vyc29yOnYyOkRJQ19rd0RPTFV5d1VzNEI2RXRw\",\"hasNextPage\":false,\"hasPreviousPage\":false,\"startCursor\":\"Y3Vyc29yOnYyOkRJQ19rd0RPTFV5d1VzNEI2RXRw\"},\"totalCount\":1}")
    list_discussion_categories {"owner":"acme"}
      graphql 200
      Refused("Could not resolve to a Repository with the name 'acme/.github'.")
    get_discussion {"owner":"acme","repo":"hello","discussionNumber":2}
      graphql 200
      Text("{\"body\":\"Tell me.\",\"category\":{\"name\":\"Q&A\"},\"closed\":false,\"createdAt\":\"2026-01-08T12:00:00Z\",\"isAnswered\":false,\"number\":2,\"title\":\"How?\",\"url\":\"https://github.com/acme/hello/discussions/2\"}")
    get_discussion {"owner":"acme","repo":"hello","discussionNumber":9}
      graphql 200
      Refused("Could not resolve to a Discussion with the number of 9.")
    discussion_comment_write {"method":"reply","owner":"acme","repo":"hello","discussionNumber":2,"commentNodeID":"DC_kwDOLUywUs4AgbaW","body":"Thanks."}
      graphql 200
      graphql 200
      graphql 200
      Text("{\"id\":\"DC_kwDOLUywUs4Agbfk\",\"url\":\"https://github.com/acme/hello/discussions/2#discussioncomment-8501220\"}")
    discussion_comment_write {"method":"reply","owner":"acme","repo":"hello","discussionNumber":2,"commentNodeID":"DC_none","body":"x"}
      graphql 200
      Refused("failed to validate commentNodeID: Could not resolve to a node with the global id of 'DC_none'")
    discussion_comment_write {"method":"mark_answer","commentNodeID":"DC_kwDOLUywUs4AgbaW"}
      graphql 200
      Text("{\"discussionID\":\"D_kwDOLUywUs4AXRdC\",\"discussionURL\":\"https://github.com/acme/hello/discussions/2\"}")
    get_discussion_comments {"owner":"acme","repo":"hello","discussionNumber":2,"includeReplies":true}
      graphql 200
      Text("{\"comments\":[{\"body\":\"So.\",\"id\":\"DC_kwDOLUywUs4AgbMh\",\"replies\":[{\"body\":\"Ah!\",\"id\":\"DC_kwDOLUywUs4AgbMi\"}],\"replyTotalCount\":1},{\"body\":\"Like this.\",\"id\":\"DC_kwDOLUywUs4AgbaW\",\"isAnswer\":true,\"replies\":[{\"body\":\"Thanks.\",\"id\":\"DC_kwDOLUywUs4Agbfk\"}],\"replyTotalCount\":1}],\"pageInfo\":{\"endCursor\":\"Y3Vyc29yOnYyOkRDX2t3RE9MVXl3VXM0QWdiYVc=\",\"hasNextPage\":false,\"hasPreviousPage\":false,\"startCursor\":\"Y3Vyc29yOnYyOkRDX2t3RE9MVXl3VXM0QWdiTWg=\"},\"totalCount\":2}")
    discussion_comment_write {"method":"unmark_answer","commentNodeID":"DC_kwDOLUywUs4AgbaW"}
      graphql 200
      Text("{\"discussionID\":\"D_kwDOLUywUs4AXRdC\",\"discussionURL\":\"https://github.com/acme/hello/discussions/2\"}")
    discussion_comment_write {"method":"update","commentNodeID":"DC_kwDOLUywUs4AgbaW","body":"Or so."}
      graphql 200
      Text("{\"id\":\"DC_kwDOLUywUs4AgbaW\",\"url\":\"https://github.com/acme/hello/discussions/2#discussioncomment-8500886\"}")
    discussion_comment_write {"method":"delete","commentNodeID":"DC_kwDOLUywUs4AgbaW"}
      graphql 200
      Text("{\"id\":\"DC_kwDOLUywUs4AgbaW\",\"url\":\"https://github.com/acme/hello/discussions/2#discussioncomment-8500886\"}")
    get_discussion_comments {"owner":"acme","repo":"hello","discussionNumber":2,"perPage":1}
      graphql 200
      Text("{\"comments\":[{\"body\":\"So.\",\"id\":\"DC_kwDOLUywUs4AgbMh\"}],\"pageInfo\":{\"endCursor\":\"Y3Vyc29yOnYyOkRDX2t3RE9MVXl3VXM0QWdiTWg=\",\"hasNextPage\":true,\"hasPreviousPage\":false,\"startCursor\":\"Y3Vyc29yOnYyOkRDX2t3RE9MVXl3VXM0QWdiTWg=\"},\"totalCount\":2}")
    discussion_comment_write {"method":"praise"}
      Refused("invalid method, must be one of: 'add', 'reply', 'update', 'delete', 'mark_answer', 'unmark_answer'")
    "#);
}

#[test]
fn a_board_is_read_filled_changed_and_emptied() {
    let clone = &mut *open("ci-cd-pipeline");
    let board = r#""owner":"acme","project_number":1"#;
    let made = told(
        clone,
        &format!(
            r#"projects_write {{"method":"add_project_item",{board},"item_type":"issue","item_owner":"acme","item_repo":"payments","issue_number":2}}"#
        ),
    );
    let item = made["item_id"].as_i64().expect("a number");
    let lines = [
        r#"projects_list {"method":"list_projects","owner":"acme"}"#.to_owned(),
        r#"projects_list {"method":"list_projects","owner":"nobody"}"#.to_owned(),
        format!(
            r#"projects_list {{"method":"list_project_fields",{board},"owner_type":"org","per_page":2}}"#
        ),
        format!(r#"projects_get {{"method":"get_project",{board}}}"#),
        format!(r#"projects_get {{"method":"get_project_field",{board},"field_id":190000002}}"#),
        format!(
            r#"projects_write {{"method":"update_project_item",{board},"item_id":{item},"updated_field":{{"name":"status","value":"done"}}}}"#
        ),
        format!(
            r#"projects_write {{"method":"update_project_item",{board},"item_owner":"acme","item_repo":"payments","issue_number":2,"updated_field":{{"id":190000003,"value":5}}}}"#
        ),
        format!(
            r#"projects_write {{"method":"update_project_item",{board},"item_id":{item},"updated_field":{{"name":"Mood","value":"x"}}}}"#
        ),
        format!(
            r#"projects_write {{"method":"update_project_item",{board},"item_id":{item},"updated_field":{{"name":"Status","value":"Never"}}}}"#
        ),
        format!(
            r#"projects_write {{"method":"update_project_items",{board},"updated_field":{{"name":"Estimate","value":8}},"items":[{{"item_id":{item}}},{{"item_id":{item}}},{{"item_id":7}},{{}}]}}"#
        ),
        format!(
            r#"projects_get {{"method":"get_project_item",{board},"item_id":{item},"field_names":["Status","Estimate"]}}"#
        ),
        format!(
            r#"projects_list {{"method":"list_project_items",{board},"query":"status:done","fields":["190000002"]}}"#
        ),
        format!(r#"projects_write {{"method":"delete_project_item",{board},"item_id":{item}}}"#),
        format!(r#"projects_write {{"method":"delete_project_item",{board},"item_id":{item}}}"#),
        format!(r#"projects_list {{"method":"list_project_views",{board}}}"#),
        r#"projects_write {"method":"create_project","owner":"acme"}"#.to_owned(),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    insta::assert_snapshot!(check(clone, &lines), @r#"
    projects_list {"method":"list_projects","owner":"acme"}
      projects/list-for-user 404
      projects/list-for-org 200
      Text("{\"note\":\"Results include both user and org projects. Each project includes 'owner_type' field. Pagination is limited when owner_type is not specified - specify 'owner_type' for full pagination support.\",\"pageInfo\":{\"hasNextPage\":false,\"hasPreviousPage\":false},\"projects\":[{\"created_at\":\"2025-10-12T12:00:00Z\",\"creator\":{\"avatar_url\":\"https://avatars.githubusercontent.com/u/83001076?v=4\",\"id\":83001076,\"login\":\"release-bot\",\"profile_url\":\"https://github.com/release-bot\"},\"description\":\"\",\"id\":15000117,\"node_id\":\"PVT_kgDOAOTiNQ\",\"number\":1,\"owner\":{\"avatar_url\":\"https://avatars.githubusercontent.com/u/83000424?v=4\",\"id\":83000424,\"login\":\"acme\",\"profile_url\":\"https://github.com/acme\"},\"owner_type\":\"org\",\"public\":false,\"short_description\":\"What the team is at\",\"title\":\"Payments board\",\"updated_at\":\"2025-10-12T12:00:00Z\"}]}")
    projects_list {"method":"list_projects","owner":"nobody"}
      projects/list-for-user 404
      projects/list-for-org 404
      Refused("failed to list projects for owner 'nobody': not found as user or organization")
    projects_list {"method":"list_project_fields","owner":"acme","project_number":1,"owner_type":"org","per_page":2}
      projects/list-fields-for-org 200
      Text("{\"fields\":[{\"created_at\":\"2025-10-12T12:00:00Z\",\"data_type\":\"title\",\"id\":190000001,\"name\":\"Title\",\"node_id\":\"PVTF_kgDOC1MrgQ\",\"project_url\":\"https://api.github.com/projectsV2/acme/1\",\"updated_at\":\"2025-10-12T12:00:00Z\"},{\"created_at\":\"2025-10-12T12:00:00Z\",\"data_type\":\"single_select\",\"id\":190000002,\"name\":\"Status\",\"node_id\":\"PVTF_kgDOC1Mrgg\",\"options\":[{\"color\":\"GRAY\",\"description\":{\"html\":\"\",\"raw\":\"\"},\"id\":\"e6304b47\",\"name\":{\"html\":\"<p>Todo</p>\",\"raw\":\"Todo\"}},{\"color\":\"GRAY\",\"description\":{\"html\":\"\",\"raw\":\"\"},\"id\":\"40acfd37\",\"name\":{\"html\":\"<p>In Progress</p>\",\"raw\":\"In Progress\"}},{\"color\":\"GRAY\",\"description\":{\"html\":\"\",\"raw\":\"\"},\"id\":\"9b77523d\",\"name\":{\"html\":\"<p>Done</p>\",\"raw\":\"Done\"}}],\"project_url\":\"https://api.github.com/projectsV2/acme/1\",\"updated_at\":\"2025-10-12T12:00:00Z\"}],\"pageInfo\":{\"hasNextPage\":true,\"hasPreviousPage\":false,\"nextCursor\":\"MTkwMDAwMDAy\"}}")
    projects_get {"method":"get_project","owner":"acme","project_number":1}
      users/get-by-username 200
      projects/get-for-org 200
      Text("{\"created_at\":\"2025-10-12T12:00:00Z\",\"creator\":{\"avatar_url\":\"https://avatars.githubusercontent.com/u/83001076?v=4\",\"id\":83001076,\"login\":\"release-bot\",\"profile_url\":\"https://github.com/release-bot\"},\"description\":\"\",\"id\":15000117,\"node_id\":\"PVT_kgDOAOTiNQ\",\"number\":1,\"owner\":{\"avatar_url\":\"https://avatars.githubusercontent.com/u/83000424?v=4\",\"id\":83000424,\"login\":\"acme\",\"profile_url\":\"https://github.com/acme\"},\"public\":false,\"short_description\":\"What the team is at\",\"title\":\"Payments board\",\"updated_at\":\"2025-10-12T12:00:00Z\"}")
    projects_get {"method":"get_project_field","owner":"acme","project_number":1,"field_id":190000002}
      users/get-by-username 200
      projects/get-field-for-org 200
      Text("{\"created_at\":\"2025-10-12T12:00:00Z\",\"data_type\":\"single_select\",\"id\":190000002,\"name\":\"Status\",\"node_id\":\"PVTF_kgDOC1Mrgg\",\"options\":[{\"color\":\"GRAY\",\"description\":{\"html\":\"\",\"raw\":\"\"},\"id\":\"e6304b47\",\"name\":{\"html\":\"<p>Todo</p>\",\"raw\":\"Todo\"}},{\"color\":\"GRAY\",\"description\":{\"html\":\"\",\"raw\":\"\"},\"id\":\"40acfd37\",\"name\":{\"html\":\"<p>In Progress</p>\",\"raw\":\"In Progress\"}},{\"color\":\"GRAY\",\"description\":{\"html\":\"\",\"raw\":\"\"},\"id\":\"9b77523d\",\"name\":{\"html\":\"<p>Done</p>\",\"raw\":\"Done\"}}],\"project_url\":\"https://api.github.com/projectsV2/acme/1\",\"updated_at\":\"2025-10-12T12:00:00Z\"}")
    projects_write {"method":"update_project_item","owner":"acme","project_number":1,"item_id":130000551,"updated_field":{"name":"status","value":"done"}}
      users/get-by-username 200
      graphql 200
      projects/update-item-for-org 200
      Text("{\"content\":{\"author\":\"dev-ben\",\"created_at\":\"2026-01-01T12:00:00Z\",\"html_url\":\"https://github.com/acme/payments/issues/2\",\"id\":2200000478,\"labels\":[\"ci\",\"flaky\"],\"node_id\":\"I_kwDOLUywUs6DIVfe\",\"number\":2,\"repository\":\"acme/payments\",\"state\":\"open\",\"title\":\"Nightly run is flaky\",\"updated_at\":\"2026-01-05T12:00:00Z\"},\"content_type\":\"Issue\",\"created_at\":\"2026-01-10T12:01:00Z\",\"creator\":\"release-bot\",\"fields\":[{\"data_type\":\"title\",\"id\":190000001,\"name\":\"Title\",\"value\":\"Nightly run is flaky\"}],\"id\":130000551,\"node_id\":\"PVTI_kgDOB7-mpw\",\"updated_at\":\"2026-01-10T12:01:00Z\"}")
    projects_write {"method":"update_project_item","owner":"acme","project_number":1,"item_owner":"acme","item_repo":"payments","issue_number":2,"updated_field":{"id":190000003,"value":5}}
      users/get-by-username 200
      graphql 200
      graphql 200
      projects/update-item-for-org 200
      Text("{\"content\":{\"author\":\"dev-ben\",\"created_at\":\"2026-01-01T12:00:00Z\",\"html_url\":\"https://github.com/acme/payments/issues/2\",\"id\":2200000478,\"labels\":[\"ci\",\"flaky\"],\"node_id\":\"I_kwDOLUywUs6DIVfe\",\"number\":2,\"repository\":\"acme/payments\",\"state\":\"open\",\"title\":\"Nightly run is flaky\",\"updated_at\":\"2026-01-05T12:00:00Z\"},\"content_type\":\"Issue\",\"created_at\":\"2026-01-10T12:01:00Z\",\"creator\":\"release-bot\",\"fields\":[{\"data_type\":\"title\",\"id\":190000001,\"name\":\"Title\",\"value\":\"Nightly run is flaky\"}],\"id\":130000551,\"node_id\":\"PVTI_kgDOB7-mpw\",\"updated_at\":\"2026-01-10T12:01:00Z\"}")
    projects_write {"method":"update_project_item","owner":"acme","project_number":1,"item_id":130000551,"updated_field":{"name":"Mood","value":"x"}}
      users/get-by-username 200
      graphql 200
      Refused("{\"candidates\":[{\"data_type\":\"TITLE\",\"name\":\"Title\"},{\"data_type\":\"SINGLE_SELECT\",\"name\":\"Status\"},{\"data_type\":\"NUMBER\",\"name\":\"Estimate\"},{\"data_type\":\"DATE\",\"name\":\"Due\"}],\"error\":\"field_not_found\",\"hint\":\"no project field named \\\"Mood\\\" on project acme#1; see candidates for available names\",\"name\":\"Mood\"}")
    projects_write {"method":"update_project_item","owner":"acme","project_number":1,"item_id":130000551,"updated_field":{"name":"Status","value":"Never"}}
      users/get-by-username 200
      graphql 200
      Refused("{\"candidates\":[{\"name\":\"Todo\"},{\"name\":\"In Progress\"},{\"name\":\"Done\"}],\"error\":\"option_not_found\",\"hint\":\"no option named \\\"Never\\\" on field \\\"Status\\\"; see candidates for available options\",\"name\":\"Never\"}")
    projects_write {"method":"update_project_items","owner":"acme","project_number":1,"updated_field":{"name":"Estimate","value":8},"items":[{"item_id":130000551},{"item_id":130000551},{"item_id":7},{}]}
      users/get-by-username 200
      graphql 200
      projects/update-item-for-org 200
      projects/update-item-for-org 404
      Text("{\"failed\":3,\"results\":[{\"index\":0,\"item\":{\"full_database_id\":\"130000551\",\"item_id\":130000551,\"node_id\":\"PVTI_kgDOB7-mpw\"},\"ref\":{\"item_id\":130000551},\"status\":\"succeeded\"},{\"error\":{\"code\":\"duplicate_target\",\"message\":\"items[1] targets the same project item as items[0]; each item may only be written once per call\"},\"index\":1,\"ref\":{\"item_id\":130000551},\"status\":\"failed\"},{\"error\":{\"code\":\"item_not_found\",\"message\":\"PATCH https://api.github.com/orgs/acme/projectsV2/1/items/7: 404 Not Found []\"},\"index\":2,\"ref\":{\"item_id\":7},\"status\":\"failed\"},{\"error\":{\"code\":\"invalid_item_ref\",\"message\":\"each item requires exactly one of node_id, item_id, or item_owner + item_repo + issue_number\"},\"index\":3,\"ref\":{},\"status\":\"failed\"}],\"succeeded\":1,\"total\":4,\"unknown\":0}")
    projects_get {"method":"get_project_item","owner":"acme","project_number":1,"item_id":130000551,"field_names":["Status","Estimate"]}
      users/get-by-username 200
      graphql 200
      projects/get-org-item 200
      Text("{\"content\":{\"author\":\"dev-ben\",\"created_at\":\"2026-01-01T12:00:00Z\",\"html_url\":\"https://github.com/acme/payments/issues/2\",\"id\":2200000478,\"labels\":[\"ci\",\"flaky\"],\"node_id\":\"I_kwDOLUywUs6DIVfe\",\"number\":2,\"repository\":\"acme/payments\",\"state\":\"open\",\"title\":\"Nightly run is flaky\",\"updated_at\":\"2026-01-05T12:00:00Z\"},\"content_type\":\"Issue\",\"created_at\":\"2026-01-10T12:01:00Z\",\"creator\":\"release-bot\",\"fields\":[{\"data_type\":\"single_select\",\"id\":190000002,\"name\":\"Status\",\"value\":{\"color\":\"GRAY\",\"id\":\"9b77523d\",\"name\":\"Done\"}},{\"data_type\":\"number\",\"id\":190000003,\"name\":\"Estimate\",\"value\":8}],\"id\":130000551,\"node_id\":\"PVTI_kgDOB7-mpw\",\"updated_at\":\"2026-01-10T12:01:00Z\"}")
    projects_list {"method":"list_project_items","owner":"acme","project_number":1,"query":"status:done","fields":["190000002"]}
      users/get-by-username 200
      projects/list-items-for-org 200
      Text("{\"items\":[{\"content\":{\"author\":\"dev-ben\",\"created_at\":\"2026-01-01T12:00:00Z\",\"html_url\":\"https://github.com/acme/payments/issues/2\",\"id\":2200000478,\"labels\":[\"ci\",\"flaky\"],\"node_id\":\"I_kwDOLUywUs6DIVfe\",\"number\":2,\"repository\":\"acme/payments\",\"state\":\"open\",\"title\":\"Nightly run is flaky\",\"updated_at\":\"2026-01-05T12:00:00Z\"},\"content_type\":\"Issue\",\"created_at\":\"2026-01-10T12:01:00Z\",\"creator\":\"release-bot\",\"fields\":[{\"data_type\":\"single_select\",\"id\":190000002,\"name\":\"Status\",\"value\":{\"color\":\"GRAY\",\"id\":\"9b77523d\",\"name\":\"Done\"}}],\"id\":130000551,\"node_id\":\"PVTI_kgDOB7-mpw\",\"updated_at\":\"2026-01-10T12:01:00Z\"}],\"pageInfo\":{\"hasNextPage\":false,\"hasPreviousPage\":false}}")
    projects_write {"method":"delete_project_item","owner":"acme","project_number":1,"item_id":130000551}
      users/get-by-username 200
      projects/delete-item-for-org 204
      Text("project item successfully deleted")
    projects_write {"method":"delete_project_item","owner":"acme","project_number":1,"item_id":130000551}
      users/get-by-username 200
      projects/delete-item-for-org 404
      Refused("failed to delete a project item: DELETE https://api.github.com/orgs/acme/projectsV2/1/items/130000551: 404 Not Found []")
    projects_list {"method":"list_project_views","owner":"acme","project_number":1}
      Unmodelled("views of projects")
    projects_write {"method":"create_project","owner":"acme"}
      Unmodelled("new projects")
    "#);
}

#[test]
fn an_issue_says_what_it_belongs_to_and_labels_come_by_use() {
    let clone = &mut *seeded();
    let parent = told(
        clone,
        r#"issue_read {"method":"get","owner":"acme","repo":"hello","issue_number":1}"#,
    );
    assert_eq!(parent["has_children"], true);
    assert_eq!(
        parent["sub_issues_summary"],
        json!({"total": 1, "completed": 1, "percent_completed": 100})
    );
    let child = told(
        clone,
        r#"issue_read {"method":"get","owner":"acme","repo":"hello","issue_number":3}"#,
    );
    assert_eq!(child["parent"]["number"], 1);
    assert_eq!(child["parent"]["repository"], "acme/hello");
    let labels = told(clone, r#"list_label {"owner":"acme","repo":"hello"}"#);
    let names = labels["labels"].as_array().expect("a list");
    let names: Vec<&Value> = names.iter().map(|label| &label["name"]).collect();
    assert_eq!(names, ["usual", "rare"]);
}

#[test]
fn a_file_tells_who_wrote_which_lines() {
    let clone = &mut *open("small-project");
    let repo = r#""owner":"octocat","repo":"notes""#;
    let first = format!(
        r#"push_files {{{repo},"branch":"main","message":"First\n\nMore.","files":[{{"path":"a.txt","content":"one\ntwo\nthree\n"}}]}}"#
    );
    let second = format!(
        r#"push_files {{{repo},"branch":"main","message":"Second","files":[{{"path":"a.txt","content":"one\nTWO\nthree\n"}}]}}"#
    );
    for line in [
        r#"create_repository {"name":"notes","autoInit":true}"#,
        &first,
        &second,
    ] {
        let answer = call(clone, line).1;
        assert!(matches!(answer, ToolAnswer::Text(_)), "{line}: {answer:?}");
    }
    let whole = told(
        clone,
        &format!(r#"get_file_blame {{{repo},"path":"a.txt"}}"#),
    );
    let ranges: Vec<(&Value, &Value, &str)> = whole["ranges"]
        .as_array()
        .expect("ranges")
        .iter()
        .map(|range| {
            let by = &whole["commits"][range["commit_sha"].as_str().expect("a commit")];
            let headline = by["message_headline"].as_str().expect("a headline");
            (&range["starting_line"], &range["ending_line"], headline)
        })
        .collect();
    assert_eq!(
        ranges,
        [
            (&json!(1), &json!(1), "First"),
            (&json!(2), &json!(2), "Second"),
            (&json!(3), &json!(3), "First"),
        ]
    );
    assert_eq!(whole["ref"], "main");
    let page = told(
        clone,
        &format!(r#"get_file_blame {{{repo},"path":"a.txt","perPage":1,"start_line":2}}"#),
    );
    assert_eq!(page["total_ranges"], 2);
    assert_eq!(page["ranges"][0]["starting_line"], 2);
    let after = page["pageInfo"]["endCursor"].as_str().expect("a cursor");
    let rest = told(
        clone,
        &format!(r#"get_file_blame {{{repo},"path":"a.txt","start_line":2,"after":"{after}"}}"#),
    );
    assert_eq!(rest["ranges"][0]["starting_line"], 3);
    assert_eq!(rest["pageInfo"]["hasNextPage"], false);
    let lines = [
        format!(r#"get_file_blame {{{repo},"path":"/a.txt"}}"#),
        format!(r#"get_file_blame {{{repo},"path":"../a.txt"}}"#),
        format!(r#"get_file_blame {{{repo},"path":"a.txt","ref":"gone"}}"#),
        format!(r#"get_file_blame {{{repo},"path":"a.txt","after":"!"}}"#),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    insta::assert_snapshot!(check(clone, &lines), @r#"
    get_file_blame {"owner":"octocat","repo":"notes","path":"/a.txt"}
      Refused("path must be relative to the repository root (no leading '/')")
    get_file_blame {"owner":"octocat","repo":"notes","path":"../a.txt"}
      Refused("path must not contain '..' segments")
    get_file_blame {"owner":"octocat","repo":"notes","path":"a.txt","ref":"gone"}
      graphql 200
      Refused("ref \"gone\" was not found in octocat/notes")
    get_file_blame {"owner":"octocat","repo":"notes","path":"a.txt","after":"!"}
      Refused("after cursor is invalid")
    "#);
}

#[test]
fn copilot_is_there_for_whom_has_it_and_fields_are_listed() {
    let clone = &mut *seeded();
    let lines = [
        r#"assign_copilot_to_issue {"owner":"acme","repo":"hello","issue_number":1}"#,
        r#"assign_copilot_to_issue {"owner":"acme","repo":"hello","issue_number":9}"#,
        r#"assign_copilot_to_issue {"owner":"acme","repo":"lonely","issue_number":1}"#,
        r#"assign_copilot_to_issue {"owner":"acme","repo":"gone","issue_number":1}"#,
        r#"request_copilot_review {"owner":"acme","repo":"hello","pullNumber":9}"#,
        r#"list_issue_fields {"owner":"acme"}"#,
        r#"list_issue_fields {"owner":"acme","repo":"hello"}"#,
        r#"list_issue_fields {"owner":"nobody"}"#,
        r#"list_dependabot_alerts {"owner":"acme","repo":"hello"}"#,
        r#"list_dependabot_alerts {"owner":"acme","repo":"gone"}"#,
        r#"get_code_quality_finding {"owner":"acme","repo":"hello","findingNumber":1}"#,
    ];
    insta::assert_snapshot!(check(clone, &lines), @r#"
    assign_copilot_to_issue {"owner":"acme","repo":"hello","issue_number":1}
      issues/check-user-can-be-assigned 204
      issues/add-assignees 201
      Text("{\"issue_number\":1,\"issue_url\":\"https://github.com/acme/hello/issues/1\",\"message\":\"successfully assigned copilot to issue - pull request pending\",\"note\":\"The pull request may still be in progress. Once created, the PR number can be used to check job status, or check the issue timeline for updates.\",\"owner\":\"acme\",\"repo\":\"hello\"}")
    assign_copilot_to_issue {"owner":"acme","repo":"hello","issue_number":9}
      issues/check-user-can-be-assigned 204
      issues/add-assignees 404
      Refused("failed to get issue ID: Could not resolve to an Issue with the number of 9.")
    assign_copilot_to_issue {"owner":"acme","repo":"lonely","issue_number":1}
      issues/check-user-can-be-assigned 204
      issues/add-assignees 201
      Text("{\"issue_number\":1,\"issue_url\":\"https://github.com/acme/lonely/issues/1\",\"message\":\"successfully assigned copilot to issue - pull request pending\",\"note\":\"The pull request may still be in progress. Once created, the PR number can be used to check job status, or check the issue timeline for updates.\",\"owner\":\"acme\",\"repo\":\"lonely\"}")
    assign_copilot_to_issue {"owner":"acme","repo":"gone","issue_number":1}
      issues/check-user-can-be-assigned 404
      repos/get 404
      Refused("failed to get suggested actors: Could not resolve to a Repository with the name 'acme/gone'.")
    request_copilot_review {"owner":"acme","repo":"hello","pullNumber":9}
      pulls/request-reviewers 404
      repos/get 200
      Refused("failed to request copilot review. The authenticated user has write access to acme/hello, so check that pull request #9 exists there and that Copilot code review is available for the repository. Copilot code review is not available on GitHub Enterprise Server.: POST https://api.github.com/repos/acme/hello/pulls/9/requested_reviewers: 404 Not Found []")
    list_issue_fields {"owner":"acme"}
      orgs/list-issue-fields 200
      Text("[{\"data_type\":\"SINGLE_SELECT\",\"full_database_id\":1200402,\"id\":\"IF_kgDOABJREg\",\"name\":\"Severity\",\"options\":[{\"color\":\"GRAY\",\"id\":\"718418270\",\"name\":\"High\",\"priority\":1},{\"color\":\"GRAY\",\"id\":\"146502999\",\"name\":\"Low\",\"priority\":2}],\"visibility\":\"ALL\"}]")
    list_issue_fields {"owner":"acme","repo":"hello"}
      repos/get 200
      orgs/list-issue-fields 200
      Text("[{\"data_type\":\"SINGLE_SELECT\",\"full_database_id\":1200402,\"id\":\"IF_kgDOABJREg\",\"name\":\"Severity\",\"options\":[{\"color\":\"GRAY\",\"id\":\"718418270\",\"name\":\"High\",\"priority\":1},{\"color\":\"GRAY\",\"id\":\"146502999\",\"name\":\"Low\",\"priority\":2}],\"visibility\":\"ALL\"}]")
    list_issue_fields {"owner":"nobody"}
      orgs/list-issue-fields 404
      Refused("failed to list issue fields: Could not resolve to an Organization with the login of 'nobody'.")
    list_dependabot_alerts {"owner":"acme","repo":"hello"}
      dependabot/list-alerts-for-repo 200
      Text("{\"alerts\":[],\"pageInfo\":{\"hasNextPage\":false,\"hasPreviousPage\":false}}")
    list_dependabot_alerts {"owner":"acme","repo":"gone"}
      dependabot/list-alerts-for-repo 404
      Refused("failed to list alerts for repository 'acme/gone'. Your token may not have access to Dependabot alerts on acme/gone. To access Dependabot alerts, the token needs the 'security_events' scope or, for fine-grained tokens, Dependabot alerts read permission for this specific repository.: GET https://api.github.com/repos/acme/gone/dependabot/alerts?per_page=30: 404 Not Found []")
    get_code_quality_finding {"owner":"acme","repo":"hello","findingNumber":1}
      code-quality/get-finding 404
      Refused("failed to get finding: GET https://api.github.com/repos/acme/hello/code-quality/findings/1: 404 Not Found []")
    "#);
}
