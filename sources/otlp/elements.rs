//! How many elements a protobuf message holds, counted before any of them is built: two bytes can say
//! one, which takes a hundred when it is read.

use bytes::Buf;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

/// Attributes, events and values in them that one span or record may hold.
pub(super) const OF_A_SPAN: usize = 100_000;
/// The same of all spans and records of a request.
pub(super) const OF_A_REQUEST: usize = 1_000_000;
/// Messages in messages; the decoder reads no more.
const MAX_DEPTH: usize = 100;

/// A message whose elements are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// `Span`.
    Span,
    /// `Span.Event`.
    Event,
    /// `LogRecord`.
    Record,
    /// `Resource`.
    Resource,
    /// `KeyValue`.
    Pair,
    /// `AnyValue`.
    Value,
    /// `ArrayValue`.
    List,
    /// `KeyValueList`.
    Pairs,
    /// A list of messages in field 1, of which none is looked into.
    Groups,
    /// The same in field 2.
    Items,
    /// What a list of messages holds.
    Whole,
}

impl Shape {
    /// What a field holds; none for fields that hold no elements.
    fn inner(self, tag: u32) -> Option<Self> {
        match (self, tag) {
            (Self::Span, 11) => Some(Self::Event),
            (Self::Span, 9) | (Self::Event, 3) | (Self::Record, 6) => Some(Self::Pair),
            (Self::Resource | Self::Pairs, 1) => Some(Self::Pair),
            (Self::Record, 5) | (Self::Pair, 2) | (Self::List, 1) => Some(Self::Value),
            (Self::Value, 5) => Some(Self::List),
            (Self::Value, 6) => Some(Self::Pairs),
            (Self::Groups, 1) | (Self::Items, 2) => Some(Self::Whole),
            _ => None,
        }
    }
}

/// How many elements a message holds; none where they are more than `most`. Of a message that is
/// broken what stands before the break: the decoder says the rest.
pub(super) fn count(bytes: &[u8], shape: Shape, most: usize) -> Option<usize> {
    let mut left = most;
    walk(bytes, shape, &mut left, MAX_DEPTH)?;
    Some(most - left)
}

fn walk(mut bytes: &[u8], shape: Shape, left: &mut usize, levels: usize) -> Option<()> {
    while bytes.has_remaining() {
        let Ok((tag, wire)) = decode_key(&mut bytes) else {
            break;
        };
        if wire != WireType::LengthDelimited {
            if skip_field(wire, tag, &mut bytes, DecodeContext::default()).is_err() {
                break;
            }
            continue;
        }
        let length = decode_varint(&mut bytes).ok();
        let length = length.and_then(|length| usize::try_from(length).ok());
        let Some((part, rest)) = length.and_then(|length| bytes.split_at_checked(length)) else {
            break;
        };
        bytes = rest;
        if let Some(inner) = shape.inner(tag) {
            *left = left.checked_sub(1)?;
            if inner != Shape::Whole && levels > 0 {
                walk(part, inner, left, levels - 1)?;
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_counted_at_every_level_and_no_further_than_the_limit() {
        let empty_attributes = [0x4a, 0].repeat(10);
        assert_eq!(count(&empty_attributes, Shape::Span, 10), Some(10));
        assert_eq!(count(&empty_attributes, Shape::Span, 9), None);
        // An attribute whose value is a list of three empty values.
        let nested = [0x4a, 10, 0x12, 8, 0x2a, 6, 0x0a, 0, 0x0a, 0, 0x0a, 0];
        assert_eq!(count(&nested, Shape::Span, 100), Some(6));
        assert_eq!(count(b"\x4a\x7f", Shape::Span, 100), Some(0));
        assert_eq!(count(&[0x0a, 0].repeat(5), Shape::Groups, 4), None);
    }
}
