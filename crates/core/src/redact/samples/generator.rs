//! A text that matches an expression, made from a number: the same number, the same text.

use std::ops::Range;

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

/// Numbers that look random; no more is needed.
#[derive(Debug, Clone)]
pub(super) struct Numbers(u64);

impl Numbers {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678_9abc_def0)
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0) % limit.max(1)
    }

    /// That many characters of an alphabet.
    pub(super) fn text(&mut self, alphabet: &str, length: usize) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        (0..length)
            .map(|_| letters[self.below(letters.len())])
            .collect()
    }
}

/// A text that matches, and where its groups are.
#[derive(Debug, Default)]
pub(super) struct Sample {
    pub(super) text: String,
    pub(super) groups: Vec<Option<Range<usize>>>,
}

/// A text that the expression matches.
pub(super) fn sample(regex: &str, seed: u64) -> Sample {
    let hir = ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .build()
        .parse(regex)
        .expect("an expression");
    let mut sample = Sample::default();
    write(&hir, &mut Numbers::new(seed), &mut sample);
    sample
}

fn write(hir: &Hir, numbers: &mut Numbers, out: &mut Sample) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.text.push_str(&String::from_utf8_lossy(&literal.0)),
        HirKind::Class(class) => out.text.push(pick(class, numbers)),
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(repetition.min + 3);
            let spare = (most - repetition.min).min(3) as usize;
            let count = repetition.min as usize + numbers.below(spare + 1);
            for _ in 0..count {
                write(&repetition.sub, numbers, out);
            }
        }
        HirKind::Capture(capture) => {
            let start = out.text.len();
            write(&capture.sub, numbers, out);
            let index = capture.index as usize;
            if out.groups.len() <= index {
                out.groups.resize(index + 1, None);
            }
            out.groups[index] = Some(start..out.text.len());
        }
        HirKind::Concat(parts) => parts.iter().for_each(|part| write(part, numbers, out)),
        HirKind::Alternation(parts) => write(&parts[numbers.below(parts.len())], numbers, out),
    }
}

/// A letter or digit where the class has any, else whatever it has.
fn pick(class: &Class, numbers: &mut Numbers) -> char {
    let ranges: Vec<(u32, u32)> = match class {
        Class::Unicode(class) => class
            .iter()
            .map(|r| (r.start().into(), r.end().into()))
            .collect(),
        Class::Bytes(class) => class
            .iter()
            .map(|r| (r.start().into(), r.end().into()))
            .collect(),
    };
    let all = |fits: fn(&u8) -> bool| -> Vec<u8> {
        (9..127_u8)
            .filter(fits)
            .filter(|b| {
                ranges
                    .iter()
                    .any(|(start, end)| (*start..=*end).contains(&u32::from(*b)))
            })
            .collect()
    };
    let letters = all(u8::is_ascii_alphanumeric);
    let chosen = if letters.is_empty() {
        all(|_| true)
    } else {
        letters
    };
    char::from(chosen[numbers.below(chosen.len())])
}
