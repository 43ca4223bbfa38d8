//! Places in the patch of one file: what line stands where, and where a line went.

/// Which side of a diff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::github) enum Side {
    /// The base.
    Left,
    /// The head.
    Right,
}

impl Side {
    /// The side of that name.
    pub(in crate::github) fn named(name: &str) -> Option<Self> {
        match name {
            "LEFT" => Some(Self::Left),
            "RIGHT" => Some(Self::Right),
            _ => None,
        }
    }

    /// Its name.
    pub(in crate::github) fn name(self) -> &'static str {
        match self {
            Self::Left => "LEFT",
            Self::Right => "RIGHT",
        }
    }
}

/// A line of a patch below its first hunk header.
struct Placed<'a> {
    /// How many lines it is below that header; further headers count.
    position: i64,
    /// The line itself, with its mark.
    text: &'a str,
    /// Its number on the left, where it is there.
    left: Option<i64>,
    /// Its number on the right, where it is there.
    right: Option<i64>,
}

impl Placed<'_> {
    fn on(&self, side: Side) -> Option<i64> {
        match side {
            Side::Left => self.left,
            Side::Right => self.right,
        }
    }
}

fn placed(patch: &str) -> impl Iterator<Item = Placed<'_>> {
    let (mut left, mut right) = (0, 0);
    patch.lines().enumerate().map(move |(at, text)| {
        let mut placed = Placed {
            position: i64::try_from(at).unwrap_or(i64::MAX),
            text,
            left: None,
            right: None,
        };
        if let Some(starts) = header(text) {
            (left, right) = (starts.left, starts.right);
            return placed;
        }
        let mark = text.as_bytes().first();
        if matches!(mark, Some(b'-' | b' ') | None) {
            placed.left = Some(left);
            left += 1;
        }
        if matches!(mark, Some(b'+' | b' ') | None) {
            placed.right = Some(right);
            right += 1;
        }
        placed
    })
}

/// Where a hunk begins, and how many lines it has.
struct Header {
    left: i64,
    lefts: i64,
    right: i64,
    rights: i64,
}

/// `@@ -1,7 +1,9 @@ …`
fn header(line: &str) -> Option<Header> {
    let ranges = line.strip_prefix("@@ -")?.split_once(" @@")?.0;
    let (old, new) = ranges.split_once(" +")?;
    let range = |text: &str| {
        let (start, count) = text.split_once(',').unwrap_or((text, "1"));
        Some((start.parse::<i64>().ok()?, count.parse::<i64>().ok()?))
    };
    let ((left, lefts), (right, rights)) = (range(old)?, range(new)?);
    Some(Header {
        left,
        lefts,
        right,
        rights,
    })
}

/// The position of a line of a file in its patch; none where the patch does not show it.
pub(in crate::github) fn position_of(patch: &str, side: Side, line: i64) -> Option<i64> {
    placed(patch)
        .find(|placed| placed.on(side) == Some(line))
        .map(|placed| placed.position)
}

/// The side and line of a position of a patch: a line that goes is on the left, all others on
/// the right.
pub(in crate::github) fn line_at(patch: &str, position: i64) -> Option<(Side, i64)> {
    let placed = placed(patch).find(|placed| placed.position == position)?;
    match (placed.right, placed.left) {
        (Some(line), _) => Some((Side::Right, line)),
        (None, Some(line)) => Some((Side::Left, line)),
        (None, None) => None,
    }
}

/// The hunk that a position is in, down to it.
pub(in crate::github) fn hunk_down_to(patch: &str, position: i64) -> String {
    let mut hunk: Vec<&str> = Vec::new();
    for placed in placed(patch).take_while(|placed| placed.position <= position) {
        if header(placed.text).is_some() {
            hunk.clear();
        }
        hunk.push(placed.text);
    }
    hunk.join("\n")
}

/// Where line `line` of a file is after `patch` changed it; none where the patch takes it away.
pub(in crate::github) fn moved(patch: &str, line: i64) -> Option<i64> {
    let mut shift = 0;
    for text in patch.lines() {
        let Some(hunk) = header(text) else { continue };
        // A hunk that has no lines of one side names the line before it.
        let first = if hunk.lefts == 0 {
            hunk.left + 1
        } else {
            hunk.left
        };
        if line < first {
            break;
        }
        if line < first + hunk.lefts {
            return placed(patch)
                .find(|placed| placed.left == Some(line) && placed.text.starts_with([' ', '-']))
                .and_then(|placed| placed.right);
        }
        shift = (hunk.right + hunk.rights + i64::from(hunk.rights == 0)) - (first + hunk.lefts);
    }
    Some(line + shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATCH: &str = "@@ -1,4 +1,5 @@\n one\n-two\n+2\n+2.5\n three\n four\n@@ -10,3 +11,2 @@ fn x()\n ten\n-eleven\n twelve\n\\ No newline at end of file";

    #[test]
    fn lines_have_positions_and_positions_lines() {
        assert_eq!(position_of(PATCH, Side::Right, 1), Some(1));
        assert_eq!(position_of(PATCH, Side::Left, 2), Some(2));
        assert_eq!(position_of(PATCH, Side::Right, 2), Some(3));
        assert_eq!(position_of(PATCH, Side::Right, 3), Some(4));
        // The second header counts.
        assert_eq!(position_of(PATCH, Side::Right, 11), Some(8));
        assert_eq!(position_of(PATCH, Side::Left, 11), Some(9));
        assert_eq!(position_of(PATCH, Side::Right, 7), None);
        for position in 1..=10 {
            if let Some((side, line)) = line_at(PATCH, position) {
                assert_eq!(position_of(PATCH, side, line), Some(position));
            }
        }
        assert_eq!(line_at(PATCH, 2), Some((Side::Left, 2)));
        assert_eq!(line_at(PATCH, 7), None);
        assert_eq!(line_at(PATCH, 0), None);
        assert_eq!(line_at(PATCH, 11), None);
    }

    #[test]
    fn hunks_are_cut_at_the_line() {
        assert_eq!(hunk_down_to(PATCH, 3), "@@ -1,4 +1,5 @@\n one\n-two\n+2");
        assert_eq!(
            hunk_down_to(PATCH, 9),
            "@@ -10,3 +11,2 @@ fn x()\n ten\n-eleven"
        );
    }

    #[test]
    fn lines_move_with_what_comes_and_goes_before_them() {
        let to: Vec<_> = (1..=13).map(|line| moved(PATCH, line)).collect();
        let same = |line: i64| Some(line + 1);
        assert_eq!(
            to,
            [
                Some(1),
                None,
                same(3),
                same(4),
                same(5),
                same(6),
                same(7),
                same(8),
                same(9),
                same(10),
                None,
                Some(12),
                Some(13),
            ]
        );
        let added = "@@ -2,0 +3,2 @@\n+a\n+b";
        assert_eq!(
            [1, 2, 3].map(|line| moved(added, line)),
            [Some(1), Some(2), Some(5)]
        );
        let gone = "@@ -2,2 +1,0 @@\n-a\n-b";
        assert_eq!(
            [1, 2, 3, 4].map(|line| moved(gone, line)),
            [Some(1), None, None, Some(2)]
        );
    }
}
