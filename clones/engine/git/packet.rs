//! Packet lines, the frames of git's protocols, as far as a push and a fetch must be read.

use super::oid::Oid;

/// The most bytes of data in a packet of a side band.
const MOST: usize = 65_515;

/// A frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packet<'a> {
    /// Data, the line feed at its end still there.
    Data(&'a [u8]),
    /// `0000`: a part ends.
    Flush,
    /// `0001` or `0002`: a part of a part ends.
    Delimiter,
}

/// The packets at the start of `bytes`, and where they end: at the end, or at what is none.
pub(crate) fn packets(bytes: &[u8]) -> Packets<'_> {
    Packets { bytes, at: 0 }
}

/// See [`packets`].
pub(crate) struct Packets<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Packets<'a> {
    type Item = Packet<'a>;

    fn next(&mut self) -> Option<Packet<'a>> {
        let head = self.bytes.get(self.at..self.at + 4)?;
        let length = usize::from_str_radix(std::str::from_utf8(head).ok()?, 16).ok()?;
        match length {
            0 => {
                self.at += 4;
                Some(Packet::Flush)
            }
            1 | 2 => {
                self.at += 4;
                Some(Packet::Delimiter)
            }
            3 => None,
            _ => {
                let data = self.bytes.get(self.at + 4..self.at + length)?;
                self.at += length;
                Some(Packet::Data(data))
            }
        }
    }
}

/// Adds a packet.
pub(crate) fn write(out: &mut Vec<u8>, data: &[u8]) {
    out.extend_from_slice(format!("{:04x}", data.len() + 4).as_bytes());
    out.extend_from_slice(data);
}

/// Adds data in a band: 1 is the answer, 2 what people read.
pub(crate) fn write_band(out: &mut Vec<u8>, band: u8, data: &[u8]) {
    for piece in data.chunks(MOST) {
        write(out, &[&[band], piece].concat());
    }
}

/// One change that a push asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    /// What the client believes the ref stands for; zero for a new one.
    pub before: Oid,
    /// What it is to stand for; zero to delete it.
    pub after: Oid,
    /// The full name.
    pub name: String,
}

/// What a push asks for, from the start of its body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Push {
    /// The changes in the order sent.
    pub commands: Vec<Command>,
    /// What the client can do.
    pub capabilities: Vec<String>,
}

impl Push {
    /// Reads what a push asks for; what is broken is left for git to refuse.
    pub(crate) fn read(body: &[u8]) -> Self {
        let mut push = Self::default();
        for packet in packets(body) {
            let Packet::Data(line) = packet else { break };
            let text = String::from_utf8_lossy(line);
            let (command, capabilities) = text.split_once('\0').unwrap_or((&text, ""));
            if push.capabilities.is_empty() {
                let words = capabilities.split_whitespace();
                push.capabilities = words.map(str::to_owned).collect();
            }
            let mut words = command.trim_end_matches('\n').splitn(3, ' ');
            if let (Some(before), Some(after), Some(name)) =
                (words.next(), words.next(), words.next())
                && let (Ok(before), Ok(after)) = (before.parse(), after.parse())
            {
                push.commands.push(Command {
                    before,
                    after,
                    name: name.to_owned(),
                });
            }
        }
        push
    }

    /// Whether the start of a body has all that the push asks for, which ends with a flush.
    pub(crate) fn is_whole(start: &[u8]) -> bool {
        packets(start).any(|packet| packet == Packet::Flush)
    }

    /// Whether the client can do something.
    pub(crate) fn can(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|one| one == capability)
    }
}

/// What git reports of a push: lines such as `ok refs/heads/main`, and what else it said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// `unpack ok`, then a line for each change, with lines of details after some.
    pub lines: Vec<String>,
    /// What people read: progress and reasons.
    pub said: Vec<u8>,
}

impl Report {
    /// Reads what `receive-pack` answered.
    pub(crate) fn read(answer: &[u8], is_banded: bool) -> Self {
        let mut report = Vec::new();
        let mut said = Vec::new();
        if is_banded {
            for packet in packets(answer) {
                match packet {
                    Packet::Data([1, data @ ..]) => report.extend_from_slice(data),
                    Packet::Data([2, data @ ..]) => said.extend_from_slice(data),
                    _ => {}
                }
            }
        } else {
            report.extend_from_slice(answer);
        }
        let lines = packets(&report).filter_map(|packet| match packet {
            Packet::Data(line) => {
                let text = String::from_utf8_lossy(line);
                Some(text.trim_end_matches('\n').to_owned())
            }
            Packet::Flush | Packet::Delimiter => None,
        });
        Self {
            lines: lines.collect(),
            said,
        }
    }

    /// Writes it as `receive-pack` does.
    pub(crate) fn write(&self, is_banded: bool) -> Vec<u8> {
        let mut report = Vec::new();
        for line in &self.lines {
            write(&mut report, format!("{line}\n").as_bytes());
        }
        report.extend_from_slice(b"0000");
        if !is_banded {
            return report;
        }
        let mut out = Vec::new();
        write_band(&mut out, 2, &self.said);
        write_band(&mut out, 1, &report);
        out.extend_from_slice(b"0000");
        out
    }

    /// Whether git took a change.
    pub(crate) fn took(&self, name: &str) -> bool {
        let ok = format!("ok {name}");
        self.lines.contains(&ok)
    }

    /// Says in place of git that a change was refused.
    pub(crate) fn refuse(&mut self, name: &str, reason: &str) {
        let ok = format!("ok {name}");
        let Some(at) = self.lines.iter().position(|line| *line == ok) else {
            return;
        };
        self.lines[at] = format!("ng {name} {reason}");
        // Details belong to what was taken.
        while self
            .lines
            .get(at + 1)
            .is_some_and(|line| line.starts_with("option "))
        {
            self.lines.remove(at + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_is_read_to_its_first_flush() {
        let (zero, one) = ("0".repeat(40), "1".repeat(40));
        let mut body = Vec::new();
        let first = format!("{zero} {one} refs/heads/a b\0 report-status side-band-64k\n");
        write(&mut body, first.as_bytes());
        write(&mut body, format!("{one} {zero} refs/tags/v1").as_bytes());
        body.extend_from_slice(b"0000PACK....");
        let push = Push::read(&body);
        assert_eq!(push.commands.len(), 2);
        assert_eq!(push.commands[0].name, "refs/heads/a b");
        assert!(push.commands[1].after.is_zero());
        assert!(push.can("side-band-64k") && !push.can("atomic"));
        let end = body.len() - "0000PACK....".len();
        assert!(Push::is_whole(&body) && !Push::is_whole(&body[..end]));
    }

    #[test]
    fn a_report_is_read_changed_and_written() {
        for is_banded in [false, true] {
            let mut report = Report {
                lines: [
                    "unpack ok",
                    "ok refs/heads/a",
                    "option old-oid 1",
                    "ok refs/heads/b",
                ]
                .map(str::to_owned)
                .to_vec(),
                said: if is_banded {
                    b"hello\n".to_vec()
                } else {
                    Vec::new()
                },
            };
            assert_eq!(Report::read(&report.write(is_banded), is_banded), report);
            report.refuse("refs/heads/a", "no");
            assert_eq!(
                report.lines,
                ["unpack ok", "ng refs/heads/a no", "ok refs/heads/b"]
            );
            assert!(report.took("refs/heads/b") && !report.took("refs/heads/a"));
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_taken(bytes in proptest::collection::vec(0_u8.., 0..80), head in "[0-9a-f]{4}") {
            let bytes = [head.as_bytes(), &bytes].concat();
            Push::read(&bytes);
            Report::read(&bytes, true);
        }
    }
}
