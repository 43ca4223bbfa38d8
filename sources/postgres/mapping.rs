//! Which column is which field of a trace or span: by what was said, else by its name.

use std::collections::BTreeMap;

use archal_core::diagnostic::nearest;

/// A field and the names by which its column is known, without case and underscores, likeliest first.
pub(super) struct Field {
    pub(super) name: &'static str,
    columns: &'static [&'static str],
}

const fn field(name: &'static str, columns: &'static [&'static str]) -> Field {
    Field { name, columns }
}

/// The fields of a row of the table of traces.
pub(super) const TRACE: &[Field] = &[
    field("id", &["id", "traceid", "runid"]),
    field("name", &["name", "tracename", "runname", "title"]),
    field(
        "startedAt",
        &[
            "startedat",
            "starttime",
            "startat",
            "timestamp",
            "createdat",
            "insertedat",
        ],
    ),
    field(
        "endedAt",
        &["endedat", "endtime", "endat", "completedat", "finishedat"],
    ),
    field("durationMs", &["durationms", "latencyms"]),
    field("status", &["status", "state"]),
    field("error", &["error", "errormessage", "statusmessage"]),
    field(
        "input",
        &["input", "inputs", "prompt", "request", "question"],
    ),
    field(
        "output",
        &[
            "output",
            "outputs",
            "response",
            "result",
            "completion",
            "answer",
        ],
    ),
    field("messages", &["messages", "conversation"]),
    field("model", &["model", "modelname"]),
    field("sessionId", &["sessionid", "threadid", "conversationid"]),
    field("userId", &["userid", "enduserid"]),
    field("environment", &["environment", "env"]),
    field("release", &["release", "version", "appversion"]),
    field("tags", &["tags", "labels"]),
    field("scores", &["scores", "score", "feedback"]),
    field("metadata", &["metadata", "meta", "attributes", "extra"]),
    field("project", &["project", "projectname", "servicename"]),
    field("updatedAt", UPDATED),
    field("createdAt", CREATED),
    field("cursor", &[]),
];

const UPDATED: &[&str] = &["updatedat", "modifiedat", "lastmodified", "updated"];
const CREATED: &[&str] = &["createdat", "insertedat", "created"];

/// The fields of a row of the table of spans.
pub(super) const SPAN: &[Field] = &[
    field("id", &["spanid", "id"]),
    field("traceId", &["traceid", "runid", "traceuuid"]),
    field("parentId", &["parentspanid", "parentid", "parent"]),
    field("name", &["name", "spanname", "operationname", "operation"]),
    field(
        "kind",
        &["spantype", "kind", "type", "spankind", "observationtype"],
    ),
    field(
        "startedAt",
        &[
            "startedat",
            "starttime",
            "starttimeunixnano",
            "startat",
            "timestamp",
            "createdat",
        ],
    ),
    field(
        "endedAt",
        &[
            "endedat",
            "endtime",
            "endtimeunixnano",
            "endat",
            "completedat",
            "finishedat",
        ],
    ),
    field("durationMs", &["durationms", "latencyms"]),
    field("status", &["status", "statuscode", "state"]),
    field("error", &["error", "errormessage", "statusmessage"]),
    field("input", &["input", "inputs", "prompt", "request"]),
    field(
        "output",
        &["output", "outputs", "response", "result", "completion"],
    ),
    field("messages", &["messages"]),
    field("model", &["model", "modelname"]),
    field("toolName", &["toolname", "tool"]),
    field("toolCallId", &["toolcallid", "callid"]),
    field(
        "toolArguments",
        &["toolarguments", "toolargs", "toolinput", "arguments"],
    ),
    field("toolResult", &["toolresult", "tooloutput"]),
    field("httpMethod", &["httpmethod", "method"]),
    field("httpUrl", &["httpurl", "url"]),
    field("httpStatus", &["httpstatus", "httpstatuscode"]),
    field("httpRequestBody", &["httprequestbody", "requestbody"]),
    field("httpResponseBody", &["httpresponsebody", "responsebody"]),
    field("inputTokens", &["inputtokens", "prompttokens"]),
    field("outputTokens", &["outputtokens", "completiontokens"]),
    field("cachedTokens", &["cachedtokens", "cachereadtokens"]),
    field("costUsd", &["costusd", "cost", "totalcost"]),
    field("attributes", &["attributes", "spanattributes", "attrs"]),
    field("events", &["events", "spanevents"]),
    field("resource", &["resource", "resourceattributes"]),
    field("scope", &["scope", "scopename", "instrumentationscope"]),
    field("metadata", &["metadata", "meta", "extra"]),
    field("sessionId", &["sessionid", "threadid", "conversationid"]),
    field("userId", &["userid", "enduserid"]),
    field("environment", &["environment", "env"]),
    field("release", &["release", "version", "appversion"]),
    field("tags", &["tags", "labels"]),
    field("project", &["project", "projectname", "servicename"]),
    field("updatedAt", UPDATED),
    field("createdAt", CREATED),
    field("cursor", &[]),
];

/// Fields by the columns that were said for them.
pub(super) type Said = BTreeMap<String, String>;

/// Reads `field=column,field=column`.
pub(super) fn parse(option: &str, text: &str, fields: &[Field]) -> Result<Said, String> {
    let mut said = Said::new();
    for pair in text.split(',').filter(|pair| !pair.trim().is_empty()) {
        let Some((name, column)) = pair.split_once('=') else {
            return Err(format!(
                "`{option}` is a list of `field=column`, and one of it has no `=`"
            ));
        };
        let (name, column) = (name.trim(), column.trim().trim_matches('"'));
        if !fields.iter().any(|field| field.name == name) {
            let near = nearest(name, fields.iter().map(|field| field.name))
                .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            let shown: String = name.chars().take(40).flat_map(char::escape_debug).collect();
            return Err(format!(
                "`{option}` names a field `{shown}` that there is not{near}"
            ));
        }
        if column.is_empty() {
            return Err(format!("`{option}` names no column for `{name}`"));
        }
        said.insert(name.to_owned(), column.to_owned());
    }
    Ok(said)
}

/// The column of each field that has one, by place among `columns`; the fields that were said for
/// columns that there are not.
pub(super) fn places(
    fields: &'static [Field],
    said: &Said,
    columns: &[String],
) -> (BTreeMap<&'static str, usize>, Vec<(&'static str, String)>) {
    let bare: Vec<String> = columns.iter().map(|column| bare(column)).collect();
    let mut found = BTreeMap::new();
    let mut missing = Vec::new();
    for field in fields {
        let place = match said.get(field.name) {
            Some(column) => {
                let place = columns.iter().position(|one| one == column);
                if place.is_none() {
                    missing.push((field.name, column.clone()));
                }
                place
            }
            None => field
                .columns
                .iter()
                .find_map(|known| bare.iter().position(|one| one == known)),
        };
        if let Some(place) = place {
            found.insert(field.name, place);
        }
    }
    (found, missing)
}

fn bare(column: &str) -> String {
    column
        .chars()
        .filter(|c| *c != '_')
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn columns_are_known_by_their_names_and_what_was_said_counts_first() {
        let said = parse("spanColumns", "input=payload, id = \"n\"", SPAN).expect("fields");
        let columns = columns(&[
            "n",
            "traceId",
            "Parent_Span_Id",
            "input",
            "payload",
            "startedAt",
        ]);
        let (found, missing) = places(SPAN, &said, &columns);
        assert_eq!(missing, []);
        for (field, place) in [("id", 0), ("traceId", 1), ("parentId", 2), ("input", 4)] {
            assert_eq!(found.get(field), Some(&place), "{field}");
        }
        assert_eq!(found.get("output"), None);
        let said = parse("spanColumns", "output=gone", SPAN).expect("fields");
        let (_, missing) = places(SPAN, &said, &columns);
        assert_eq!(missing, [("output", "gone".to_owned())]);
    }

    #[test]
    fn a_field_that_is_none_is_told_with_the_nearest() {
        let wrong = parse("traceColumns", "inputs=x", TRACE).expect_err("wrong");
        assert!(wrong.contains("`input`"), "{wrong}");
        assert!(parse("traceColumns", "input", TRACE).is_err());
        assert!(parse("traceColumns", "input=", TRACE).is_err());
    }
}
