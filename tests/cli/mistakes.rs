//! `archal scenario validate` on every kind of file that is no scenario.

use archal_testkit::cli::Output;

use super::environment;
use super::scenario::scenario;

/// Every kind of file that is no scenario, in one pass, as a user reads it.
#[test]
fn every_mistake_is_told_with_its_place() {
    let world = environment();
    let one = "- [D] The run exits successfully";
    let state = "acme/shop has an issue.";
    let whole = |config: &str| scenario(state, one, config);
    let files: Vec<(&str, String)> = vec![
        ("01-empty", String::new()),
        (
            "02-no-prompt",
            "# T\n\n## Checks\n\n- [P] x\n\n## Config\n\nclones: github\n".to_owned(),
        ),
        (
            "03-no-criteria",
            "# T\n\n## Prompt\n\nx\n\n## Checks\n\n## Config\n\nclones: github\n".to_owned(),
        ),
        ("04-two-titles", format!("# U\n{}", whole("clones: github"))),
        (
            "05-unknown-section",
            whole("clones: github").replace("## Setup", "## Setpu"),
        ),
        ("06-unknown-key", whole("clones: github\ntimout: 5")),
        (
            "07-bad-values",
            whole(
                "clones: github\ntimeout: soon\nruns: 0\npass-threshold: 101\nsince: yesterday\nflaky: maybe\nroute: shimm\nclock: noon\nfault: github:issues/updte=500\nmatch: nam=x",
            ),
        ),
        (
            "07b-quarantine",
            whole("clones: github\nowner: triage\nflaky: true"),
        ),
        ("08-unknown-clone", whole("clones: gihub")),
        (
            "09-unknown-seed",
            whole("clones: github\nseed: stale-isues"),
        ),
        (
            "10-two-states",
            scenario(
                "```yaml\nusers: []\n```",
                one,
                "clones: github\nseed: empty",
            ),
        ),
        (
            "11-bad-fence",
            scenario("```toml\na = 1\n```", one, "clones: github"),
        ),
        (
            "12-bad-yaml",
            scenario("```yaml\nusers: [\n```", one, "clones: github"),
        ),
        (
            "13-duplicate-key",
            scenario("```yaml\nusers: []\nusers: []\n```", one, "clones: github"),
        ),
        (
            "14-expansion",
            scenario(
                &format!("```yaml\n{}\n```", laughs()),
                one,
                "clones: github",
            ),
        ),
        (
            "15-bad-cel",
            scenario(
                state,
                "- [D] `size(github.isues) == 1`\n- [D] `size(`",
                "clones: github",
            ),
        ),
        (
            "16-bad-sentence",
            scenario(state, "- [D] The issues feel better", "clones: github"),
        ),
        (
            "17-half-setup",
            scenario(
                "acme/shop has 3 open issues. Most of them are very old.",
                one,
                "clones: github",
            ),
        ),
        (
            "18-two-meanings",
            scenario(
                "acme/shop has 9 issues. 4 of them are open. 2 of them are locked.",
                one,
                "clones: github",
            ),
        ),
        (
            "19-refused-state",
            scenario(
                "```yaml\nrepos:\n  - name: shop\n```",
                one,
                "clones: github",
            ),
        ),
        (
            "20-no-clone",
            "# T\n\n## Prompt\n\nDo it.\n\n## Checks\n\n- [P] x\n".to_owned(),
        ),
        (
            "21-no-seed-file",
            whole("clones: github\nseed: github:absent.json").replace(state, "For the judge."),
        ),
    ];
    for (name, text) in &files {
        world.write(format!("bad/{name}.md"), text);
    }
    world.write(
        "bad/22-huge.md",
        &format!("# T\n## Prompt\n{}", "x".repeat(1 << 20)),
    );
    let path = world.write("bad/23-not-utf8.md", "");
    std::fs::write(path, b"# T\n## Prompt\n\xff\xfe\n").expect("a writable folder");
    let names: Vec<String> = (files.iter().map(|(name, _)| *name))
        .chain(["22-huge", "23-not-utf8"])
        .map(|name| format!("bad/{name}.md"))
        .collect();
    let mut arguments = vec!["scenario", "validate"];
    arguments.extend(names.iter().map(String::as_str));
    let output: Output = world.run(&arguments).ended(1);
    insta::assert_snapshot!(output, @r###"
        exit code: 1
        ----- stdout -----
        scenario/no-title

          × the scenario has no title
           ╭─[bad/01-empty.md:1:1]
           ╰────
          help: begin with `# What the agent should do`
        scenario/no-prompt

          × the scenario has no prompt
           ╭─[bad/01-empty.md:1:1]
           ╰────
          help: add `## Prompt` with what the agent is asked
        scenario/no-criteria

          × the scenario has no success criteria
           ╭─[bad/01-empty.md:1:1]
           ╰────
          help: add `## Success Criteria` with one bullet for each
        scenario/no-clone

          × the scenario names no clone
           ╭─[bad/01-empty.md:1:1]
           ╰────
          help: write `clones: github` under ## Config
        bad bad/01-empty.md: 4 errors
        scenario/no-prompt

          × the scenario has no prompt
           ╭─[bad/02-no-prompt.md:1:1]
         1 │ # T
           · ───
         2 │
           ╰────
          help: add `## Prompt` with what the agent is asked
        bad bad/02-no-prompt.md: 1 error
        scenario/no-criteria

          × the scenario has no success criteria
           ╭─[bad/03-no-criteria.md:7:1]
         6 │
         7 │ ## Checks
           · ─────────
         8 │
           ╰────
          help: write one bullet for each
        bad bad/03-no-criteria.md: 1 error
        scenario/second-title

          × a scenario has one title
           ╭─[bad/04-two-titles.md:2:1]
         1 │ # U
         2 │ # T
           · ───
         3 │
           ╰────
          help: use ### or deeper for headings inside a section
        bad bad/04-two-titles.md: 1 error
        scenario/unknown-section

          × unknown section `Setpu`
           ╭─[bad/05-unknown-section.md:3:1]
         2 │
         3 │ ## Setpu
           · ────────
         4 │
           ╰────
          help: did you mean `## Setup`?
        bad bad/05-unknown-section.md: 1 error
        scenario/unknown-key

          × unknown key `timout`
            ╭─[bad/06-unknown-key.md:18:1]
         17 │ clones: github
         18 │ timout: 5
            · ──────
            ╰────
          help: did you mean `timeout`?
        bad bad/06-unknown-key.md: 1 error
        scenario/config

          × a timeout is a number of seconds from 1 to 86400
            ╭─[bad/07-bad-values.md:18:10]
         17 │ clones: github
         18 │ timeout: soon
            ·          ────
         19 │ runs: 0
            ╰────
          help: write timeout: 90, or 5m
        scenario/config

          × runs is a whole number from 1 to 1000
            ╭─[bad/07-bad-values.md:19:7]
         18 │ timeout: soon
         19 │ runs: 0
            ·       ─
         20 │ pass-threshold: 101
            ╰────
        scenario/config

          × pass-threshold is a number from 0 to 100
            ╭─[bad/07-bad-values.md:20:17]
         19 │ runs: 0
         20 │ pass-threshold: 101
            ·                 ───
         21 │ since: yesterday
            ╰────
        scenario/config

          × not a day; write 2026-01-31
            ╭─[bad/07-bad-values.md:21:8]
         20 │ pass-threshold: 101
         21 │ since: yesterday
            ·        ─────────
         22 │ flaky: maybe
            ╰────
        scenario/config

          × neither true nor false
            ╭─[bad/07-bad-values.md:22:8]
         21 │ since: yesterday
         22 │ flaky: maybe
            ·        ─────
         23 │ route: shimm
            ╰────
        scenario/config

          × unknown route
            ╭─[bad/07-bad-values.md:23:8]
         22 │ flaky: maybe
         23 │ route: shimm
            ·        ─────
         24 │ clock: noon
            ╰────
          help: did you mean `shim`?
        scenario/config

          × a clock is fixed at a time with its zone
            ╭─[bad/07-bad-values.md:24:8]
         23 │ route: shimm
         24 │ clock: noon
            ·        ────
         25 │ fault: github:issues/updte=500
            ╰────
          help: write clock: fixed 2026-01-31T09:00:00Z
        scenario/fault

          × github has no operation `issues/updte`
            ╭─[bad/07-bad-values.md:25:15]
         24 │ clock: noon
         25 │ fault: github:issues/updte=500
            ·               ────────────
         26 │ match: nam=x
            ╰────
          help: did you mean `issues/update`?
        scenario/match

          × unknown part `nam` of match
            ╭─[bad/07-bad-values.md:26:8]
         25 │ fault: github:issues/updte=500
         26 │ match: nam=x
            ·        ───
            ╰────
          help: did you mean `name`?
        bad bad/07-bad-values.md: 9 errors
        scenario/nothing-to-do

          ⚠ every criterion decided holds on the starting state already: an agent that does nothing passes
            ╭─[bad/07b-quarantine.md:13:1]
         12 │
         13 │ - [D] The run exits successfully
            · ────────────────────────────────
         14 │
            ╰────
          help: add a criterion that only the work makes true
        scenario/quarantine

          × it is `flaky: true` without `since`
            ╭─[bad/07b-quarantine.md:19:1]
         18 │ owner: triage
         19 │ flaky: true
            · ─────
            ╰────
          help: a scenario in quarantine has somebody who answers for it: write owner: <who> and since:
                <day>
        bad bad/07b-quarantine.md: 1 error
        scenario/unknown-clone

          × there is no clone `gihub`
            ╭─[bad/08-unknown-clone.md:17:9]
         16 │
         17 │ clones: gihub
            ·         ─────
            ╰────
          help: did you mean `github`?
        bad bad/08-unknown-clone.md: 1 error
        scenario/unknown-seed

          × github has no seed `stale-isues`
            ╭─[bad/09-unknown-seed.md:18:7]
         17 │ clones: github
         18 │ seed: stale-isues
            ·       ───────────
            ╰────
          help: did you mean `stale-issues`?
        bad bad/09-unknown-seed.md: 1 error
        scenario/seed

          × two starting states for github
           ╭─[bad/10-two-states.md:6:1]
         5 │ ```yaml
         6 │ users: []
           · ─────────
         7 │ ```
           ╰────
        bad bad/10-two-states.md: 1 error
        scenario/seed-block

          × a fenced block here is a starting state in json or yaml, not `toml`
           ╭─[bad/11-bad-fence.md:5:1]
         4 │
         5 │ ```toml
           · ───────
         6 │ a = 1
           ╰────
          help: write ```yaml github, or ```text for words
        bad bad/11-bad-fence.md: 1 error
        scenario/seed-block

          × not yaml: unclosed bracket '['
           ╭─[bad/12-bad-yaml.md:6:1]
         5 │ ```yaml
         6 │ users: [
           · ────────
         7 │ ```
           ╰────
        bad bad/12-bad-yaml.md: 1 error
        scenario/seed-block

          × not yaml: duplicate mapping key: users
           ╭─[bad/13-duplicate-key.md:7:1]
         6 │ users: []
         7 │ users: []
           · ─────────
         8 │ ```
           ╰────
        bad bad/13-duplicate-key.md: 1 error
        scenario/seed-block

          × not yaml: it is too large once its aliases are followed
            ╭─[bad/14-expansion.md:11:15]
         10 │ a4: &a4 [*a3, *a3, *a3, *a3, *a3, *a3, *a3, *a3, *a3, *a3]
         11 │ a5: &a5 [*a4, *a4, *a4, *a4, *a4, *a4, *a4, *a4, *a4, *a4]
            ·               ────────────────────────────────────────────
         12 │ a6: &a6 [*a5, *a5, *a5, *a5, *a5, *a5, *a5, *a5, *a5, *a5]
            ╰────
        bad bad/14-expansion.md: 1 error
        criterion/unknown-collection

          × `github` has no collection `isues`
            ╭─[bad/15-bad-cel.md:13:20]
         12 │
         13 │ - [D] `size(github.isues) == 1`
            ·                    ─────
         14 │ - [D] `size(`
            ╰────
          help: did you mean `issues`?
        criterion/not-cel

          × not a CEL expression: it ends too early
            ╭─[bad/15-bad-cel.md:14:13]
         13 │ - [D] `size(github.isues) == 1`
         14 │ - [D] `size(`
            ·             ▲
         15 │
            ╰────
        bad bad/15-bad-cel.md: 2 errors
        scenario/sentence

          × "feel" in a [D] criterion: this word is not known
            ╭─[bad/16-bad-sentence.md:13:18]
         12 │
         13 │ - [D] The issues feel better
            ·                  ────
         14 │
            ╰────
          help: things: issues, comments, pull requests, reviews, milestones, notifications, branches,
                commits, files, releases, commit statuses, check runs, labels, repositories, workflow
                runs, gists, users; or write the condition as CEL in backticks, or tag it [P] for the
                judge
        bad bad/16-bad-sentence.md: 1 error
        scenario/setup

          × this part of the starting state is not understood: "Most of them are very old"
           ╭─[bad/17-half-setup.md:5:30]
         4 │
         5 │ acme/shop has 3 open issues. Most of them are very old.
           ·                              ─────────────────────────
         6 │
           ╰────
          help: it can speak of issues, comments, pull requests, reviews, milestones, branches, commits,
                releases, commit statuses, check runs, labels, repositories, users. `archal scenario
                --help` has what can be said; or name a state with `seed:` under ## Config (github:ci-cd-
                pipeline, github:empty, github:enterprise-repo, github:large-backlog, github:merge-
                conflict, github:small-project, github:stale-issues), or write it as a ```yaml block, and
                the words are for the judge alone
        bad bad/17-half-setup.md: 1 error
        scenario/setup

          × it is not clear whether all 9 are meant or the 4
           ╭─[bad/18-two-meanings.md:5:45]
         4 │
         5 │ acme/shop has 9 issues. 4 of them are open. 2 of them are locked.
           ·                                             ─────────
         6 │
           ╰────
          help: write `all of them`, `of the 9` or `of the 4`, or say it in one sentence: `9 issues, 4 of
                them …, 2 of them …` `archal scenario --help` has what can be said; or name a state with
                `seed:` under ## Config (github:ci-cd-pipeline, github:empty, github:enterprise-repo,
                github:large-backlog, github:merge-conflict, github:small-project, github:stale-issues),
                or write it as a ```yaml block, and the words are for the judge alone
        bad bad/18-two-meanings.md: 1 error
        scenario/seed-refused

          × the github clone refuses its starting state: repos[0] has an unknown field "name"
           ╭─[bad/19-refused-state.md:6:1]
         5 │     ```yaml
         6 │ ╭─▶ repos:
         7 │ ╰─▶   - name: shop
         8 │     ```
           ╰────
          help: one of: full_name, id, node_id, owner, private, description, homepage, language, topics,
                fork, archived, has_issues, default_branch, stargazers_count, forks_count, size,
                permission, collaborators, next_issue_number, created_at, updated_at, pushed_at,
                has_projects, has_wiki, has_discussions, is_template, allow_squash_merge,
                allow_merge_commit, allow_rebase_merge, allow_auto_merge, delete_branch_on_merge,
                allow_update_branch, allow_forking, web_commit_signoff_required,
                squash_merge_commit_title, squash_merge_commit_message, merge_commit_title,
                merge_commit_message, license, parent, collaborator_roles, files
        scenario/seed-refused

          × the github clone refuses its starting state: repos[0] lacks full_name
           ╭─[bad/19-refused-state.md:6:1]
         5 │     ```yaml
         6 │ ╭─▶ repos:
         7 │ ╰─▶   - name: shop
         8 │     ```
           ╰────
          help: archal schema seed github
        bad bad/19-refused-state.md: 2 errors
        scenario/no-clone

          × the scenario names no clone
           ╭─[bad/20-no-clone.md:1:1]
         1 │ # T
           · ───
         2 │
           ╰────
          help: write `clones: github` under ## Config
        bad bad/20-no-clone.md: 1 error
        error: bad/21-no-seed-file.md: cannot read the seed $TEST_ENV/repo/bad/absent.json: No such file or directory (os error 2) [scenario/seed-file]
        bad bad/21-no-seed-file.md: 1 error
        error: bad/22-huge.md: a scenario has at most 1048576 bytes [scenario/too-large]
        bad bad/22-huge.md: 1 error
        scenario/not-text

          × not text in UTF-8
           ╭─[bad/23-not-utf8.md:3:1]
         2 │ ## Prompt
         3 │ ��
           · ─
           ╰────
        bad bad/23-not-utf8.md: 1 error
        24 scenarios: 37 errors, 1 warning
        ----- stderr -----
        "###);
    let json = world
        .run(&["scenario", "validate", "bad/06-unknown-key.md", "--json"])
        .ended(1)
        .json();
    assert_eq!(json["files"][0]["findings"][0]["line"], 18, "{json}");
}

/// A document that grows without end where aliases are followed.
fn laughs() -> String {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for at in 1..9 {
        let before = vec![format!("*a{}", at - 1); 10].join(", ");
        text.push_str(&format!("a{at}: &a{at} [{before}]\n"));
    }
    text.trim_end().to_owned()
}
