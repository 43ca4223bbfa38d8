// Triages the issues of a repository with octokit at its normal URL. What a model would decide is
// decided by rules here, so that it runs without a key and does the same every time.
import { readFile, rm, writeFile } from "node:fs/promises";

import { Octokit } from "octokit";

const octokit = new Octokit({
  auth: process.env.GITHUB_TOKEN,
  // It waits a second between writes to spare the real service.
  throttle: { enabled: false },
});

type Issue = Awaited<ReturnType<typeof openIssues>>[number];
type Repository = { owner: string; repo: string };

const RULES: [RegExp, string][] = [
  [/crash|fails?\b|error|broken/i, "bug"],
  [/document|readme|docs\b|typo/i, "documentation"],
  [/add\b|support|allow/i, "enhancement"],
];

async function openIssues(repository: Repository) {
  return octokit.paginate(octokit.rest.issues.listForRepo, {
    ...repository,
    state: "open",
    sort: "created",
    direction: "asc",
    per_page: 100,
  });
}

const comment = (repository: Repository, issue: Issue, body: string) =>
  octokit.rest.issues.createComment({ ...repository, issue_number: issue.number, body });

async function label(repository: Repository) {
  let count = 0;
  for (const issue of await openIssues(repository)) {
    if (issue.labels.length > 0) continue;
    const rule = RULES.find(([words]) => words.test(issue.title));
    await octokit.rest.issues.addLabels({
      ...repository,
      issue_number: issue.number,
      labels: [rule?.[1] ?? "needs-info"],
    });
    count += 1;
  }
  return `labelled ${count} issues`;
}

// The defect: "Login fails" and "login fails" are not the same to it.
async function closeDuplicates(repository: Repository) {
  const first = new Map<string, Issue>();
  const closed: number[] = [];
  for (const issue of await openIssues(repository)) {
    const original = first.get(issue.title);
    if (!original) {
      first.set(issue.title, issue);
      continue;
    }
    await comment(repository, issue, `Duplicate of #${original.number}.`);
    await octokit.rest.issues.update({
      ...repository,
      issue_number: issue.number,
      state: "closed",
      state_reason: "duplicate",
    });
    closed.push(issue.number);
  }
  return `closed ${closed.map((number) => `#${number}`).join(", ") || "nothing"}`;
}

// The defect: whom it has welcomed it keeps in a file beside itself, which knows nothing of the
// repository it worked on. So it greets nobody in every other run.
async function welcome(repository: Repository) {
  const memory = new URL(".welcomed.json", import.meta.url);
  const welcomed: string[] = await readFile(memory, "utf8").then(JSON.parse, () => []);
  let count = 0;
  for (const issue of await openIssues(repository)) {
    const author = issue.user?.login;
    if (!author || welcomed.includes(author)) continue;
    await comment(repository, issue, `Welcome, @${author}!`);
    welcomed.push(author);
    count += 1;
  }
  if (count > 0) await writeFile(memory, JSON.stringify(welcomed));
  else await rm(memory, { force: true });
  return `welcomed ${count} people`;
}

// The defect: it waits for as long as it takes.
async function waitForApproval(repository: Repository) {
  for (;;) {
    const issues = await openIssues(repository);
    const approved = issues.filter((issue) =>
      issue.labels.some((one) => typeof one !== "string" && one.name === "approved"),
    );
    if (approved.length > 0) return `approved: ${approved.map((issue) => issue.title).join(", ")}`;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const SKILLS: [RegExp, (repository: Repository) => Promise<string>][] = [
  [/label/i, label],
  [/duplicate/i, closeDuplicates],
  [/welcome/i, welcome],
  [/approv/i, waitForApproval],
];

const task = process.env.AGENT_TASK ?? "";
const [, owner, repo] = /([\w.-]+)\/([\w.-]*\w)/.exec(task) ?? [];
const skill = SKILLS.find(([words]) => words.test(task))?.[1];
if (!owner || !repo || !skill) {
  console.error(`I do not know how to do that: ${task}`);
  process.exit(2);
}
console.error(`working on ${owner}/${repo}`);
console.log(JSON.stringify({ text: await skill({ owner, repo }) }));
