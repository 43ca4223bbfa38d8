//! Numbers below a hundred as English words, for criteria and starting states in words.

const NAMES: &[(&str, u8)] = &[
    ("zero", 0),
    ("one", 1),
    ("two", 2),
    ("three", 3),
    ("four", 4),
    ("five", 5),
    ("six", 6),
    ("seven", 7),
    ("eight", 8),
    ("nine", 9),
    ("ten", 10),
    ("eleven", 11),
    ("twelve", 12),
    ("thirteen", 13),
    ("fourteen", 14),
    ("fifteen", 15),
    ("sixteen", 16),
    ("seventeen", 17),
    ("eighteen", 18),
    ("nineteen", 19),
    ("twenty", 20),
    ("thirty", 30),
    ("forty", 40),
    ("fifty", 50),
    ("sixty", 60),
    ("seventy", 70),
    ("eighty", 80),
    ("ninety", 90),
];

/// The number that one lower-case word names: `seven`, `twenty-five`. Digits are none.
pub(super) fn number(word: &str) -> Option<u8> {
    let simple = |word: &str| {
        let found = NAMES.iter().find(|(name, _)| *name == word);
        found.map(|(_, value)| *value)
    };
    match word.split_once('-') {
        Some((tens, ones)) => {
            let (tens, ones) = (simple(tens)?, simple(ones)?);
            (tens >= 20 && (1..10).contains(&ones)).then_some(tens + ones)
        }
        None => simple(word),
    }
}
