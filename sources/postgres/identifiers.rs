//! Names of tables and columns: as people write them, and quoted for statements. Nothing that was said
//! reaches a statement in another form.

/// A table or view, with its schema where one is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableName {
    pub(super) schema: Option<String>,
    pub(super) name: String,
}

/// The longest name that PostgreSQL keeps whole.
const MAX_NAME: usize = 63;

impl TableName {
    /// Reads `table`, `schema.table` and `"Odd.Schema"."Odd table"`. Names are taken as written:
    /// those of the database, which are lower-case unless somebody quoted them.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        loop {
            let (part, after) = part(rest).ok_or_else(|| bad(text))?;
            if part.is_empty() || part.len() > MAX_NAME || part.contains('\0') {
                return Err(bad(text));
            }
            parts.push(part);
            match after.strip_prefix('.') {
                Some(more) => rest = more,
                None if after.is_empty() => break,
                None => return Err(bad(text)),
            }
        }
        match (parts.pop(), parts.pop(), parts.is_empty()) {
            (Some(name), schema, true) => Ok(Self { schema, name }),
            _ => Err(bad(text)),
        }
    }

    /// For statements.
    pub(super) fn quoted(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{}.{}", quoted(schema), quoted(&self.name)),
            None => quoted(&self.name),
        }
    }

    /// For messages.
    pub(super) fn shown(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{schema}.{}", self.name),
            None => self.name.clone(),
        }
    }
}

/// One part of a name and what stands behind it.
fn part(text: &str) -> Option<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find('.').unwrap_or(text.len());
        let (part, rest) = text.split_at(end);
        return (!part.contains('"')).then(|| (part.trim().to_owned(), rest));
    };
    let mut name = String::new();
    loop {
        let (before, after) = rest.split_once('"')?;
        name.push_str(before);
        match after.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return Some((name, after)),
        }
    }
}

fn bad(text: &str) -> String {
    let shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    format!("`{shown}` is no name of a table: `table`, `schema.table` or `\"Odd Name\"`")
}

/// A name for statements.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_written_and_quoted_whole() {
        for (text, expected) in [
            ("ai_traces", r#""ai_traces""#),
            ("prod.Trace", r#""prod"."Trace""#),
            (r#""Odd.Schema"."say ""x""""#, r#""Odd.Schema"."say ""x""""#),
            ("t; DROP TABLE x", r#""t; DROP TABLE x""#),
        ] {
            let name = TableName::parse(text).expect(text);
            assert_eq!(name.quoted(), expected);
        }
        let long = "x".repeat(MAX_NAME + 1);
        for text in [
            "", ".", "a.", "a.b.c", "a\"b", "\"a", "\"a\"b", "\"\"", "a\0b", &long,
        ] {
            assert!(TableName::parse(text).is_err(), "{text}");
        }
    }
}
