# What git and then gh print for each step, and the status it ends with where that is not 0.
export GH_PROMPT_DISABLED=1 GH_NO_UPDATE_NOTIFIER=1 NO_COLOR=1 GIT_TERMINAL_PROMPT=0 HOME=$PWD
export GIT_CONFIG_NOSYSTEM=1
repo=acme/checkout
url=https://github.com/$repo.git
step() {
  echo "\$ $*"
  "$@" 2>&1
  status=$?
  [ $status -eq 0 ] || echo "=> $status"
}
git config --global user.name "Acme developer"
git config --global user.email dev@acme.test
git config --global advice.pushUpdateRejected false
git config --global credential.helper '!f() { echo username=x-access-token; echo "password=$GITHUB_TOKEN"; }; f'
export GIT_AUTHOR_DATE="2026-01-01T00:00:00Z" GIT_COMMITTER_DATE="2026-01-01T00:00:00Z"

echo "# read"
step git clone -q $url work
cd work || exit 1
step git log --format=%s
step git branch -r
step ls

echo "# push"
step git switch -q -c shorter-timeout
echo "Be brief." > BRIEF.md
git add BRIEF.md
git commit -q -m "Be brief"
step git push -q -u origin shorter-timeout
step gh pr create --title "Be brief" --body "By git." --base main
step gh pr diff 11
step gh pr merge 11 --merge
step git fetch -q origin
step git log --format=%s origin/main -2
step gh api repos/$repo/contents/BRIEF.md --jq .content
git tag v2
git tag -a -m "Three" v3
step git push -q origin v2 v3
step git ls-remote --tags --refs --sort=refname origin
step gh api repos/$repo/tags --jq '[.[].name]'
step git push -q origin :shorter-timeout
step git ls-remote --heads origin shorter-timeout
step gh repo clone $repo again -- -q --depth 1
step git -C again log --format=%s

echo "# conflict"
step git switch -q main
echo "Mine." > BRIEF.md
git add BRIEF.md
git commit -q -m "Mine"
step git push -q origin main
step git push -q -f origin main
git fetch -q origin
step git switch -q release
git commit -q --amend -m "Rewritten"
step git push -q -f origin release
step git push -q origin :release

echo "# refusals"
step git clone -q https://github.com/acme/nothing.git nothing
step git -c credential.helper= -c credential.helper='!f() { echo username=x; echo password=ghp_wrong; }; f' push -q origin HEAD:wrong
step git -c credential.helper= push -q origin HEAD:anonymous
