//! How much an assertion asks for.

/// How much an assertion asks for, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// Nothing: it always holds.
    Nothing,
    /// That something is there, or holds somehow.
    Truthy,
    /// A part: a bound, a member, a pattern, one of two.
    Partial,
    /// One value.
    Exact,
}

/// How the language joins conditions and says that something always holds.
#[derive(Debug, Clone, Copy)]
pub struct Words {
    /// `or`, `||`.
    pub or: &'static str,
    /// What always holds.
    pub always: &'static [&'static str],
    /// Calls that look at a part.
    pub partial: &'static [&'static str],
    /// Comparisons with one value.
    pub exact: &'static [&'static str],
}

/// The words of Python.
pub const PYTHON: Words = Words {
    or: " or ",
    always: &["True", "1", "not False"],
    partial: &[
        " in ",
        "!=",
        "<",
        ">",
        ".startswith(",
        ".endswith(",
        "re.match(",
        "re.search(",
        "isinstance(",
        "any(",
        "approx(",
        " is not ",
    ],
    exact: &["==", " is "],
};

/// The words of JavaScript and TypeScript.
pub const JAVASCRIPT: Words = Words {
    or: "||",
    always: &["true", "1"],
    partial: &[
        "!=",
        "<",
        ">",
        ".includes(",
        ".startsWith(",
        ".endsWith(",
        ".match(",
        ".test(",
        ".some(",
        "instanceof",
    ],
    exact: &["=="],
};

/// The words of Rust.
pub const RUST: Words = Words {
    or: "||",
    always: &["true"],
    partial: &[
        "!=",
        " < ",
        " > ",
        "<=",
        ">=",
        ".contains(",
        ".starts_with(",
        ".ends_with(",
        "matches!(",
        ".any(",
    ],
    exact: &["=="],
};

/// How much a condition asks for, by its masked text.
pub fn of_condition(condition: &str, words: &Words) -> Strength {
    let condition = condition.trim();
    if condition.is_empty() || words.always.contains(&condition) {
        return Strength::Nothing;
    }
    let alternatives: Vec<&str> = condition.split(words.or).map(str::trim).collect();
    if alternatives.len() > 1 {
        let is_always = |one: &&str| words.always.contains(one);
        return match alternatives.iter().any(is_always) {
            true => Strength::Nothing,
            false => Strength::Partial,
        };
    }
    let has = |words: &[&str]| words.iter().any(|word| condition.contains(word));
    let is_not_none = condition.ends_with("is not None");
    // What is not equal may be anything else.
    let equal = ["!==", "!=", " is not "]
        .iter()
        .fold(condition.to_owned(), |text, word| text.replace(word, " "));
    let is_exact = words.exact.iter().any(|word| equal.contains(word));
    let is_part = has(&["any(", "approx(", ".some(", ".any("]);
    match () {
        () if is_not_none => Strength::Truthy,
        () if is_exact && !is_part => {
            let sides = words.exact.iter().find_map(|word| equal.split_once(word));
            match sides {
                // What strings say is blanked, so two of them may differ.
                Some((one, other)) if one.trim() == other.trim() && !one.contains(['"', '\'']) => {
                    Strength::Nothing
                }
                _ => Strength::Exact,
            }
        }
        () if has(words.partial) => Strength::Partial,
        () => Strength::Truthy,
    }
}
