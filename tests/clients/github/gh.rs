//! `gh`, as Debian has it.

use super::{script, told};

#[test]
fn it_reads_writes_and_deletes() {
    let told = told("merge-conflict", &["sh", &script("shell/gh.sh")]);
    insta::assert_snapshot!(told, @r#"
    # read
    $ gh repo view acme/checkout --json nameWithOwner,description,defaultBranchRef,viewerPermission
    {"defaultBranchRef":{"name":"main"},"description":"The checkout service of the Acme shop","nameWithOwner":"acme/checkout","viewerPermission":"ADMIN"}
    $ gh issue view 7 -R acme/checkout --json number,title,state,labels,author
    {"author":{"id":"U_kgDOBPJ_0g","is_bot":false,"login":"cart-lead","name":"Cart lead"},"labels":[{"id":"LA_kwDOLUyxuM8AAAABg24mlg","name":"enhancement","description":"New feature or request","color":"a2eeef"}],"number":7,"state":"OPEN","title":"Orders of 1000 EUR and more need a second look"}
    $ gh api repos/acme/checkout/contents/README.md --jq .name
    README.md
    $ gh api graphql -f query={viewer{login}} --jq .data.viewer.login
    acme-dev
    # issues
    $ gh issue list -R acme/checkout --json number,title
    [{"number":7,"title":"Orders of 1000 EUR and more need a second look"}]
    $ gh issue create -R acme/checkout --title Carts lose items --body Since Monday. --label bug --assignee acme-dev
    https://github.com/acme/checkout/issues/11
    $ gh issue comment 11 -R acme/checkout --body Seen again.
    https://github.com/acme/checkout/issues/11#issuecomment-1900000723
    $ gh issue edit 11 -R acme/checkout --title Carts lose their items --add-label conflict --remove-label bug
    https://github.com/acme/checkout/issues/11
    $ gh issue view 11 -R acme/checkout --comments
    author:	acme-dev
    association:	member
    edited:	false
    status:	none
    --
    Seen again.
    --
    $ gh issue close 11 -R acme/checkout --reason not planned --comment Cannot be told apart.
    ✓ Closed issue #11 (Carts lose their items)
    $ gh issue reopen 11 -R acme/checkout
    ✓ Reopened issue #11 (Carts lose their items)
    $ gh issue view 11 -R acme/checkout --json title,state,labels,assignees --jq [.title,.state,.labels[].name,.assignees[].login]
    ["Carts lose their items","OPEN","conflict","acme-dev"]
    $ gh search issues items --repo acme/checkout --json number,title
    [{"number":11,"title":"Carts lose their items"}]
    $ gh issue delete 11 -R acme/checkout --confirm
    Flag --confirm has been deprecated, use `--yes` instead
    $ gh issue view 11 -R acme/checkout
    GraphQL: Could not resolve to an issue or pull request with the number of 11. (repository.issue)
    => 1
    # labels
    $ gh label create urgent -R acme/checkout --color ff0000 --description Today
    $ gh label create urgent -R acme/checkout --color 00ff00
    label with name "urgent" already exists; use `--force` to update its color and description
    => 1
    $ gh label edit urgent -R acme/checkout --name now
    $ gh label delete now -R acme/checkout --confirm
    Flag --confirm has been deprecated, use `--yes` instead
    $ gh label list -R acme/checkout --json name --jq [.[].name]
    ["bug","enhancement","conflict"]
    # pull requests
    $ gh pr list -R acme/checkout --json number,headRefName,isDraft,mergeable --jq .[]|[.number,.headRefName,.isDraft,.mergeable]
    [9,"release-2",false,"MERGEABLE"]
    [8,"round-totals",false,"MERGEABLE"]
    [5,"tax-by-country",true,"MERGEABLE"]
    [4,"flag-large-orders",false,"MERGEABLE"]
    [2,"longer-timeout",false,"CONFLICTING"]
    $ gh pr view 4 -R acme/checkout --json number,title,state,reviewDecision,additions,changedFiles
    {"additions":4,"changedFiles":1,"number":4,"reviewDecision":"APPROVED","state":"OPEN","title":"Flag large orders"}
    $ gh pr diff 10 -R acme/checkout
    diff --git a/RELEASING.md b/RELEASING.md
    new file mode 100644
    index 0000000..4595fb3
    --- /dev/null
    +++ b/RELEASING.md
    @@ -0,0 +1 @@
    +The cart lead releases on Tuesdays.
    $ gh pr checks 4 -R acme/checkout
    ci/test	pass	0
    $ gh pr checks 8 -R acme/checkout
    ci/test	fail	0
    => 1
    $ gh pr review 9 -R acme/checkout --approve --body Good.
    $ gh pr comment 9 -R acme/checkout --body Today?
    https://github.com/acme/checkout/pull/9#issuecomment-1900000969
    $ gh pr edit 9 -R acme/checkout --title Release 2.0
    https://github.com/acme/checkout/pull/9
    $ gh pr ready 5 -R acme/checkout
    ✓ Pull request #5 is marked as "ready for review"
    $ gh pr merge 2 -R acme/checkout --merge
    X Pull request #2 is not mergeable: the merge commit cannot be cleanly created.
    To have the pull request merged after all the requirements have been met, add the `--auto` flag.
    => 1
    $ gh pr merge 4 -R acme/checkout --squash --delete-branch
    $ gh pr view 4 -R acme/checkout --json state,mergedBy --jq [.state,.mergedBy.login]
    ["MERGED","acme-dev"]
    $ gh issue view 7 -R acme/checkout --json state --jq .state
    CLOSED
    $ gh pr create -R acme/checkout --head tax-by-country --base release --title Again --body The same branch, elsewhere.
    https://github.com/acme/checkout/pull/12
    $ gh pr create -R acme/checkout --head tax-by-country --base release --title Again --body Twice.
    a pull request for branch "tax-by-country" into branch "release" already exists:
    https://github.com/acme/checkout/pull/12
    => 1
    $ gh pr close 12 -R acme/checkout
    ✓ Closed pull request #12 (Again)
    # releases, gists, runs
    $ gh release create v2 -R acme/checkout --title Two --notes All of it. --target main
    https://github.com/acme/checkout/releases/tag/v2
    $ gh release create v2 -R acme/checkout --title Two --notes Twice.
    HTTP 422: Validation Failed (https://api.github.com/repos/acme/checkout/releases)
    Release.tag_name already exists
    => 1
    $ gh release list -R acme/checkout
    Two	Latest	v2	<time>
    $ gh release delete v2 -R acme/checkout --yes
    $ gh release view v2 -R acme/checkout
    release not found
    => 1
    $ gh gist create note.txt --desc A gist
    - Creating gist note.txt
    ✓ Created secret gist note.txt
    https://gist.github.com/acme-dev/fd33cea69e0052d3a2650ea25fb71a19
    $ gh gist list
    fd33cea69e0052d3a2650ea25fb71a19	A gist	1 file	secret	<time>
    $ gh run list -R acme/checkout
    # refusals
    $ gh api repos/acme/checkout/issues/999
    {"message":"Not Found","documentation_url":"https://docs.github.com/rest/issues/issues#get-an-issue","status":"404"}gh: Not Found (HTTP 404)
    => 1
    $ gh api repos/acme/checkout/issues -X POST -f body=no title
    {"message":"Invalid request.\n\n\"title\" wasn't supplied.","documentation_url":"https://docs.github.com/rest/issues/issues#create-an-issue","status":"422"}gh: Invalid request.

    "title" wasn't supplied. (HTTP 422)
    => 1
    $ gh api repos/acme/checkout/contents/README.md -X PUT -f message=Stale -f content=Mwo= -f sha=0123456789012345678901234567890123456789
    {"message":"README.md does not match 0123456789012345678901234567890123456789","documentation_url":"https://docs.github.com/rest/repos/contents#create-or-update-file-contents","status":"409"}gh: README.md does not match 0123456789012345678901234567890123456789 (HTTP 409)
    => 1
    $ gh api user
    {"message":"Bad credentials","documentation_url":"https://docs.github.com/rest","status":"401"}gh: Bad credentials (HTTP 401)
    => 1
    $ gh issue list -R acme/checkout
    HTTP 401: Bad credentials (https://api.github.com/graphql)
    Try authenticating with:  gh auth login
    => 1
    "#);
}

#[test]
fn it_turns_all_pages_and_reads_runs() {
    let pages = r"for repo in storefront orders-api mobile-app data-pipeline; do
        gh api --paginate repos/northwind/$repo/issues?state=all --jq '.[].number' | sort -n | uniq | wc -l
        gh issue list -R northwind/$repo --state all --limit 300 --json number --jq length
    done";
    insta::assert_snapshot!(told("large-backlog", &["sh", "-c", pages]), @r"
    130
    130
    80
    80
    60
    60
    30
    30
    ");
    let runs = r"gh run list -R acme/payments --json name,status,conclusion --jq '.[]|[.name,.status,.conclusion]'
        gh workflow list -R acme/payments
        gh gist list
        gh secret list -R acme/payments | cut -f1";
    insta::assert_snapshot!(told("ci-cd-pipeline", &["sh", "-c", runs]), @r#"
    ["Nightly","queued",""]
    ["CI","in_progress",""]
    ["CI","completed","failure"]
    ["Nightly","completed","failure"]
    ["Deploy","completed","success"]
    ["CI","completed","success"]
    CI	active	161335001
    Deploy	active	161335002
    Nightly	active	161335003
    aa5a315d61ae9438b18d0123456789ab	Release checklist	1 file	public	<time>
    DEPLOY_KEY
    NPM_TOKEN
    "#);
}
