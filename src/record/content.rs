//! Bodies as a trace has them: decoded, JSON where they are JSON, and bounded.

use std::borrow::Cow;
use std::io::Read;

use serde_json::Value;

use crate::session::recording::body::Captured;

/// Most bytes of a body once it is decoded: a small one may decode to any number.
const DECODED: u64 = 16 << 20;
/// Most encodings of one body, one within the other.
const LAYERS: usize = 4;

/// What a trace has of a body.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Content {
    /// JSON where it is JSON, else text; none where there was none, or it is not kept.
    pub value: Option<Value>,
    /// What it was, where `value` does not have it: `[5 bytes, sha256:…]`.
    pub described: Option<String>,
    /// Whether content is missing that was there.
    pub is_cut: bool,
    /// Bytes of what is kept, decoded.
    pub bytes: u64,
}

/// Reads a body that went through with these headers, at most so many bytes of it once it is decoded:
/// a longer one is described.
pub fn read(body: &Captured, headers: &[(String, String)], most: u64) -> Content {
    if body.length == 0 {
        return Content {
            is_cut: !body.is_whole && !body.hash.is_empty(),
            ..Content::default()
        };
    }
    let described = || format!("[{} bytes, {}]", body.length, body.hash);
    let decoded = body
        .bytes
        .as_deref()
        .and_then(|bytes| decoded(bytes, &encodings(headers), most.min(DECODED)));
    let Some(decoded) = decoded else {
        return Content {
            described: Some(described()),
            is_cut: true,
            ..Content::default()
        };
    };
    let is_cut = !(body.is_whole && decoded.is_whole);
    let bytes = decoded.bytes.len() as u64;
    let value = match serde_json::from_slice(&decoded.bytes) {
        Ok(value) => value,
        Err(_) => match text(decoded.bytes.into_owned(), is_cut) {
            Some(text) => Value::String(text),
            // What is no text: an archive, an image.
            None => Value::String(described()),
        },
    };
    Content {
        value: Some(value),
        described: None,
        is_cut,
        bytes,
    }
}

/// Bytes as text, where they are; what was cut off may end within a character, which is left out.
fn text(bytes: Vec<u8>, is_cut: bool) -> Option<String> {
    match String::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) => {
            let end = error.utf8_error();
            let is_beginning = is_cut && end.error_len().is_none() && end.valid_up_to() > 0;
            let mut bytes = error.into_bytes();
            bytes.truncate(end.valid_up_to());
            String::from_utf8(bytes).ok().filter(|_| is_beginning)
        }
    }
}

/// The values of a header.
pub fn header<'a>(headers: &'a [(String, String)], name: &'a str) -> impl Iterator<Item = &'a str> {
    let of_name = headers.iter().filter(move |(of, _)| of == name);
    of_name.map(|(_, value)| value.as_str())
}

/// The encodings of a body in the order in which they were applied.
fn encodings(headers: &[(String, String)]) -> Vec<String> {
    header(headers, "content-encoding")
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| !name.is_empty() && name != "identity")
        .collect()
}

/// A body without its encodings.
struct Decoded<'a> {
    bytes: Cow<'a, [u8]>,
    /// Whether the encodings came to their ends.
    is_whole: bool,
}

/// A body without its encodings; none where one is not known, or it becomes too long.
///
/// What is left of one that broke off is taken as far as it goes.
fn decoded<'a>(bytes: &'a [u8], encodings: &[String], most: u64) -> Option<Decoded<'a>> {
    if encodings.len() > LAYERS {
        return None;
    }
    let mut current = Decoded {
        bytes: Cow::Borrowed(bytes),
        is_whole: true,
    };
    for encoding in encodings.iter().rev() {
        let bytes = &*current.bytes;
        let (bytes, is_whole) = match encoding.as_str() {
            "gzip" | "x-gzip" => bounded(flate2::read::MultiGzDecoder::new(bytes), most),
            // Some write the format without its head.
            "deflate" => bounded(flate2::read::ZlibDecoder::new(bytes), most)
                .or_else(|| bounded(flate2::read::DeflateDecoder::new(bytes), most)),
            "br" => bounded(brotli_decompressor::Decompressor::new(bytes, 4096), most),
            "zstd" => bounded(zstd::stream::read::Decoder::with_buffer(bytes).ok()?, most),
            _ => None,
        }?;
        current = Decoded {
            bytes: Cow::Owned(bytes),
            is_whole: is_whole && current.is_whole,
        };
    }
    (current.bytes.len() as u64 <= most).then_some(current)
}

/// What comes out of a decoder, and whether that is all of it.
fn bounded(decoder: impl Read, most: u64) -> Option<(Vec<u8>, bool)> {
    let mut decoded = Vec::new();
    let mut limited = decoder.take(most + 1);
    let is_whole = limited.read_to_end(&mut decoded).is_ok();
    let fits = decoded.len() as u64 <= most;
    // An end that came too early leaves what was there before it.
    (fits && (is_whole || !decoded.is_empty())).then_some((decoded, is_whole))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use serde_json::json;

    use super::*;

    fn body(bytes: Vec<u8>) -> Captured {
        Captured {
            length: bytes.len() as u64,
            hash: "sha256:00".to_owned(),
            bytes: Some(bytes.into()),
            is_whole: true,
        }
    }

    fn read(body: &Captured, headers: &[(String, String)]) -> Content {
        super::read(body, headers, DECODED)
    }

    fn encoded(name: &str) -> Vec<(String, String)> {
        vec![("content-encoding".to_owned(), name.to_owned())]
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).expect("written");
        encoder.finish().expect("finished")
    }

    #[test]
    fn bodies_are_json_text_or_what_they_were() {
        let value = |bytes: &[u8]| read(&body(bytes.to_vec()), &[]).value;
        assert_eq!(value(b"{\"a\":1}"), Some(json!({"a": 1})));
        assert_eq!(value(b"hello"), Some(json!("hello")));
        assert_eq!(value(b""), None);
        assert_eq!(value(b"\xff\xfe"), Some(json!("[2 bytes, sha256:00]")));
    }

    #[test]
    fn every_usual_encoding_is_taken_off() {
        let text = b"{\"a\":1}";
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(text).expect("written");
        let mut raw = flate2::write::DeflateEncoder::new(Vec::new(), Compression::fast());
        raw.write_all(text).expect("written");
        let bodies = [
            ("gzip", gzip(text)),
            ("deflate", zlib.finish().expect("finished")),
            ("deflate", raw.finish().expect("finished")),
            ("zstd", zstd::encode_all(&text[..], 1).expect("encoded")),
            // `{"a":1}` as the format's own tool writes it without compression.
            ("br", [&[0x0b, 0x03, 0x80], &text[..], &[0x03]].concat()),
            ("gzip, gzip", gzip(&gzip(text))),
            ("identity", text.to_vec()),
        ];
        for (name, bytes) in bodies {
            let read = read(&body(bytes), &encoded(name));
            assert_eq!(read.value, Some(json!({"a": 1})), "{name}");
            assert!(!read.is_cut, "{name}");
        }
        let unknown = read(&body(b"abc".to_vec()), &encoded("x-own"));
        assert!(unknown.is_cut && unknown.value.is_none());
    }

    #[test]
    fn what_is_not_kept_breaks_off_or_has_no_end_is_said_to_be_cut() {
        let long = Captured {
            bytes: None,
            ..body(vec![0; 7])
        };
        let cut = read(&long, &[]);
        assert_eq!(cut.described.as_deref(), Some("[7 bytes, sha256:00]"));
        assert!(cut.is_cut && cut.value.is_none());
        let half = Captured {
            is_whole: false,
            ..body(b"data: 1\n\ndata:".to_vec())
        };
        let half = read(&half, &[]);
        assert!(half.is_cut);
        assert_eq!(half.value, Some(json!("data: 1\n\ndata:")));
        let bomb = gzip(&vec![b'0'; usize::try_from(DECODED).expect("small") + 1]);
        assert!(bomb.len() < 100_000);
        let bomb = read(&body(bomb), &encoded("gzip"));
        assert!(bomb.is_cut && bomb.value.is_none());
    }

    #[test]
    fn text_that_was_cut_within_a_character_is_text_that_was_cut() {
        let whole = body("größer".as_bytes()[..3].to_vec());
        let binary = read(&whole, &[]);
        assert_eq!(binary.value, Some(json!("[3 bytes, sha256:00]")));
        assert!(!binary.is_cut, "it is all there, and no text");
        let cut = Captured {
            is_whole: false,
            ..whole
        };
        let cut = read(&cut, &[]);
        assert_eq!(cut.value, Some(json!("gr")));
        assert!(cut.is_cut);
        let image = Captured {
            is_whole: false,
            ..body(b"\x89PNG\xff".to_vec())
        };
        let image = read(&image, &[]);
        assert_eq!(image.value, Some(json!("[5 bytes, sha256:00]")));
        assert!(image.is_cut, "a piece of an image is no image");
        // The encoding says that there was more, though the body itself came to its end.
        let text: String = (0..1000).map(|n| format!("größer {n} ")).collect();
        let zipped = gzip(text.as_bytes());
        let half = read(&body(zipped[..zipped.len() / 2].to_vec()), &encoded("gzip"));
        assert!(half.is_cut);
        let text = half.value.as_ref().and_then(Value::as_str);
        assert!(
            text.is_some_and(|text| text.starts_with("größer 0 ")),
            "{half:?}"
        );
    }

    #[test]
    fn no_more_is_kept_than_is_allowed() {
        let text = body(b"four".to_vec());
        assert_eq!(super::read(&text, &[], 4).bytes, 4);
        let over = super::read(&text, &[], 3);
        assert_eq!(over.described.as_deref(), Some("[4 bytes, sha256:00]"));
        assert!(over.is_cut && over.value.is_none() && over.bytes == 0);
        let zipped = body(gzip(&vec![b'0'; 1000]));
        assert_eq!(super::read(&zipped, &encoded("gzip"), 1000).bytes, 1000);
        assert!(super::read(&zipped, &encoded("gzip"), 999).value.is_none());
    }
}
