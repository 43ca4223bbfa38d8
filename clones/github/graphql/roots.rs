//! Every query and mutation that gh 2.23 and the official MCP server send, as they send it: each
//! answers without an error and without a gap, and what it answers is what the schema says.

use archal_core::clone::{Seed, ServiceClone};
use serde_json::{Value, json};

use super::SERVICE;
use crate::engine::graphql::oracle;
use crate::github::check::{base, json as body, open_at, send};

/// A document: who sends it, the text, the variables. `<name>` stands for the id of a thing.
type Root = (&'static str, &'static str, &'static str);

/// What gh asks of an issue.
const ISSUE: &str = "id,number,title,body,state,stateReason,url,createdAt,updatedAt,closedAt,closed,isPinned,author{login,...on User{id,name}},assignees(first:100){nodes{id,login,name},totalCount},labels(first:100){nodes{id,name,description,color},totalCount},projectCards(first:100){nodes{project{name}column{name}},totalCount},projectItems(first:100){nodes{id,project{id,title}},totalCount},milestone{number,title,description,dueOn},reactionGroups{content,users{totalCount}},comments(first:100){nodes{id,author{login},authorAssociation,body,createdAt,includesCreatedEdit,isMinimized,minimizedReason,reactionGroups{content,users{totalCount}},url,viewerDidAuthor},pageInfo{hasNextPage,endCursor},totalCount}";

/// What gh asks of a pull request.
const PULL: &str = "additions,assignees(first:100){nodes{id,login,name},totalCount},author{login,...on User{id,name}},baseRefName,body,changedFiles,closed,closedAt,comments(first:100){nodes{author{login},body},pageInfo{hasNextPage,endCursor},totalCount},commits(first:100){nodes{commit{authors(first:100){nodes{name,email,user{id,login}}},messageHeadline,messageBody,oid,committedDate,authoredDate}}},createdAt,deletions,files(first:100){nodes{additions,deletions,path}},headRefName,headRefOid,headRepository{id,name},headRepositoryOwner{id,login,...on User{name}},id,isCrossRepository,isDraft,labels(first:100){nodes{id,name,description,color},totalCount},latestReviews(first:100){nodes{author{login},authorAssociation,submittedAt,body,state}},maintainerCanModify,mergeable,mergeCommit{oid},mergedAt,mergedBy{login,...on User{id,name}},mergeStateStatus,milestone{number,title,description,dueOn},number,potentialMergeCommit{oid},projectCards(first:100){nodes{project{name}column{name}},totalCount},reactionGroups{content,users{totalCount}},reviewDecision,reviewRequests(first:100){nodes{requestedReviewer{__typename,...on User{login},...on Team{organization{login},name,slug}}}},reviews(first:100){nodes{id,author{login},authorAssociation,submittedAt,body,state,url,reactionGroups{content,users{totalCount}}},pageInfo{hasNextPage,endCursor},totalCount},state,statusCheckRollup:commits(last:1){nodes{commit{statusCheckRollup{contexts(first:100){nodes{__typename,...on StatusContext{context,state,targetUrl,createdAt},...on CheckRun{name,status,conclusion,startedAt,completedAt,detailsUrl}},pageInfo{hasNextPage,endCursor}}}}}},title,updatedAt,url";

/// What gh asks of a repository.
const REPO: &str = "id,name,nameWithOwner,owner{id,login},parent{id,name,owner{id,login}},templateRepository{id,name,owner{id,login}},description,homepageUrl,openGraphImageUrl,usesCustomOpenGraphImage,url,sshUrl,mirrorUrl,securityPolicyUrl,createdAt,pushedAt,updatedAt,isBlankIssuesEnabled,isSecurityPolicyEnabled,hasIssuesEnabled,hasProjectsEnabled,hasWikiEnabled,hasDiscussionsEnabled,mergeCommitAllowed,squashMergeAllowed,rebaseMergeAllowed,forkCount,stargazerCount,watchers{totalCount},issues(states:OPEN){totalCount},pullRequests(states:OPEN){totalCount},codeOfConduct{key,name,url},contactLinks{about,name,url},defaultBranchRef{name},deleteBranchOnMerge,diskUsage,fundingLinks{platform,url},isArchived,isEmpty,isFork,isInOrganization,isMirror,isPrivate,isTemplate,isUserConfigurationRepository,licenseInfo{key,name,nickname},viewerCanAdminister,viewerDefaultCommitEmail,viewerDefaultMergeMethod,viewerHasStarred,viewerPermission,viewerPossibleCommitEmails,viewerSubscription,repositoryTopics(first:100){nodes{topic{name}}},primaryLanguage{name},languages(first:100){edges{size,node{name}}},issueTemplates{name,title,body,about},pullRequestTemplates{body,filename},labels(first:100){nodes{id,color,name,description}},milestones(first:100,states:OPEN){nodes{number,title,description,dueOn}},latestRelease{publishedAt,tagName,name,url},assignableUsers(first:100){nodes{id,login,name}},mentionableUsers(first:100){nodes{id,login,name}},projects(first:100,states:OPEN){nodes{id,name,number,body,resourcePath}}";

/// Queries.
const QUERIES: &[Root] = &[
    ("gh", "query UserCurrent{viewer{login}}", "{}"),
    (
        "gh",
        "query Issue_fields{Issue:__type(name:\"Issue\"){fields(includeDeprecated:true){name}}}",
        "{}",
    ),
    (
        "gh",
        "query PullRequest_fields{PullRequest:__type(name:\"PullRequest\"){fields(includeDeprecated:true){name}}}",
        "{}",
    ),
    (
        "gh",
        "query Repository_fields{Repository:__type(name:\"Repository\"){fields(includeDeprecated:true){name}}}",
        "{}",
    ),
    (
        "gh",
        "query LinkedBranchFeature{LinkedBranch:__type(name:\"LinkedBranch\"){fields{name}}}",
        "{}",
    ),
    (
        "gh",
        "fragment repo on Repository{id name owner{login} hasIssuesEnabled description hasWikiEnabled viewerPermission defaultBranchRef{name}} query RepositoryInfo($owner:String!,$name:String!){repository(owner:$owner,name:$name){...repo parent{...repo} mergeCommitAllowed rebaseMergeAllowed squashMergeAllowed}}",
        "{\"owner\":\"acme\",\"name\":\"web\"}",
    ),
    (
        "gh",
        "query RepositoryInfo($owner:String!,$name:String!){repository(owner:$owner,name:$name){REPO}}",
        "{\"owner\":\"acme\",\"name\":\"web\"}",
    ),
    (
        "gh",
        "query RepositoryFindParent($owner:String!,$name:String!){repository(owner:$owner,name:$name){parent{name,owner{login}}}}",
        "{\"owner\":\"acme\",\"name\":\"web\"}",
    ),
    (
        "gh",
        "fragment repo on Repository{id name owner{login} viewerPermission defaultBranchRef{name} isPrivate} query RepositoryNetwork{viewer{login} repo_000:repository(owner:\"acme\",name:\"web\"){...repo parent{...repo}}}",
        "{}",
    ),
    (
        "gh",
        "query RepositoryList($perPage:Int!,$endCursor:String,$privacy:RepositoryPrivacy,$fork:Boolean){repositoryOwner:viewer{login repositories(first:$perPage,after:$endCursor,privacy:$privacy,isFork:$fork,ownerAffiliations:OWNER,orderBy:{field:PUSHED_AT,direction:DESC}){nodes{nameWithOwner,description,isPrivate,isFork,pushedAt} totalCount pageInfo{hasNextPage,endCursor}}}}",
        "{\"perPage\":30}",
    ),
    (
        "gh",
        "query RepositoryList($perPage:Int!,$endCursor:String,$owner:String!){repositoryOwner(login:$owner){login repositories(first:$perPage,after:$endCursor,ownerAffiliations:OWNER,orderBy:{field:PUSHED_AT,direction:DESC}){nodes{nameWithOwner} totalCount pageInfo{hasNextPage,endCursor}}}}",
        "{\"perPage\":30,\"owner\":\"acme\"}",
    ),
    (
        "gh",
        "query RepositoryListSearch($query:String!,$perPage:Int!,$endCursor:String){search(type:REPOSITORY,query:$query,first:$perPage,after:$endCursor){repositoryCount nodes{...on Repository{nameWithOwner}} pageInfo{hasNextPage endCursor}}}",
        "{\"query\":\"user:acme archived:false\",\"perPage\":10}",
    ),
    (
        "gh",
        "query IssueByNumber($owner:String!,$repo:String!,$number:Int!){repository(owner:$owner,name:$repo){hasIssuesEnabled issue:issueOrPullRequest(number:$number){__typename ...on Issue{ISSUE} ...on PullRequest{number}}}}",
        "{\"owner\":\"acme\",\"repo\":\"web\",\"number\":1}",
    ),
    (
        "gh",
        "fragment issue on Issue{ISSUE} query IssueList($owner:String!,$repo:String!,$limit:Int,$endCursor:String,$states:[IssueState!]=OPEN,$assignee:String,$author:String,$mention:String,$milestone:String){repository(owner:$owner,name:$repo){hasIssuesEnabled issues(first:$limit,after:$endCursor,orderBy:{field:CREATED_AT,direction:DESC},states:$states,filterBy:{assignee:$assignee,createdBy:$author,mentioned:$mention,milestone:$milestone}){totalCount nodes{...issue} pageInfo{hasNextPage endCursor}}}}",
        "{\"owner\":\"acme\",\"repo\":\"web\",\"limit\":30,\"states\":[\"OPEN\"]}",
    ),
    (
        "gh",
        "fragment issue on Issue{ISSUE} query IssueSearch($repo:String!,$owner:String!,$type:SearchType!,$limit:Int,$after:String,$query:String!){repository(name:$repo,owner:$owner){hasIssuesEnabled} search(type:$type,last:$limit,after:$after,query:$query){issueCount nodes{...issue} pageInfo{hasNextPage endCursor}}}",
        "{\"owner\":\"acme\",\"repo\":\"web\",\"limit\":30,\"type\":\"ISSUE\",\"query\":\"repo:acme/web is:issue state:open\"}",
    ),
    (
        "gh",
        "fragment issue on Issue{number,title,url,state,updatedAt,labels(first:100){nodes{name},totalCount}} query IssueStatus($owner:String!,$repo:String!,$viewer:String!,$per_page:Int=10){repository(owner:$owner,name:$repo){hasIssuesEnabled assigned:issues(filterBy:{assignee:$viewer,states:OPEN},first:$per_page,orderBy:{field:UPDATED_AT,direction:DESC}){totalCount nodes{...issue}} mentioned:issues(filterBy:{mentioned:$viewer,states:OPEN},first:$per_page,orderBy:{field:UPDATED_AT,direction:DESC}){totalCount nodes{...issue}} authored:issues(filterBy:{createdBy:$viewer,states:OPEN},first:$per_page,orderBy:{field:UPDATED_AT,direction:DESC}){totalCount nodes{...issue}}}}",
        "{\"owner\":\"acme\",\"repo\":\"web\",\"viewer\":\"octocat\"}",
    ),
    (
        "gh",
        "query CommentsForIssue($id:ID!,$endCursor:String){node(id:$id){...on Issue{comments(first:100,after:$endCursor){nodes{id,body,url},pageInfo{hasNextPage,endCursor},totalCount}} ...on PullRequest{comments(first:100,after:$endCursor){nodes{id},totalCount}}}}",
        "{\"id\":\"<issue>\"}",
    ),
    (
        "gh",
        "query PullRequestByNumber($owner:String!,$repo:String!,$pr_number:Int!){repository(owner:$owner,name:$repo){pullRequest(number:$pr_number){PULL}}}",
        "{\"owner\":\"acme\",\"repo\":\"web\",\"pr_number\":3}",
    ),
    (
        "gh",
        "query PullRequestForBranch($owner:String!,$repo:String!,$headRefName:String!,$states:[PullRequestState!]){repository(owner:$owner,name:$repo){pullRequests(headRefName:$headRefName,states:$states,first:30,orderBy:{field:CREATED_AT,direction:DESC}){nodes{PULL}} defaultBranchRef{name}}}",
        "{\"owner\":\"acme\",\"repo\":\"web\",\"headRefName\":\"feature\",\"states\":[\"OPEN\"]}",
    ),
    (
        "gh",
        "fragment pr on PullRequest{number,title,state,headRefName,isDraft} query PullRequestList($owner:String!,$repo:String!,$limit:Int!,$endCursor:String,$baseBranch:String,$headBranch:String,$state:[PullRequestState!]=OPEN){repository(owner:$owner,name:$repo){pullRequests(states:$state,baseRefName:$baseBranch,headRefName:$headBranch,first:$limit,after:$endCursor,orderBy:{field:CREATED_AT,direction:DESC}){totalCount nodes{...pr} pageInfo{hasNextPage endCursor}}}}",
        "{\"owner\":\"acme\",\"repo\":\"web\",\"limit\":30,\"state\":[\"OPEN\"]}",
    ),
    (
        "gh",
        "fragment pr on PullRequest{number,title} query PullRequestSearch($q:String!,$limit:Int!,$endCursor:String){search(query:$q,type:ISSUE,first:$limit,after:$endCursor){issueCount nodes{...pr} pageInfo{hasNextPage endCursor}}}",
        "{\"q\":\"repo:acme/web is:pr\",\"limit\":10}",
    ),
    (
        "gh",
        "fragment pr on PullRequest{number,title,reviewDecision} query PullRequestStatus($owner:String!,$repo:String!,$number:Int!,$viewerQuery:String!,$reviewerQuery:String!,$per_page:Int=10){repository(owner:$owner,name:$repo){defaultBranchRef{name} pullRequest(number:$number){...pr baseRef{branchProtectionRule{requiredApprovingReviewCount,requiresStrictStatusChecks}}}} viewerCreated:search(query:$viewerQuery,type:ISSUE,first:$per_page){totalCount:issueCount edges{node{...pr}}} reviewRequested:search(query:$reviewerQuery,type:ISSUE,first:$per_page){totalCount:issueCount edges{node{...pr}}}}",
        "{\"owner\":\"acme\",\"repo\":\"web\",\"number\":3,\"viewerQuery\":\"repo:acme/web state:open is:pr author:octocat\",\"reviewerQuery\":\"repo:acme/web state:open review-requested:octocat\"}",
    ),
    (
        "gh",
        "query ReviewsForPullRequest($id:ID!,$endCursor:String){node(id:$id){...on PullRequest{reviews(first:100,after:$endCursor){nodes{author{login},state},pageInfo{hasNextPage,endCursor},totalCount}}}}",
        "{\"id\":\"<pull>\"}",
    ),
    (
        "gh",
        "query PullRequestMergeText($prID:ID!,$method:PullRequestMergeMethod!){node(id:$prID){...on PullRequest{viewerMergeHeadlineText(mergeType:$method),viewerMergeBodyText(mergeType:$method)}}}",
        "{\"prID\":\"<pull>\",\"method\":\"SQUASH\"}",
    ),
    (
        "gh",
        "query PullRequestChecks($id:ID!){node(id:$id){...on PullRequest{statusCheckRollup:commits(last:1){nodes{commit{statusCheckRollup{contexts(first:100){nodes{__typename ...on StatusContext{context,state,isRequired(pullRequestId:$id)} ...on CheckRun{name,isRequired(pullRequestId:$id)}}}}}}}}}}",
        "{\"id\":\"<pull>\"}",
    ),
    (
        "gh",
        "query LastCommit($owner:String!,$name:String!,$ref:String!){repository(owner:$owner,name:$name){ref(qualifiedName:$ref){target{...on Commit{oid}}}}}",
        "{\"owner\":\"acme\",\"name\":\"web\",\"ref\":\"main\"}",
    ),
    (
        "gh",
        "query RepositoryLabelList($owner:String!,$name:String!,$endCursor:String){repository(owner:$owner,name:$name){labels(first:100,orderBy:{field:NAME,direction:ASC},after:$endCursor){nodes{id,name},pageInfo{hasNextPage,endCursor}}}}",
        "{\"owner\":\"acme\",\"name\":\"web\"}",
    ),
    (
        "gh",
        "query LabelList($owner:String!,$repo:String!,$limit:Int!,$endCursor:String,$query:String,$orderBy:LabelOrder){repository(owner:$owner,name:$repo){labels(first:$limit,after:$endCursor,query:$query,orderBy:$orderBy){totalCount,nodes{color,description,name},pageInfo{hasNextPage,endCursor}}}}",
        "{\"owner\":\"acme\",\"repo\":\"web\",\"limit\":30,\"query\":\"bu\",\"orderBy\":{\"direction\":\"ASC\",\"field\":\"CREATED_AT\"}}",
    ),
    (
        "gh",
        "query RepositoryMilestoneList($owner:String!,$name:String!,$states:[MilestoneState!]!,$endCursor:String){repository(owner:$owner,name:$name){milestones(states:$states,first:100,after:$endCursor){nodes{id,title},pageInfo{hasNextPage,endCursor}}}}",
        "{\"owner\":\"acme\",\"name\":\"web\",\"states\":[\"OPEN\"]}",
    ),
    (
        "gh",
        "query RepositoryMilestoneByNumber($owner:String!,$name:String!,$number:Int!){repository(owner:$owner,name:$name){milestone(number:$number){id,title}}}",
        "{\"owner\":\"acme\",\"name\":\"web\",\"number\":1}",
    ),
    (
        "gh",
        "query RepositoryAssignableUsers($owner:String!,$name:String!,$endCursor:String){repository(owner:$owner,name:$name){assignableUsers(first:100,after:$endCursor){nodes{id,login,name},pageInfo{hasNextPage,endCursor}}}}",
        "{\"owner\":\"acme\",\"name\":\"web\"}",
    ),
    (
        "gh",
        "query RepositoryProjectList($owner:String!,$name:String!,$endCursor:String){repository(owner:$owner,name:$name){projects(states:[OPEN],first:100,orderBy:{field:NAME,direction:ASC},after:$endCursor){nodes{id,name,number,resourcePath},pageInfo{hasNextPage,endCursor}}}}",
        "{\"owner\":\"acme\",\"name\":\"web\"}",
    ),
    (
        "gh",
        "query RepositoryResolveMetadataIDs{u000:user(login:\"octocat\"){id,login} repository(owner:\"acme\",name:\"web\"){l000:label(name:\"bug\"){id,name}}}",
        "{}",
    ),
    (
        "gh",
        "query RepositoryReleaseList($owner:String!,$name:String!,$perPage:Int!,$endCursor:String){repository(owner:$owner,name:$name){releases(first:$perPage,orderBy:{field:CREATED_AT,direction:DESC},after:$endCursor){nodes{name,tagName,isDraft,isLatest,isPrerelease,createdAt,publishedAt},pageInfo{hasNextPage,endCursor}}}}",
        "{\"owner\":\"acme\",\"name\":\"web\",\"perPage\":30}",
    ),
    (
        "gh",
        "query RepositoryReleaseByTag($owner:String!,$name:String!,$tagName:String!){repository(owner:$owner,name:$name){release(tagName:$tagName){databaseId,isDraft}}}",
        "{\"owner\":\"acme\",\"name\":\"web\",\"tagName\":\"v1\"}",
    ),
    (
        "gh",
        "query RepositoryFindRef($owner:String!,$name:String!,$tagName:String!){repository(owner:$owner,name:$name){ref(qualifiedName:$tagName){id}}}",
        "{\"owner\":\"acme\",\"name\":\"web\",\"tagName\":\"refs/tags/v1\"}",
    ),
    (
        "gh",
        "query IssueTemplates($owner:String!,$name:String!){repository(owner:$owner,name:$name){issueTemplates{name,body}}}",
        "{\"owner\":\"acme\",\"name\":\"web\"}",
    ),
    (
        "gh",
        "query PullRequestTemplates($owner:String!,$name:String!){repository(owner:$owner,name:$name){pullRequestTemplates{filename,body}}}",
        "{\"owner\":\"acme\",\"name\":\"web\"}",
    ),
    (
        "gh",
        "query AssignedSearch($searchAssigns:String!,$searchReviews:String!,$limit:Int=25){assignments:search(first:$limit,type:ISSUE,query:$searchAssigns){edges{node{...on Issue{updatedAt,number,title,repository{nameWithOwner}} ...on PullRequest{updatedAt,number,title,repository{nameWithOwner}}}}} reviewRequested:search(first:$limit,type:ISSUE,query:$searchReviews){edges{node{...on PullRequest{updatedAt,number,title,repository{nameWithOwner}}}}}}",
        "{\"searchAssigns\":\"assignee:@me state:open\",\"searchReviews\":\"review-requested:@me state:open\"}",
    ),
    (
        "gh",
        "query ListLinkedBranches($repositoryName:String!,$repositoryOwner:String!,$issueNumber:Int!){repository(name:$repositoryName,owner:$repositoryOwner){issue(number:$issueNumber){linkedBranches(first:30){edges{node{ref{name,repository{name}}}}}}}}",
        "{\"repositoryName\":\"web\",\"repositoryOwner\":\"acme\",\"issueNumber\":1}",
    ),
    (
        "gh",
        "query FindBranch($owner:String!,$name:String!){repository(owner:$owner,name:$name){id defaultBranchRef{target{oid}} ref(qualifiedName:\"main\"){target{oid}}}}",
        "{\"owner\":\"acme\",\"name\":\"web\"}",
    ),
    (
        "mcp",
        "query($owner:String!$name:String!$prNum:Int!){repository(owner:$owner,name:$name){pullRequest(number:$prNum){id,isDraft}}}",
        "{\"owner\":\"acme\",\"name\":\"web\",\"prNum\":3}",
    ),
    (
        "mcp",
        "query($author:String!$owner:String!$name:String!$prNum:Int!){repository(owner:$owner,name:$name){pullRequest(number:$prNum){reviews(first:1,author:$author){nodes{id,state,url}}}}}",
        "{\"author\":\"monalisa\",\"owner\":\"acme\",\"name\":\"web\",\"prNum\":3}",
    ),
    (
        "mcp",
        "query($owner:String!$repo:String!$prNum:Int!$first:Int!$after:String$commentsPerThread:Int!){repository(owner:$owner,name:$repo){pullRequest(number:$prNum){reviewThreads(first:$first,after:$after){nodes{id,isResolved,isOutdated,isCollapsed,comments(first:$commentsPerThread){nodes{id,body,path,line,author{login},createdAt,updatedAt,url},totalCount}},pageInfo{hasNextPage,hasPreviousPage,startCursor,endCursor},totalCount}}}}",
        "{\"owner\":\"acme\",\"repo\":\"web\",\"prNum\":3,\"first\":30,\"commentsPerThread\":10}",
    ),
    (
        "mcp",
        "query($owner:String!$repo:String!$issueNumber:Int!){repository(owner:$owner,name:$repo){issue(number:$issueNumber){id}}}",
        "{\"owner\":\"acme\",\"repo\":\"web\",\"issueNumber\":1}",
    ),
    (
        "mcp",
        "query($owner:String!$repo:String!$issueNumber:Int!$duplicateOf:Int!){repository(owner:$owner,name:$repo){issue(number:$issueNumber){id},duplicateIssue:issue(number:$duplicateOf){id}}}",
        "{\"owner\":\"acme\",\"repo\":\"web\",\"issueNumber\":1,\"duplicateOf\":2}",
    ),
    (
        "mcp",
        "query($owner:String!$repo:String!$first:Int!$after:String$states:[IssueState!]!$orderBy:IssueOrderField!$direction:OrderDirection!$labels:[String!]){repository(owner:$owner,name:$repo){issues(first:$first,after:$after,labels:$labels,states:$states,orderBy:{field:$orderBy,direction:$direction}){nodes{number,title,body,state,databaseId,author{login},createdAt,updatedAt,labels(first:100){nodes{name,id,description}},comments{totalCount}},pageInfo{hasNextPage,hasPreviousPage,startCursor,endCursor},totalCount},isPrivate}}",
        "{\"owner\":\"acme\",\"repo\":\"web\",\"first\":30,\"states\":[\"OPEN\",\"CLOSED\"],\"orderBy\":\"CREATED_AT\",\"direction\":\"DESC\",\"labels\":[\"bug\"]}",
    ),
    (
        "mcp",
        "query($owner:String!$repo:String!$first:Int!$after:String$states:[IssueState!]!$orderBy:IssueOrderField!$direction:OrderDirection!$since:DateTime!){repository(owner:$owner,name:$repo){issues(first:$first,after:$after,states:$states,orderBy:{field:$orderBy,direction:$direction},filterBy:{since:$since}){nodes{number},totalCount}}}",
        "{\"owner\":\"acme\",\"repo\":\"web\",\"first\":30,\"states\":[\"OPEN\"],\"orderBy\":\"UPDATED_AT\",\"direction\":\"ASC\",\"since\":\"2020-01-01T00:00:00Z\"}",
    ),
    (
        "mcp",
        "query($owner:String!$repo:String!$number:Int!){repository(owner:$owner,name:$repo){issue(number:$number){closedByPullRequestsReferences(first:5,includeClosedPrs:true,orderByState:true){nodes{number,title,state,url,repository{nameWithOwner}},totalCount},parent{number,title,state,url,repository{nameWithOwner}},subIssuesSummary{total,completed,percentCompleted}}}}",
        "{\"owner\":\"acme\",\"repo\":\"web\",\"number\":1}",
    ),
    (
        "mcp",
        "query($ids:[ID!]!){nodes(ids:$ids){...on Issue{id,number} ...on PullRequest{id}}}",
        "{\"ids\":[\"<issue>\",\"<pull>\"]}",
    ),
    (
        "mcp",
        "query($owner:String!$name:String!$number:Int!){repository(owner:$owner,name:$name){issue(number:$number){timelineItems(first:20,itemTypes:[CROSS_REFERENCED_EVENT]){nodes{__typename ...on CrossReferencedEvent{source{__typename ...on PullRequest{number,title,url,state,createdAt,author{login}}}}}},assignees(first:100){nodes{id}}}}}",
        "{\"owner\":\"acme\",\"name\":\"web\",\"number\":1}",
    ),
    (
        "mcp",
        "query($owner:String!$repo:String!$name:String!){repository(owner:$owner,name:$repo){label(name:$name){id,name,color,description}}}",
        "{\"owner\":\"acme\",\"repo\":\"web\",\"name\":\"bug\"}",
    ),
    (
        "mcp",
        "query($owner:String!$repo:String!){repository(owner:$owner,name:$repo){labels(first:100){nodes{id,name,color,description},totalCount}}}",
        "{\"owner\":\"acme\",\"repo\":\"web\"}",
    ),
    (
        "mcp",
        "query($owner:String!$repo:String!$ref:String!$path:String!){repository(owner:$owner,name:$repo){object(expression:$ref){__typename ...on Commit{oid,blame(path:$path){ranges{startingLine,endingLine,age,commit{oid,message,committedDate,author{name,email,user{login}}}}}}}}}",
        "{\"owner\":\"acme\",\"repo\":\"web\",\"ref\":\"feature\",\"path\":\"README.md\"}",
    ),
    (
        "mcp",
        "query($owner:String!$repo:String!$first:Int!){repository(owner:$owner,name:$repo){discussionCategories(first:$first){nodes{id,name},pageInfo{hasNextPage,hasPreviousPage,startCursor,endCursor},totalCount}}}",
        "{\"owner\":\"acme\",\"repo\":\"web\",\"first\":25}",
    ),
    (
        "mcp",
        "query($owner:String!$repo:String!$first:Int!$after:String){repository(owner:$owner,name:$repo){discussions(first:$first,after:$after){nodes{number,title,createdAt,updatedAt,closed,isAnswered,answerChosenAt,author{login},category{name},url},pageInfo{hasNextPage,hasPreviousPage,startCursor,endCursor},totalCount}}}",
        "{\"owner\":\"acme\",\"repo\":\"web\",\"first\":30}",
    ),
    (
        "any",
        "{repository(owner:\"acme\",name:\"web\"){refs(first:10,refPrefix:\"refs/heads/\"){nodes{id,name,prefix,target{__typename,oid,...on Commit{history(first:3){totalCount,nodes{oid,message,additions,deletions,changedFiles,parents(first:2){nodes{oid}},author{name,date,user{login}}}},tree{entries{name,type,mode,object{...on Blob{text,byteSize,isBinary}}}},file(path:\"README.md\"){path,type,size,lineCount}}}}} head:object(expression:\"HEAD:README.md\"){...on Blob{text,oid,id}} collaborators(first:10){edges{permission,node{login}}} forks(first:3){totalCount} branchProtectionRules(first:9){totalCount,nodes{pattern}}}}",
        "{}",
    ),
    (
        "any",
        "{resource(url:\"https://github.com/acme/web/pull/3\"){__typename ...on PullRequest{number}} search(query:\"octocat\",type:USER,first:3){userCount nodes{...on User{login}}} rateLimit{cost,remaining,limit,resetAt}}",
        "{}",
    ),
    (
        "any",
        "{repository(owner:\"acme\",name:\"web\"){pullRequest(number:3){timelineItems(first:50){totalCount nodes{__typename ...on IssueComment{body} ...on PullRequestReview{state} ...on PullRequestCommit{commit{oid}} ...on LabeledEvent{label{name}}}} closingIssuesReferences(first:5){nodes{number}} commits(first:5){nodes{url,commit{status{state,contexts{context}},checkSuites(first:3){nodes{status,conclusion,app{slug},checkRuns(first:3){nodes{name}}}},associatedPullRequests(first:3){nodes{number}}}}} statusCheckRollup{state}}}}",
        "{}",
    ),
];

/// Mutations, in an order in which each finds what it needs.
const MUTATIONS: &[Root] = &[
    (
        "mcp",
        "mutation($input:CreateLabelInput!){createLabel(input:$input){label{name,id}}}",
        "{\"input\":{\"repositoryId\":\"<repo>\",\"name\":\"later\",\"color\":\"abcdef\",\"description\":\"d\"}}",
    ),
    (
        "mcp",
        "mutation($input:UpdateLabelInput!){updateLabel(input:$input){label{name,id}}}",
        "{\"input\":{\"id\":\"<label>\",\"name\":\"bug\",\"color\":\"ffffff\"}}",
    ),
    (
        "mcp",
        "mutation($input:DeleteLabelInput!){deleteLabel(input:$input){clientMutationId}}",
        "{\"input\":{\"id\":\"<spare>\"}}",
    ),
    (
        "gh",
        "mutation IssueCreate($input:CreateIssueInput!){createIssue(input:$input){issue{id url}}}",
        "{\"input\":{\"repositoryId\":\"<repo>\",\"title\":\"T\",\"body\":\"B\",\"labelIds\":[\"<label>\"],\"assigneeIds\":[\"<user>\"],\"milestoneId\":\"<milestone>\"}}",
    ),
    (
        "gh",
        "mutation IssueUpdate($input:UpdateIssueInput!){updateIssue(input:$input){__typename}}",
        "{\"input\":{\"id\":\"<issue>\",\"title\":\"New\",\"body\":\"New\",\"milestoneId\":\"<milestone>\",\"assigneeIds\":[\"<user>\"]}}",
    ),
    (
        "gh",
        "mutation LabelAdd($input:AddLabelsToLabelableInput!){addLabelsToLabelable(input:$input){__typename}}",
        "{\"input\":{\"labelableId\":\"<issue>\",\"labelIds\":[\"<label>\"]}}",
    ),
    (
        "gh",
        "mutation LabelRemove($input:RemoveLabelsFromLabelableInput!){removeLabelsFromLabelable(input:$input){__typename}}",
        "{\"input\":{\"labelableId\":\"<issue>\",\"labelIds\":[\"<label>\"]}}",
    ),
    (
        "any",
        "mutation($input:AddAssigneesToAssignableInput!){addAssigneesToAssignable(input:$input){assignable{assignees(first:3){nodes{login}}}}}",
        "{\"input\":{\"assignableId\":\"<issue>\",\"assigneeIds\":[\"<user>\"]}}",
    ),
    (
        "any",
        "mutation($input:RemoveAssigneesFromAssignableInput!){removeAssigneesFromAssignable(input:$input){assignable{assignees(first:3){totalCount}}}}",
        "{\"input\":{\"assignableId\":\"<issue>\",\"assigneeIds\":[\"<user>\"]}}",
    ),
    (
        "gh",
        "mutation CommentCreate($input:AddCommentInput!){addComment(input:$input){commentEdge{node{url}}}}",
        "{\"input\":{\"subjectId\":\"<issue>\",\"body\":\"C\"}}",
    ),
    (
        "gh",
        "mutation CommentUpdate($input:UpdateIssueCommentInput!){updateIssueComment(input:$input){issueComment{url}}}",
        "{\"input\":{\"id\":\"<comment>\",\"body\":\"D\"}}",
    ),
    (
        "any",
        "mutation($input:DeleteIssueCommentInput!){deleteIssueComment(input:$input){clientMutationId}}",
        "{\"input\":{\"id\":\"<comment>\"}}",
    ),
    (
        "gh",
        "mutation LockLockable($input:LockLockableInput!){lockLockable(input:$input){lockedRecord{locked,activeLockReason}}}",
        "{\"input\":{\"lockableId\":\"<issue>\",\"lockReason\":\"TOO_HEATED\"}}",
    ),
    (
        "gh",
        "mutation UnlockLockable($input:UnlockLockableInput!){unlockLockable(input:$input){unlockedRecord{locked}}}",
        "{\"input\":{\"lockableId\":\"<issue>\"}}",
    ),
    (
        "gh",
        "mutation IssueClose($input:CloseIssueInput!){closeIssue(input:$input){issue{id,number,url,state}}}",
        "{\"input\":{\"issueId\":\"<issue>\",\"stateReason\":\"NOT_PLANNED\"}}",
    ),
    (
        "gh",
        "mutation IssueReopen($input:ReopenIssueInput!){reopenIssue(input:$input){issue{id,number,url,state}}}",
        "{\"input\":{\"issueId\":\"<issue>\"}}",
    ),
    (
        "any",
        "mutation($input:AddReactionInput!){addReaction(input:$input){reaction{content}}}",
        "{\"input\":{\"subjectId\":\"<issue>\",\"content\":\"HOORAY\"}}",
    ),
    (
        "any",
        "mutation($input:RemoveReactionInput!){removeReaction(input:$input){reaction{content}}}",
        "{\"input\":{\"subjectId\":\"<issue>\",\"content\":\"HOORAY\"}}",
    ),
    (
        "gh",
        "mutation IssueDelete($input:DeleteIssueInput!){deleteIssue(input:$input){repository{id}}}",
        "{\"input\":{\"issueId\":\"<other>\"}}",
    ),
    (
        "gh",
        "mutation PullRequestCreate($input:CreatePullRequestInput!){createPullRequest(input:$input){pullRequest{id url}}}",
        "{\"input\":{\"repositoryId\":\"<repo>\",\"title\":\"P\",\"body\":\"B\",\"headRefName\":\"second\",\"baseRefName\":\"main\",\"draft\":false,\"maintainerCanModify\":true}}",
    ),
    (
        "gh",
        "mutation PullRequestUpdate($input:UpdatePullRequestInput!){updatePullRequest(input:$input){__typename}}",
        "{\"input\":{\"pullRequestId\":\"<pull>\",\"title\":\"New\",\"labelIds\":[\"<label>\"],\"baseRefName\":\"main\"}}",
    ),
    (
        "gh",
        "mutation PullRequestUpdateRequestReviews($input:RequestReviewsInput!){requestReviews(input:$input){pullRequest{id}}}",
        "{\"input\":{\"pullRequestId\":\"<pull>\",\"userIds\":[\"<hubot>\"],\"union\":false}}",
    ),
    (
        "gh",
        "mutation PullRequestReadyForReview($input:ConvertPullRequestToDraftInput!){convertPullRequestToDraft(input:$input){pullRequest{id,isDraft}}}",
        "{\"input\":{\"pullRequestId\":\"<pull>\"}}",
    ),
    (
        "mcp",
        "mutation($input:MarkPullRequestReadyForReviewInput!){markPullRequestReadyForReview(input:$input){pullRequest{id,isDraft}}}",
        "{\"input\":{\"pullRequestId\":\"<pull>\"}}",
    ),
    (
        "gh",
        "mutation PullRequestReviewAdd($input:AddPullRequestReviewInput!){addPullRequestReview(input:$input){clientMutationId}}",
        "{\"input\":{\"pullRequestId\":\"<pull>\",\"event\":\"COMMENT\",\"body\":\"Fine.\"}}",
    ),
    (
        "mcp",
        "mutation($input:AddPullRequestReviewInput!){addPullRequestReview(input:$input){pullRequestReview{id,state}}}",
        "{\"input\":{\"pullRequestId\":\"<pull>\"}}",
    ),
    (
        "mcp",
        "mutation($input:AddPullRequestReviewThreadInput!){addPullRequestReviewThread(input:$input){thread{id,path,line,isResolved}}}",
        "{\"input\":{\"pullRequestReviewId\":\"<pending>\",\"path\":\"README.md\",\"body\":\"Why?\",\"line\":2,\"side\":\"RIGHT\",\"subjectType\":\"LINE\"}}",
    ),
    (
        "mcp",
        "mutation($input:SubmitPullRequestReviewInput!){submitPullRequestReview(input:$input){pullRequestReview{id,state}}}",
        "{\"input\":{\"pullRequestReviewId\":\"<pending>\",\"event\":\"COMMENT\",\"body\":\"Some.\"}}",
    ),
    (
        "mcp",
        "mutation($input:ResolveReviewThreadInput!){resolveReviewThread(input:$input){thread{id,isResolved}}}",
        "{\"input\":{\"threadId\":\"<thread>\"}}",
    ),
    (
        "mcp",
        "mutation($input:UnresolveReviewThreadInput!){unresolveReviewThread(input:$input){thread{id,isResolved}}}",
        "{\"input\":{\"threadId\":\"<thread>\"}}",
    ),
    (
        "any",
        "mutation($input:AddPullRequestReviewThreadReplyInput!){addPullRequestReviewThreadReply(input:$input){comment{id,body,replyTo{id}}}}",
        "{\"input\":{\"pullRequestReviewThreadId\":\"<thread>\",\"body\":\"Because.\"}}",
    ),
    (
        "mcp",
        "mutation($input:AddPullRequestReviewInput!){addPullRequestReview(input:$input){pullRequestReview{id}}}",
        "{\"input\":{\"pullRequestId\":\"<pull>\",\"body\":\"Again.\"}}",
    ),
    (
        "mcp",
        "mutation($input:DeletePullRequestReviewInput!){deletePullRequestReview(input:$input){pullRequestReview{id}}}",
        "{\"input\":{\"pullRequestReviewId\":\"<pending>\"}}",
    ),
    (
        "gh",
        "mutation PullRequestClose($input:ClosePullRequestInput!){closePullRequest(input:$input){pullRequest{id}}}",
        "{\"input\":{\"pullRequestId\":\"<pull>\"}}",
    ),
    (
        "gh",
        "mutation PullRequestReopen($input:ReopenPullRequestInput!){reopenPullRequest(input:$input){pullRequest{id}}}",
        "{\"input\":{\"pullRequestId\":\"<pull>\"}}",
    ),
    (
        "gh",
        "mutation PullRequestMerge($input:MergePullRequestInput!){mergePullRequest(input:$input){clientMutationId}}",
        "{\"input\":{\"pullRequestId\":\"<pull>\",\"mergeMethod\":\"SQUASH\",\"commitHeadline\":\"H\",\"commitBody\":\"B\"}}",
    ),
];

/// The seed that all of them are sent to.
fn seeded() -> Box<dyn ServiceClone> {
    let seed = json!({
        "actor": "octocat",
        "users": [
            {"login": "octocat", "email": "octocat@example.com"}, {"login": "monalisa"}, {"login": "hubot"},
            {"login": "acme", "type": "Organization"},
        ],
        "repos": [{
            "full_name": "acme/web", "license": "MIT", "language": "Rust", "topics": ["web"], "has_discussions": true,
            "files": {
                "README.md": "one\ntwo\n",
                ".github/ISSUE_TEMPLATE/bug.md": "---\nname: Bug\nabout: A bug\ntitle: ''\nlabels: bug\n---\nWhat?\n",
                ".github/PULL_REQUEST_TEMPLATE.md": "Why?\n",
            },
        }],
        "commits": [
            {"repo": "acme/web", "branch": "feature", "from": "main", "message": "Change\n\nMore", "files": {"README.md": "one\n2\nthree\n"}},
            {"repo": "acme/web", "branch": "second", "from": "main", "message": "Second", "files": {"b.txt": "b\n"}},
        ],
        "labels": [{"repo": "acme/web", "name": "bug"}, {"repo": "acme/web", "name": "spare"}],
        "milestones": [{"repo": "acme/web", "number": 1, "title": "One"}],
        "issues": [
            {"repo": "acme/web", "number": 1, "title": "First", "body": "B", "labels": ["bug"], "assignees": ["octocat"], "milestone": 1},
            {"repo": "acme/web", "number": 2, "title": "Second", "user": "monalisa"},
        ],
        "comments": [{"issue": "acme/web#1", "id": 1900000001, "body": "Yes", "user": "monalisa"}],
        "pulls": [{"repo": "acme/web", "number": 3, "title": "Change", "body": "Closes #1", "head": "feature", "user": "octocat"}],
        "reviews": [{"pull": "acme/web#3", "user": "monalisa", "state": "APPROVED", "body": "Good"}],
        "releases": [{"repo": "acme/web", "tag_name": "v1", "name": "One"}],
        "statuses": [{"repo": "acme/web", "sha": "feature", "state": "success", "context": "ci"}],
        "check_runs": [{"repo": "acme/web", "head_sha": "feature", "name": "build", "conclusion": "success"}],
        "discussion_categories": [{"repo": "acme/web", "slug": "q-a", "is_answerable": true}],
        "discussions": [{"repo": "acme/web", "number": 9, "title": "How?", "category": "q-a"}],
    });
    open_at(Seed::Document(&seed), base())
}

/// The ids that documents name.
fn ids(clone: &mut dyn ServiceClone) -> Vec<(String, String)> {
    let query = "{ user(login:\"octocat\"){id} hubot:user(login:\"hubot\"){id} repository(owner:\"acme\",name:\"web\"){ id issue(number:1){id comments(first:1){nodes{id}}} other:issue(number:2){id} pullRequest(number:3){id} label(name:\"bug\"){id} spare:label(name:\"spare\"){id} milestone(number:1){id} } }";
    let sent = json!({"query": query});
    let found = body(&send(clone, &format!("POST /graphql {sent}")));
    let text = |pointer: &str| {
        found
            .pointer(pointer)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    [
        ("user", "/data/user/id"),
        ("hubot", "/data/hubot/id"),
        ("repo", "/data/repository/id"),
        ("issue", "/data/repository/issue/id"),
        ("comment", "/data/repository/issue/comments/nodes/0/id"),
        ("other", "/data/repository/other/id"),
        ("pull", "/data/repository/pullRequest/id"),
        ("label", "/data/repository/label/id"),
        ("spare", "/data/repository/spare/id"),
        ("milestone", "/data/repository/milestone/id"),
    ]
    .into_iter()
    .map(|(name, pointer)| {
        (
            name.to_owned(),
            text(pointer).unwrap_or_else(|| panic!("{pointer}: {found}")),
        )
    })
    .collect()
}

/// Sends a document; what is wrong with what it answers.
fn send_root(
    clone: &mut dyn ServiceClone,
    root: &Root,
    ids: &mut Vec<(String, String)>,
) -> Vec<String> {
    let (_, text, variables) = root;
    let named = |text: &str| {
        ids.iter().fold(text.to_owned(), |text, (name, id)| {
            text.replace(&format!("<{name}>"), id)
        })
    };
    let query = named(text)
        .replace("ISSUE}", &format!("{ISSUE}}}"))
        .replace("{PULL}", &format!("{{{PULL}}}"))
        .replace("{REPO}", &format!("{{{REPO}}}"));
    let variables = named(variables);
    let variables: Value = serde_json::from_str(&variables).expect("JSON");
    let sent = json!({"query": query, "variables": variables});
    let response = send(clone, &format!("POST /graphql {sent}"));
    let found = body(&response);
    let mut wrong = oracle::faults(SERVICE.schema.get(), &query, None, &found["data"]);
    if let Some(gap) = response.unmodelled {
        wrong.push(format!("a gap: {gap}"));
    }
    if let Some(errors) = found.get("errors") {
        wrong.push(errors.to_string());
    }
    for (name, pointer) in [
        ("pending", "/data/addPullRequestReview/pullRequestReview/id"),
        ("thread", "/data/addPullRequestReviewThread/thread/id"),
    ] {
        if let Some(id) = found.pointer(pointer).and_then(Value::as_str) {
            ids.retain(|(known, _)| known != name);
            ids.push((name.to_owned(), id.to_owned()));
        }
    }
    wrong
}

#[test]
fn every_root_of_gh_and_of_the_mcp_server_answers_whole() {
    let mut clone = seeded();
    let mut ids = ids(clone.as_mut());
    let mut wrong = Vec::new();
    for root in QUERIES.iter().chain(MUTATIONS) {
        let faults = send_root(clone.as_mut(), root, &mut ids);
        if !faults.is_empty() {
            let start: String = root.1.chars().take(90).collect();
            wrong.push(format!("{start}\n  {}", faults.join("\n  ")));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} are wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
