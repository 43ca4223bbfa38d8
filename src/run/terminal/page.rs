//! Lines, wrapped where a terminal is narrow.

use textwrap::{Options, WordSeparator, WordSplitter};

/// Columns below which nothing is wrapped any further.
const NARROWEST: usize = 30;

/// Lines of text, each wrapped below its own beginning.
#[derive(Debug, Default)]
pub struct Page {
    text: String,
    width: Option<usize>,
}

impl Page {
    /// An empty page, wrapped at so many columns where any are given.
    pub fn new(width: Option<usize>) -> Self {
        Self {
            text: String::new(),
            width: width.map(|width| width.max(NARROWEST)),
        }
    }

    /// A line `indent` columns in; what does not fit goes on under its beginning.
    pub fn line(&mut self, indent: usize, text: &str) {
        self.hanging(indent, "", text);
    }

    /// A line that begins with `head`; what does not fit goes on behind its columns.
    pub fn hanging(&mut self, indent: usize, head: &str, text: &str) {
        let first = format!("{}{head}", " ".repeat(indent));
        let columns = textwrap::core::display_width(&first);
        let Some(width) = self.width else {
            self.push(&format!("{first}{text}"));
            return;
        };
        // A head that takes most of the line leaves no room to hang from it.
        let hanging = if columns * 2 > width {
            indent + 2
        } else {
            columns
        };
        let rest = " ".repeat(hanging);
        let options = Options::new(width)
            .initial_indent(&first)
            .subsequent_indent(&rest)
            .word_separator(WordSeparator::AsciiSpace)
            .word_splitter(WordSplitter::NoHyphenation);
        for line in textwrap::wrap(text, options) {
            self.push(&line);
        }
    }

    /// A line that another wrote: behind a bar, so that it is never taken for one of archal's.
    pub fn quoted(&mut self, indent: usize, text: &str) {
        let bar = format!("{}│ ", " ".repeat(indent));
        let Some(width) = self.width else {
            self.push(&format!("{bar}{text}"));
            return;
        };
        let options = Options::new(width)
            .initial_indent(&bar)
            .subsequent_indent(&bar)
            .word_separator(WordSeparator::AsciiSpace)
            .word_splitter(WordSplitter::NoHyphenation);
        for line in textwrap::wrap(text, options) {
            self.push(&line);
        }
    }

    /// An empty line, unless there is one or nothing yet.
    pub fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// A line across.
    pub fn rule(&mut self) {
        let columns = self.width.unwrap_or(60).min(60);
        self.push(&"─".repeat(columns));
    }

    /// A line that is never wrapped.
    pub fn whole(&mut self, text: &str) {
        self.push(text);
    }

    /// The text.
    pub fn into_text(self) -> String {
        self.text
    }

    fn push(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_terminal_wraps_under_the_beginning() {
        let text = |width| {
            let mut page = Page::new(width);
            page.hanging(2, "PASS ", "a title that is longer than the terminal");
            page.quoted(4, "someone said something long about it");
            page.into_text()
        };
        insta::assert_snapshot!(text(None), @r"
        PASS a title that is longer than the terminal
          │ someone said something long about it
        ");
        insta::assert_snapshot!(text(Some(30)), @r"
        PASS a title that is longer
             than the terminal
          │ someone said something
          │ long about it
        ");
        assert_eq!(text(Some(1)), text(Some(30)));
    }
}
