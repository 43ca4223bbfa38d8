//! `git` over HTTPS, and `gh` for the pull request of what was pushed. What the service limits is its API: it counts no
//! calls of git, nor does its clone.

use super::{script, told};

#[test]
fn it_clones_pushes_fetches_and_is_refused() {
    let told = told("merge-conflict", &["sh", &script("shell/git.sh")]);
    insta::assert_snapshot!(told, @r#"
    # read
    $ git clone -q https://github.com/acme/checkout.git work
    $ git log --format=%s
    Merge pull request #3 from acme/retry-payments
    Retry payments that time out
    Initial commit
    $ git branch -r
      origin/HEAD -> origin/main
      origin/drop-tax
      origin/flag-large-orders
      origin/longer-timeout
      origin/main
      origin/name-releaser
      origin/release
      origin/release-2
      origin/retry-payments
      origin/round-totals
      origin/tax-by-country
    $ ls
    README.md
    src
    # push
    $ git switch -q -c shorter-timeout
    $ git push -q -u origin shorter-timeout
    remote:
    remote: Create a pull request for 'shorter-timeout' on GitHub by visiting:
    remote:      https://github.com/acme/checkout/pull/new/shorter-timeout
    remote:
    $ gh pr create --title Be brief --body By git. --base main
    https://github.com/acme/checkout/pull/11
    $ gh pr diff 11
    diff --git a/BRIEF.md b/BRIEF.md
    new file mode 100644
    index 0000000..069d08d
    --- /dev/null
    +++ b/BRIEF.md
    @@ -0,0 +1 @@
    +Be brief.
    $ gh pr merge 11 --merge
    $ git fetch -q origin
    $ git log --format=%s origin/main -2
    Merge pull request #11 from acme/shorter-timeout
    Merge pull request #3 from acme/retry-payments
    $ gh api repos/acme/checkout/contents/BRIEF.md --jq .content
    QmUgYnJpZWYuCg==

    $ git push -q origin v2 v3
    $ git ls-remote --tags --refs --sort=refname origin
    <sha>	refs/tags/v2
    <sha>	refs/tags/v3
    $ gh api repos/acme/checkout/tags --jq [.[].name]
    ["v3","v2"]
    $ git push -q origin :shorter-timeout
    $ git ls-remote --heads origin shorter-timeout
    $ gh repo clone acme/checkout again -- -q --depth 1
    $ git -C again log --format=%s
    Merge pull request #11 from acme/shorter-timeout
    # conflict
    $ git switch -q main
    $ git push -q origin main
    To https://github.com/acme/checkout.git
     ! [rejected]        main -> main (non-fast-forward)
    error: failed to push some refs to 'https://github.com/acme/checkout.git'
    => 1
    $ git push -q -f origin main
    $ git switch -q release
    $ git push -q -f origin release
    remote: error: GH006: Protected branch update failed for refs/heads/release.
    remote: error:
    remote: error: Cannot force-push to this branch
    To https://github.com/acme/checkout.git
     ! [remote rejected] release -> release (protected branch hook declined)
    error: failed to push some refs to 'https://github.com/acme/checkout.git'
    => 1
    $ git push -q origin :release
    remote: error: GH006: Protected branch update failed for refs/heads/release.
    remote: error:
    remote: error: Cannot delete this branch
    To https://github.com/acme/checkout.git
     ! [remote rejected] release (protected branch hook declined)
    error: failed to push some refs to 'https://github.com/acme/checkout.git'
    => 1
    # refusals
    $ git clone -q https://github.com/acme/nothing.git nothing
    remote: Repository not found.
    fatal: repository 'https://github.com/acme/nothing.git/' not found
    => 128
    $ git -c credential.helper= -c credential.helper=!f() { echo username=x; echo password=ghp_wrong; }; f push -q origin HEAD:wrong
    remote: Invalid username or token. Password authentication is not supported for Git operations.
    fatal: Authentication failed for 'https://github.com/acme/checkout.git/'
    => 128
    $ git -c credential.helper= push -q origin HEAD:anonymous
    fatal: could not read Username for 'https://github.com': terminal prompts disabled
    => 128
    "#);
}
