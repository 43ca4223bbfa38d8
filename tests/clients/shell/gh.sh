# What gh prints for each step, and the status it ends with where that is not 0.
export GH_PROMPT_DISABLED=1 GH_NO_UPDATE_NOTIFIER=1 NO_COLOR=1
repo=acme/checkout
step() {
  echo "\$ $*"
  "$@" 2>&1
  status=$?
  [ $status -eq 0 ] || echo "=> $status"
}

echo "# read"
step gh repo view $repo --json nameWithOwner,description,defaultBranchRef,viewerPermission
step gh issue view 7 -R $repo --json number,title,state,labels,author
step gh api repos/$repo/contents/README.md --jq .name
step gh api graphql -f query='{viewer{login}}' --jq .data.viewer.login

echo "# issues"
step gh issue list -R $repo --json number,title
step gh issue create -R $repo --title "Carts lose items" --body "Since Monday." --label bug --assignee acme-dev
step gh issue comment 11 -R $repo --body "Seen again."
step gh issue edit 11 -R $repo --title "Carts lose their items" --add-label conflict --remove-label bug
step gh issue view 11 -R $repo --comments
step gh issue close 11 -R $repo --reason "not planned" --comment "Cannot be told apart."
step gh issue reopen 11 -R $repo
step gh issue view 11 -R $repo --json title,state,labels,assignees --jq "[.title,.state,.labels[].name,.assignees[].login]"
step gh search issues items --repo $repo --json number,title
step gh issue delete 11 -R $repo --confirm
step gh issue view 11 -R $repo

echo "# labels"
step gh label create urgent -R $repo --color ff0000 --description "Today"
step gh label create urgent -R $repo --color 00ff00
step gh label edit urgent -R $repo --name now
step gh label delete now -R $repo --confirm
step gh label list -R $repo --json name --jq '[.[].name]'

echo "# pull requests"
step gh pr list -R $repo --json number,headRefName,isDraft,mergeable --jq '.[]|[.number,.headRefName,.isDraft,.mergeable]'
step gh pr view 4 -R $repo --json number,title,state,reviewDecision,additions,changedFiles
step gh pr diff 10 -R $repo
step gh pr checks 4 -R $repo
step gh pr checks 8 -R $repo
step gh pr review 9 -R $repo --approve --body "Good."
step gh pr comment 9 -R $repo --body "Today?"
step gh pr edit 9 -R $repo --title "Release 2.0"
step gh pr ready 5 -R $repo
step gh pr merge 2 -R $repo --merge
step gh pr merge 4 -R $repo --squash --delete-branch
step gh pr view 4 -R $repo --json state,mergedBy --jq '[.state,.mergedBy.login]'
step gh issue view 7 -R $repo --json state --jq .state
step gh pr create -R $repo --head tax-by-country --base release --title "Again" --body "The same branch, elsewhere."
step gh pr create -R $repo --head tax-by-country --base release --title "Again" --body "Twice."
step gh pr close 12 -R $repo

echo "# releases, gists, runs"
step gh release create v2 -R $repo --title "Two" --notes "All of it." --target main
step gh release create v2 -R $repo --title "Two" --notes "Twice."
step gh release list -R $repo
step gh release delete v2 -R $repo --yes
step gh release view v2 -R $repo
echo "a note" > note.txt
step gh gist create note.txt --desc "A gist"
step gh gist list
step gh run list -R $repo

echo "# refusals"
step gh api repos/$repo/issues/999
step gh api repos/$repo/issues -X POST -f body="no title"
step gh api repos/$repo/contents/README.md -X PUT -f message=Stale -f content=Mwo= -f sha=0123456789012345678901234567890123456789
GH_TOKEN=ghp_wrong step gh api user
GH_TOKEN=ghp_wrong step gh issue list -R $repo
