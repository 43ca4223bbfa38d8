//! The exact times of a response, which its evidence writes as offsets.

/// The strings of a JSON text that its evidence writes differently, in order.
pub(super) fn exact(wire: &[u8], evidence: &[u8]) -> Vec<String> {
    if wire == evidence {
        return Vec::new();
    }
    strings(wire)
        .zip(strings(evidence))
        .filter(|(exact, relative)| exact != relative)
        .map(|(exact, _)| String::from_utf8_lossy(exact).into_owned())
        .collect()
}

/// The string literals of a JSON text, without quotes, escapes as they are.
fn strings(json: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = json;
    std::iter::from_fn(move || {
        let start = rest.iter().position(|byte| *byte == b'"')? + 1;
        let mut end = start;
        while *rest.get(end)? != b'"' {
            end += if rest[end] == b'\\' { 2 } else { 1 };
        }
        let string = &rest[start..end];
        rest = &rest[end + 1..];
        Some(string)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_strings_that_evidence_writes_otherwise() {
        let wire = br#"{"a":"2026-01-01T00:00:00Z","q\"":"x","b":["2025-01-01T00:00:00Z"]}"#;
        let evidence = br#"{"a":"+run","q\"":"x","b":["-365d"]}"#;
        assert_eq!(
            exact(wire, evidence),
            ["2026-01-01T00:00:00Z", "2025-01-01T00:00:00Z"]
        );
        assert_eq!(exact(b"\"broken\\", b"\""), Vec::<String>::new());
    }
}
