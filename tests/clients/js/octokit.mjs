// What octokit shows for each step.
import { pathToFileURL } from "node:url";
const { Octokit } = await import(pathToFileURL(process.env.OCTOKIT));
const calm = { retry: { enabled: false }, throttle: { enabled: false } };
const octokit = new Octokit({ auth: process.env.GITHUB_TOKEN, ...calm });
const repo = { owner: "acme", repo: "checkout" };
const base64 = (text) => Buffer.from(text).toString("base64");
const step = async (name, work) => {
  try {
    console.log(name, JSON.stringify(await work()));
  } catch (error) {
    console.log(name, error.constructor.name, error.status, error.message);
  }
};
const { rest } = octokit;
const wrong = new Octokit({ auth: "ghp_wrong", ...calm });
const anonymous = new Octokit(calm);

const read = async () => {
  await step("me", async () => (await rest.users.getAuthenticated()).data.login);
  await step("repository", async () => (await rest.repos.get(repo)).data.full_name);
  await step("issue", async () => (await rest.issues.get({ ...repo, issue_number: 7 })).data.title);
  await step("file", async () => Buffer.from((await rest.repos.getContent({ ...repo, path: "README.md" })).data.content, "base64").toString().split("\n")[0]);
  await step("graphql", async () => (await octokit.graphql("query($o:String!,$n:String!){repository(owner:$o,name:$n){issue(number:7){title}}}", { o: repo.owner, n: repo.repo })).repository.issue.title);
};

const issues = async () => {
  await step("create issue", async () => (await rest.issues.create({ ...repo, title: "Carts lose items", labels: ["bug"] })).data.number);
  await step("update issue", async () => (await rest.issues.update({ ...repo, issue_number: 11, title: "Carts lose their items", assignees: ["pay-dev"] })).data.assignees.map((one) => one.login));
  await step("comment", async () => (await rest.issues.createComment({ ...repo, issue_number: 11, body: "Seen." })).data.body);
  await step("edit comment", async () => {
    const { data: [comment] } = await rest.issues.listComments({ ...repo, issue_number: 11 });
    return (await rest.issues.updateComment({ ...repo, comment_id: comment.id, body: "Seen twice." })).data.body;
  });
  await step("delete comment", async () => {
    const { data: [comment] } = await rest.issues.listComments({ ...repo, issue_number: 11 });
    return (await rest.issues.deleteComment({ ...repo, comment_id: comment.id })).status;
  });
  await step("close issue", async () => (await rest.issues.update({ ...repo, issue_number: 11, state: "closed", state_reason: "not_planned" })).data.state_reason);
  await step("lock issue", async () => (await rest.issues.lock({ ...repo, issue_number: 11, lock_reason: "resolved" })).status);
  await step("create label", async () => (await rest.issues.createLabel({ ...repo, name: "urgent", color: "ff0000" })).data.default);
  await step("update label", async () => (await rest.issues.updateLabel({ ...repo, name: "urgent", new_name: "now" })).data.name);
  await step("delete label", async () => (await rest.issues.deleteLabel({ ...repo, name: "now" })).status);
  await step("create milestone", async () => (await rest.issues.createMilestone({ ...repo, title: "Two" })).data.number);
};

const content = async () => {
  await step("create file", async () => (await rest.repos.createOrUpdateFileContents({ ...repo, path: "BRIEF.md", message: "Be brief", content: base64("Be brief.\n") })).data.content.sha);
  await step("stale file", async () => (await rest.repos.createOrUpdateFileContents({ ...repo, path: "BRIEF.md", message: "Stale", content: base64("No."), sha: "0".repeat(40) })).status);
  await step("update file", async () => {
    const { data: { sha } } = await rest.repos.getContent({ ...repo, path: "BRIEF.md" });
    return (await rest.repos.createOrUpdateFileContents({ ...repo, path: "BRIEF.md", message: "Briefer", content: base64("Brief.\n"), sha })).status;
  });
  await step("delete file", async () => {
    const { data: { sha } } = await rest.repos.getContent({ ...repo, path: "BRIEF.md" });
    return (await rest.repos.deleteFile({ ...repo, path: "BRIEF.md", message: "Gone", sha })).data.content;
  });
  await step("commits", async () => (await rest.repos.listCommits(repo)).data.map((one) => one.commit.message.split("\n")[0]));
  await step("create branch", async () => {
    const { data } = await rest.git.getRef({ ...repo, ref: "heads/main" });
    return (await rest.git.createRef({ ...repo, ref: "refs/heads/topic", sha: data.object.sha })).data.ref;
  });
  await step("same branch", async () => {
    const { data } = await rest.git.getRef({ ...repo, ref: "heads/main" });
    return (await rest.git.createRef({ ...repo, ref: "refs/heads/topic", sha: data.object.sha })).status;
  });
  await step("empty pull", async () => (await rest.pulls.create({ ...repo, title: "Topic", head: "topic", base: "main" })).status);
  await step("file on branch", async () => (await rest.repos.createOrUpdateFileContents({ ...repo, branch: "topic", path: "TOPIC.md", message: "Topic", content: base64("Topic\n") })).status);
  await step("create release", async () => (await rest.repos.createRelease({ ...repo, tag_name: "v2", name: "Two", generate_release_notes: true })).data.tag_name);
  await step("upload asset", async () => {
    const { data: { id } } = await rest.repos.getReleaseByTag({ ...repo, tag: "v2" });
    return (await rest.repos.uploadReleaseAsset({ ...repo, release_id: id, name: "notes.txt", data: "notes" })).data.size;
  });
};

const pulls = async () => {
  await step("create pull", async () => (await rest.pulls.create({ ...repo, title: "Topic", head: "topic", base: "main" })).data.number);
  await step("same pull", async () => (await rest.pulls.create({ ...repo, title: "Topic", head: "topic", base: "main" })).status);
  await step("files", async () => (await rest.pulls.listFiles({ ...repo, pull_number: 12 })).data.map((one) => [one.filename, one.status, one.additions]));
  await step("review", async () => (await rest.pulls.createReview({ ...repo, pull_number: 9, event: "APPROVE" })).data.state);
  await step("own review", async () => (await rest.pulls.createReview({ ...repo, pull_number: 12, event: "APPROVE" })).status);
  await step("stale head", async () => (await rest.pulls.merge({ ...repo, pull_number: 12, sha: "0".repeat(40) })).status);
  await step("conflict", async () => (await rest.pulls.merge({ ...repo, pull_number: 2 })).status);
  await step("merge", async () => (await rest.pulls.merge({ ...repo, pull_number: 12, merge_method: "squash" })).data.merged);
  await step("merge again", async () => (await rest.pulls.merge({ ...repo, pull_number: 12 })).status);
  await step("delete branch", async () => (await rest.git.deleteRef({ ...repo, ref: "heads/topic" })).status);
};

const refusals = async () => {
  await step("missing", async () => (await rest.issues.get({ ...repo, issue_number: 999 })).status);
  await step("no title", async () => (await octokit.request("POST /repos/{owner}/{repo}/issues", { ...repo, body: "no title" })).status);
  await step("bad color", async () => (await rest.issues.createLabel({ ...repo, name: "bad", color: "#nothex" })).status);
  await step("same label", async () => (await rest.issues.createLabel({ ...repo, name: "bug", color: "ff0000" })).status);
  await step("wrong token", async () => (await wrong.rest.users.getAuthenticated()).status);
  await step("anonymous write", async () => (await anonymous.rest.issues.create({ ...repo, title: "No" })).status);
  await step("graphql error", async () => octokit.graphql("{repository(owner:\"acme\",name:\"nothing\"){name}}"));
};

// Every page: 300 issues of four repositories, each once.
const pages = async () => {
  const all = await octokit.paginate("GET /issues", { filter: "all", state: "all", per_page: 40 });
  await step("mine", async () => all.length);
  const { data: repos } = await rest.repos.listForAuthenticatedUser();
  const ids = new Set();
  let count = 0, pages = 0;
  for (const { owner, name } of repos) {
    for await (const { data } of octokit.paginate.iterator(rest.issues.listForRepo, { owner: owner.login, repo: name, state: "all", per_page: 40 })) {
      pages += 1;
      count += data.length;
      for (const { id } of data) ids.add(id);
    }
  }
  console.log("pages", pages, "issues", count, "different", ids.size);
  await step("graphql pages", async () => {
    const { owner, name } = repos[0];
    const query = "query($owner:String!,$name:String!,$cursor:String){repository(owner:$owner,name:$name){issues(first:40,after:$cursor){totalCount nodes{number} pageInfo{hasNextPage endCursor}}}}";
    const { repository: { issues } } = await octokit.graphql.paginate(query, { owner: owner.login, name });
    return [issues.totalCount, new Set(issues.nodes.map((one) => one.number)).size];
  });
};

// The call after the last one that is allowed.
const limit = async () => {
  for (let call = 1; call <= 4; call += 1) {
    await step(`call ${call}`, async () => (await rest.repos.get(repo)).headers["x-ratelimit-remaining"]);
  }
};

// What the plugin for rate limits is told.
const burst = async () => {
  const told = (name) => (after, { method, url }) => { console.log(name, after, method, url); return false; };
  const careful = new Octokit({ auth: process.env.GITHUB_TOKEN, retry: { enabled: false }, throttle: { onRateLimit: told("rate limit"), onSecondaryRateLimit: told("secondary") } });
  await step("create", async () => (await careful.rest.issues.create({ ...repo, title: "One" })).data.number);
};

const parts = { read, issues, content, pulls, refusals, pages, limit, burst };
for (const name of process.argv.slice(2)) {
  console.log(`# ${name}`);
  await parts[name]();
}
