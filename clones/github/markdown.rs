//! Markdown as GitHub renders it: its tables, task lists, mentions, and no script.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};

use super::render::WEB;
use crate::engine::input::{Input, Kind};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::running::read;

const TEXT: &[Input] = &[
    Input {
        name: "text",
        kind: Kind::Text,
        required: true,
    },
    Input {
        name: "mode",
        kind: Kind::Text,
        required: false,
    },
    Input {
        name: "context",
        kind: Kind::Text,
        required: false,
    },
];

/// HTML tags that stay, without their attributes.
const KEPT: &[&str] = &[
    "b",
    "blockquote",
    "br",
    "code",
    "dd",
    "del",
    "details",
    "div",
    "dl",
    "dt",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "ins",
    "kbd",
    "li",
    "ol",
    "p",
    "picture",
    "pre",
    "q",
    "s",
    "samp",
    "span",
    "strike",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "tt",
    "ul",
    "var",
];

/// `POST /markdown`.
pub(super) fn render(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = read(call, TEXT, call.root().pack())?;
    let mode = inputs.text("mode").unwrap_or("markdown");
    if !matches!(mode, "markdown" | "gfm") {
        return Err(super::dialect::invalid_value("Markdown", "mode", mode));
    }
    let text = inputs.text("text").unwrap_or_default().to_owned();
    Ok(answer(call, &text, mode == "gfm"))
}

/// `POST /markdown/raw`.
pub(super) fn render_raw(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let kind = call.request.header("content-type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !matches!(kind, "text/plain" | "text/x-markdown") {
        let message = "Invalid request media type (expecting 'text/plain' or 'text/x-markdown').";
        return Err(Refusal::new(415, message));
    }
    let text = String::from_utf8_lossy(&call.request.body).into_owned();
    Ok(answer(call, &text, false))
}

fn answer(call: &Call<'_>, text: &str, breaks: bool) -> Reply {
    let root = call.root();
    let said = root.times().rewrite(text, root.base());
    let mut reply = Reply::new(
        200,
        archal_core::clone::Rendered {
            wire: to_html(text, breaks).into(),
            evidence: to_html(said.as_deref().unwrap_or(text), breaks).into(),
        },
    );
    reply.content_type = Some("text/html;charset=utf-8".into());
    reply
}

/// A text as HTML; `breaks` keeps the ends of lines, as in comments.
pub(super) fn to_html(text: &str, breaks: bool) -> String {
    let mut options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    options |= Options::ENABLE_TASKLISTS | Options::ENABLE_FOOTNOTES | Options::ENABLE_GFM;
    // What is inside code and links holds no mentions.
    let mut inside = 0_usize;
    let mut events = Vec::new();
    for event in Parser::new_ext(text, options) {
        match event {
            Event::SoftBreak if breaks => events.push(Event::HardBreak),
            Event::Html(raw) | Event::InlineHtml(raw) => {
                events.push(Event::Html(sanitized(&raw).into()));
            }
            Event::Start(tag) => {
                if matches!(tag, Tag::CodeBlock(_) | Tag::Link { .. }) {
                    inside += 1;
                }
                events.push(Event::Start(without_script(tag)));
            }
            Event::End(tag) => {
                if matches!(tag, TagEnd::CodeBlock | TagEnd::Link) {
                    inside = inside.saturating_sub(1);
                }
                events.push(Event::End(tag));
            }
            Event::Text(text) if inside == 0 && text.contains('@') => {
                with_mentions(&text, &mut events)
            }
            other => events.push(other),
        }
    }
    let mut out = String::with_capacity(text.len() * 3 / 2);
    html::push_html(&mut out, events.into_iter());
    out.trim_end().to_owned()
}

/// Links to users where a text mentions them.
fn with_mentions(text: &str, events: &mut Vec<Event<'_>>) {
    let mut out = String::new();
    let mut before = ' ';
    let mut rest = text;
    while let Some(at) = rest.find('@') {
        let (head, tail) = rest.split_at(at);
        escape(head, &mut out);
        before = head.chars().next_back().unwrap_or(before);
        let name: String = tail[1..]
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '-')
            .collect();
        let begins = !before.is_alphanumeric();
        if begins && !name.is_empty() && !name.starts_with('-') {
            out.push_str(&format!(
                "<a class=\"user-mention notranslate\" href=\"{WEB}/{name}\">@{name}</a>"
            ));
        } else {
            out.push('@');
            out.push_str(&name);
        }
        before = name.chars().next_back().unwrap_or('@');
        rest = &tail[1 + name.len()..];
    }
    escape(rest, &mut out);
    events.push(Event::InlineHtml(CowStr::from(out)));
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
}

/// A link or an image that runs nothing.
fn without_script(tag: Tag<'_>) -> Tag<'_> {
    let safe = |url: CowStr<'_>| -> CowStr<'static> {
        let scheme = url.split_once(':').map(|(scheme, _)| scheme.trim());
        let plain = scheme.is_none_or(|scheme| {
            scheme.contains(['/', '#', '?'])
                || ["http", "https", "mailto"]
                    .iter()
                    .any(|known| scheme.eq_ignore_ascii_case(known))
        });
        CowStr::from(if plain {
            url.to_string()
        } else {
            String::new()
        })
    };
    match tag {
        Tag::Link {
            link_type,
            dest_url,
            title,
            id,
        } => Tag::Link {
            link_type,
            dest_url: safe(dest_url),
            title,
            id,
        },
        Tag::Image {
            link_type,
            dest_url,
            title,
            id,
        } => Tag::Image {
            link_type,
            dest_url: safe(dest_url),
            title,
            id,
        },
        tag => tag,
    }
}

/// Raw HTML with the tags that stay; all others are written as text, comments go.
fn sanitized(raw: &str) -> String {
    let mut out = String::new();
    let mut rest = raw;
    while let Some(at) = rest.find('<') {
        escape(&rest[..at], &mut out);
        rest = &rest[at..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let Some(end) = rest.find('>') else { break };
        let tag = &rest[1..end];
        let (closing, name) = match tag.strip_prefix('/') {
            Some(name) => ("/", name),
            None => ("", tag),
        };
        let name: String = name
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect::<String>()
            .to_ascii_lowercase();
        if KEPT.contains(&name.as_str()) {
            out.push_str(&format!("<{closing}{name}>"));
        } else {
            escape(&rest[..=end], &mut out);
        }
        rest = &rest[end + 1..];
    }
    escape(rest, &mut out);
    out
}

/// The words of a rendered text.
pub(super) fn to_text(text: &str) -> String {
    let mut out = String::new();
    for event in Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        match event {
            Event::Text(text) | Event::Code(text) => out.push_str(&text),
            Event::SoftBreak | Event::HardBreak => out.push('\n'),
            Event::End(
                TagEnd::Paragraph
                | TagEnd::Heading(_)
                | TagEnd::Item
                | TagEnd::CodeBlock
                | TagEnd::TableRow,
            ) if !out.ends_with('\n') => out.push('\n'),
            _ => {}
        }
    }
    out.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{to_html, to_text};

    #[test]
    fn texts_are_rendered_without_script() {
        insta::assert_snapshot!(to_html("Hi @octocat, me@example.com\nsee `@code` ~~x~~\n\n- [x] done\n\n|a|\n|-|\n|b|", true), @r#"
        <p>Hi <a class="user-mention notranslate" href="https://github.com/octocat">@octocat</a>, me@example.com<br />
        see <code>@code</code> <del>x</del></p>
        <ul>
        <li><input disabled="" type="checkbox" checked=""/>
        done</li>
        </ul>
        <table><thead><tr><th>a</th></tr></thead><tbody>
        <tr><td>b</td></tr>
        </tbody></table>
        "#);
        for text in [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "[x](javascript:alert(1))",
            "[x](JaVaScript:alert(1))",
            "<kbd onclick=\"x\">k</kbd>",
            "a @<b onload=x>",
        ] {
            let html = to_html(text, false);
            let opened = html.contains("<script") || html.contains("<img") || html.contains("<b o");
            assert!(
                !opened && !html.contains("href=\"java") && !html.contains("<kbd o"),
                "{html}"
            );
        }
        assert_eq!(to_text("# A\n\nb *c*\n\n- d"), "A\nb c\nd");
    }
}
