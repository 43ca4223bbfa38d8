//! People, organisations, teams and what they may do; runs of workflows.

use archal_core::clone::Fact;
use serde_json::Value;

use super::exchange::Observing;
use super::shapes::{REPO, USER};
use crate::github::tables::{
    ORG_MEMBERS, REPOS, STARS, TEAM_REPOS, USERS, WORKFLOWS, org_member, repo, star, team_repo,
    user, workflow as column,
};

/// What the caller may do with a repository.
pub(super) fn permission(body: &Value) -> Option<Value> {
    let given = body.get("permissions")?;
    let best = ["admin", "maintain", "push", "triage", "pull"];
    let best = best
        .iter()
        .find(|name| given.get(**name) == Some(&Value::Bool(true)));
    Some(Value::from(best.copied().unwrap_or("none")))
}

/// The workflow of a run, which is proved.
pub(super) fn workflow(at: &mut Observing<'_>, repo: &str, body: &Value) -> Option<Value> {
    let path = body.get("path")?.as_str()?;
    let path = path.split_once('@').map_or(path, |(path, _)| path);
    let mut fields = vec![
        (column::REPO, Value::from(repo)),
        (column::PATH, Value::from(path)),
    ];
    if let Some(id) = body.get("workflow_id").filter(|id| id.is_i64()) {
        fields.push((column::ID, id.clone()));
    }
    if let Some(name) = body.get("name").filter(|name| name.is_string()) {
        fields.push((column::NAME, name.clone()));
    }
    at.told(WORKFLOWS, &fields, Vec::new()).map(Value::from)
}

impl Observing<'_> {
    /// The call is refused to those who may not push.
    pub(super) fn needs_push(&mut self) {
        let repo = self.repo();
        self.implied(REPOS, repo, repo::PERMISSION, "push");
    }

    /// Who the caller is.
    pub(super) fn caller(&mut self, body: &Value) {
        match self.show(&USER, body) {
            Some(key) => self.fact(Fact::Actor { key }),
            None => self.unread(),
        }
    }

    fn is_organisation(&mut self, login: &str) {
        let fields = [
            (user::LOGIN, Value::from(login)),
            (user::TYPE, Value::from("Organization")),
        ];
        self.told(USERS, &fields, Vec::new());
    }

    /// An organisation.
    pub(super) fn organisation(&mut self, body: &Value) {
        match self.show(&USER, body) {
            Some(login) => self.is_organisation(&login),
            None => self.unread(),
        }
    }

    /// Organisations that somebody is in.
    pub(super) fn organisations(&mut self, body: &Value) {
        let member = self.param("username").to_owned();
        for login in self.show_all(&USER, body) {
            self.is_organisation(&login);
            if !member.is_empty() {
                self.member(&login, &member, &[]);
            }
        }
    }

    fn member(&mut self, org: &str, login: &str, more: &[(usize, Value)]) {
        let mut fields = vec![
            (org_member::ORG, Value::from(org)),
            (org_member::USER, Value::from(login)),
        ];
        fields.extend_from_slice(more);
        self.told(ORG_MEMBERS, &fields, Vec::new());
    }

    /// The members of the organisation in the path.
    pub(super) fn members(&mut self, body: &Value) {
        let org = self.param("org").to_owned();
        self.is_organisation(&org);
        let role = self.asked("role").filter(|role| role != "all");
        let public = self.id == "orgs/list-public-members";
        for login in self.show_all(&USER, body) {
            let mut more = Vec::new();
            if let Some(role) = &role {
                more.push((org_member::ROLE, Value::from(role.as_str())));
            }
            if public {
                more.push((org_member::PUBLIC, Value::from(true)));
            }
            self.member(&org, &login, &more);
        }
    }

    /// What somebody is in the organisation in the path.
    pub(super) fn membership(&mut self, body: &Value) {
        let org = self.param("org").to_owned();
        self.is_organisation(&org);
        let login = self.show_at(&USER, body, "/user");
        let active = body.get("state").and_then(Value::as_str) == Some("active");
        let role = body.get("role").and_then(Value::as_str);
        if let (Some(login), true, Some(role @ ("admin" | "member"))) = (login, active, role) {
            self.member(&org, &login, &[(org_member::ROLE, Value::from(role))]);
        }
    }

    /// What the team in the path may do.
    pub(super) fn team_repos(&mut self, body: &Value) {
        let team = format!("{}/{}", self.param("org"), self.param("team_slug"));
        for key in self.show_all(&REPO, body) {
            let fields = [
                (team_repo::TEAM, Value::from(team.as_str())),
                (team_repo::REPO, Value::from(key)),
            ];
            self.told(TEAM_REPOS, &fields, Vec::new());
        }
    }

    fn star(&mut self, login: String, repo: String) {
        let fields = [
            (star::USER, Value::from(login)),
            (star::REPO, Value::from(repo)),
        ];
        self.told(STARS, &fields, Vec::new());
    }

    /// The repositories that somebody gave a star.
    pub(super) fn starred(&mut self, body: &Value) {
        let login = self.param("username").to_owned();
        for key in self.show_all(&REPO, body) {
            self.star(login.clone(), key);
        }
    }

    /// Who gave the repository a star.
    pub(super) fn stargazers(&mut self, body: &Value) {
        let repo = self.repo();
        for login in self.show_all(&USER, body) {
            self.star(login, repo.clone());
        }
    }

    /// The topics of the repository.
    pub(super) fn topics(&mut self, body: &Value) {
        let Some(names) = body.get("names").filter(|names| names.is_array()) else {
            return self.unread();
        };
        let fields = [
            (repo::FULL_NAME, Value::from(self.repo())),
            (repo::TOPICS, names.clone()),
        ];
        self.told(REPOS, &fields, Vec::new());
    }
}
