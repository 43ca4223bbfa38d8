//! One page of a pass.

use archal_core::clock::Timestamp;
use archal_core::diagnostic::Diagnostic;
use archal_core::pull::{Page, PullError, PullErrorKind};
use serde_json::Value;

use super::cursor::{Api, Cursor, Pass, Stage, Walk, before};
use super::{Langfuse, legacy, observations, recheck, scores};

/// Between two looks for changes.
const BETWEEN_RECHECKS: i64 = 24 * 3600;

/// The page at a cursor, and the cursor behind it.
pub(super) fn page(source: &mut Langfuse, cursor: &Value) -> Result<Page, PullError> {
    let mut cursor = Cursor::read(cursor, &source.settings.host);
    let mut page = Page::default();
    let mut pass = match cursor.pass.take() {
        Some(pass) => pass,
        None => begin(source, &cursor),
    };
    let api = match cursor.api {
        Some(api) => api,
        None => probe(source, &mut cursor, &mut pass)?,
    };
    let read = step(source, api, &mut cursor, &mut pass, &mut page);
    let next = match read {
        // Another release answers by now. What is asked of both was asked before.
        Err(error) if error.kind == PullErrorKind::Missing => {
            let other = probe(source, &mut cursor, &mut pass)?;
            if other == api {
                return Err(error);
            }
            pass.stage = Stage::Rows(Walk::over(pass.from, pass.began));
            page = Page::default();
            step(source, other, &mut cursor, &mut pass, &mut page)?
        }
        read => read?,
    };
    match next {
        Some(stage) => {
            pass.stage = stage;
            cursor.pass = Some(pass);
        }
        None => {
            cursor.began = Some(pass.began);
            if pass.is_recheck || cursor.rechecked.is_none() {
                cursor.rechecked = Some(pass.began);
            }
            (page.is_last, page.is_checkpoint) = (true, true);
        }
    }
    page.cursor = cursor.value();
    Ok(page)
}

fn begin(source: &Langfuse, cursor: &Cursor) -> Pass {
    let settings = &source.settings;
    let began = source.client.now();
    let earlier = |time| before(time, settings.overlap);
    let from = cursor.began.and_then(earlier);
    let since = settings.since.and_then(earlier);
    let is_due = |last: Timestamp| began.duration_since(last).as_secs() >= BETWEEN_RECHECKS;
    Pass {
        began,
        from: from.max(since),
        is_recheck: !settings.recheck.is_zero() && cursor.rechecked.is_some_and(is_due),
        stage: Stage::Scores {
            cursor: None,
            page: 1,
            is_numbered: false,
        },
    }
}

/// Asks for one page; the stage behind it, none at the end of the pass.
fn step(
    source: &mut Langfuse,
    api: Api,
    cursor: &mut Cursor,
    pass: &mut Pass,
    page: &mut Page,
) -> Result<Option<Stage>, PullError> {
    let from = pass.from;
    match pass.stage.clone() {
        Stage::Scores {
            cursor: at,
            page: number,
            is_numbered,
        } => {
            let place = (at, number, is_numbered);
            let next = scores::page(source, pass, place, page)?;
            Ok(Some(next.unwrap_or_else(|| {
                Stage::Rows(Walk::over(from, pass.began))
            })))
        }
        Stage::Rows(mut walk) => {
            match api {
                Api::V2 => observations::page(source, cursor, &mut walk, pass.began, page)?,
                Api::Legacy => legacy::page(source, cursor, &mut walk, pass.began, page)?,
            }
            if walk.window().is_some() {
                return Ok(Some(Stage::Rows(walk)));
            }
            if !pass.is_recheck {
                return Ok(None);
            }
            // Nothing looked at what came late while nobody asked.
            let last = cursor.rechecked.unwrap_or(pass.began).min(pass.began);
            let from = before(last, source.settings.recheck);
            let from = from.max(source.settings.since);
            Ok(Some(Stage::Recheck {
                walk: Walk::over(from, pass.began),
                is_listed: false,
                changed: Vec::new(),
                cursor: None,
            }))
        }
        stage @ Stage::Recheck { .. } => recheck::page(source, api, cursor, pass, stage, page),
    }
}

/// Finds out what the release understands: what is new where it is there, and what is old where
/// that is not found. A refusal of the keys is told and no reason to ask for something else.
fn probe(source: &mut Langfuse, cursor: &mut Cursor, pass: &mut Pass) -> Result<Api, PullError> {
    let (api, date) = asked(source)?;
    let told = match api {
        Api::V2 => "reads observations of the API since release 4",
        Api::Legacy => {
            "reads traces of the API before release 4: two requests and more for each trace"
        }
    };
    source.findings.push(Diagnostic::note(
        "langfuse/api",
        format!("Langfuse at {}: {told}", source.settings.host),
    ));
    cursor.api = Some(api);
    pass.began = date.unwrap_or(pass.began);
    Ok(api)
}

/// What the release understands, and what time it is there.
pub(super) fn asked(source: &mut Langfuse) -> Result<(Api, Option<Timestamp>), PullError> {
    let one = || ("limit", "1".to_owned());
    let (rate, legacy) = (source.settings.rate.clone(), source.settings.legacy.clone());
    let fields = ("fields", "core".to_owned());
    let new = source.list(
        observations::PATH,
        vec![one(), fields.clone()],
        &rate,
        false,
    );
    match new {
        Ok(listed) => Ok((Api::V2, listed.date)),
        Err(failure) if failure.is_not_found() => {
            let old = source.list(legacy::PATH, vec![one(), fields], &legacy, false);
            let listed = old.map_err(|failure| source.client.told(failure))?;
            Ok((Api::Legacy, listed.date))
        }
        Err(failure) => Err(source.client.told(failure)),
    }
}

/// Tells once that answers are on their way out.
pub(super) fn tell_deprecation(source: &mut Langfuse, cursor: &mut Cursor, said: Option<&Value>) {
    let Some(said) = said.filter(|_| !cursor.is_deprecation_told) else {
        return;
    };
    cursor.is_deprecation_told = true;
    let text = |name: &str| {
        let text = said.get(name).and_then(Value::as_str).unwrap_or_default();
        let text: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
        text
    };
    let until = match text("sunsetAt") {
        until if until.is_empty() => String::new(),
        until => format!(", until {until}"),
    };
    source.findings.push(
        Diagnostic::warning(
            "langfuse/deprecated",
            format!(
                "Langfuse says of what it was asked{until}: {}",
                text("message")
            ),
        )
        .with_help("update the Langfuse server; nothing is to be changed here"),
    );
}
