"""What PyGithub shows for each step."""

import os
import sys

from github import Auth, Github, GithubException, InputGitAuthor

CALM = {"retry": None, "seconds_between_requests": 0, "seconds_between_writes": 0}
github = Github(auth=Auth.Token(os.environ["GITHUB_TOKEN"]), **CALM)
AUTHOR = InputGitAuthor("Acme developer", "dev@acme.test", "2026-01-01T00:00:00Z")


def step(name, work):
    try:
        print(name, work())
    except GithubException as error:
        data = error.data if isinstance(error.data, dict) else {}
        print(name, type(error).__name__, error.status, data.get("message"), data.get("errors", ""))


def checkout():
    return github.get_repo("acme/checkout")


def read():
    repo = checkout()
    step("me", lambda: github.get_user().login)
    step("repository", lambda: (repo.full_name, repo.default_branch, repo.permissions.admin))
    step("issue", lambda: repo.get_issue(7).title)
    step("file", lambda: repo.get_contents("README.md").decoded_content.decode().splitlines()[0])
    step("tree", lambda: [one.path for one in repo.get_git_tree("main", recursive=True).tree])
    step("search", lambda: [one.number for one in github.search_issues("orders repo:acme/checkout is:issue")])


def issues():
    repo = checkout()
    step("create issue", lambda: repo.create_issue("Carts lose items", labels=["bug"], assignee="pay-dev").number)
    issue = repo.get_issue(11)
    step("update issue", lambda: issue.edit(title="Carts lose their items") or issue.title)
    step("assign", lambda: issue.add_to_assignees("cart-lead") or [one.login for one in issue.assignees])
    step("label", lambda: issue.set_labels("conflict") or [one.name for one in issue.get_labels()])
    step("comment", lambda: issue.create_comment("Seen.").body)
    comment = issue.get_comments()[0]
    step("edit comment", lambda: comment.edit("Seen twice.") or comment.body)
    step("react", lambda: comment.create_reaction("eyes").content)
    step("delete comment", lambda: comment.delete() or issue.get_comments().totalCount)
    step("close issue", lambda: issue.edit(state="closed", state_reason="not_planned") or (issue.state, issue.state_reason))
    step("events", lambda: [one.event for one in issue.get_events()])
    step("create label", lambda: repo.create_label("urgent", "ff0000", "Today").name)
    label = repo.get_label("urgent")
    step("update label", lambda: label.edit("now", "00ff00") or label.name)
    step("delete label", lambda: label.delete())
    step("create milestone", lambda: repo.create_milestone("Two").number)
    milestone = repo.get_milestone(1)
    step("update milestone", lambda: milestone.edit("Three", state="closed") or (milestone.title, milestone.state))
    step("delete milestone", lambda: milestone.delete())


def content():
    repo = checkout()
    step("create file", lambda: repo.create_file("BRIEF.md", "Be brief", "Be brief.\n", author=AUTHOR)["content"].sha)
    file = repo.get_contents("BRIEF.md")
    step("stale file", lambda: repo.update_file("BRIEF.md", "Stale", "No.", "0" * 40))
    step("update file", lambda: repo.update_file("BRIEF.md", "Briefer", "Brief.\n", file.sha)["content"].sha)
    step("stale delete", lambda: repo.delete_file("BRIEF.md", "Gone", file.sha))
    step("delete file", lambda: repo.delete_file("BRIEF.md", "Gone", repo.get_contents("BRIEF.md").sha)["content"])
    step("commits", lambda: [one.commit.message for one in repo.get_commits()][:3])
    head = repo.get_branch("main").commit.sha
    step("create branch", lambda: repo.create_git_ref("refs/heads/topic", head).ref)
    step("same branch", lambda: repo.create_git_ref("refs/heads/topic", head).ref)
    step("file on branch", lambda: repo.create_file("TOPIC.md", "Topic", "Topic\n", branch="topic")["content"].path)
    step("compare", lambda: (repo.compare("main", "topic").ahead_by, [one.filename for one in repo.compare("main", "topic").files]))
    step("create release", lambda: repo.create_git_release("v2", "Two", "All of it.").tag_name)
    release = repo.get_release("v2")
    step("update release", lambda: release.update_release("Two", "All of it, really.").body)
    step("delete release", lambda: release.delete_release())


def pulls():
    repo = checkout()
    step("create pull", lambda: repo.create_pull("main", "topic", title="Topic", body="Of PyGithub.").number)
    pull = repo.get_pull(12)
    step("update pull", lambda: pull.edit(title="The topic") or pull.title)
    step("same pull", lambda: repo.create_pull("main", "topic", title="Topic"))
    step("files", lambda: [(one.filename, one.status) for one in pull.get_files()])
    step("ask for review", lambda: pull.create_review_request(reviewers=["cart-lead"]) or [one.login for one in pull.get_review_requests()[0]])
    step("review", lambda: repo.get_pull(9).create_review(body="Good.", event="APPROVE").state)
    step("own review", lambda: pull.create_review(body="Good.", event="APPROVE"))
    step("stale head", lambda: pull.merge(sha="0" * 40))
    step("conflict", lambda: repo.get_pull(2).merge())
    step("merge", lambda: pull.merge(merge_method="rebase").merged)
    step("delete branch", lambda: repo.get_git_ref("heads/topic").delete())
    step("deleted branch", lambda: repo.get_branch("topic"))


def refusals():
    repo = checkout()
    step("missing repository", lambda: github.get_repo("acme/nothing"))
    step("missing issue", lambda: repo.get_issue(999))
    step("bad color", lambda: repo.create_label("bad", "#nothex"))
    step("same label", lambda: repo.create_label("bug", "ff0000"))
    step("no title", lambda: repo.create_issue(""))
    wrong = Github(auth=Auth.Token("ghp_wrong"), **CALM)
    step("wrong token", lambda: wrong.get_user().login)
    step("anonymous write", lambda: Github(**CALM).get_repo("acme/checkout").create_issue("No"))


def pages():
    """Every page: 300 issues of four repositories, each once."""
    numbers = []
    for repo in github.get_user().get_repos():
        found = repo.get_issues(state="all")
        print(repo.full_name, found.totalCount)
        numbers += [(repo.full_name, issue.number) for issue in found]
    print("issues", len(numbers), "different", len(set(numbers)))
    step("reversed", lambda: [one.number for one in repo.get_issues(state="all").reversed][0])


def limit():
    """The call after the last one that is allowed."""
    for call in range(1, 5):
        step(f"call {call}", lambda: (checkout().full_name, github.rate_limiting))


def burst():
    """The service's refusal of bursts."""
    step("create", lambda: checkout().create_issue("One").number)


for part in sys.argv[1:]:
    print("#", part)
    globals()[part]()
