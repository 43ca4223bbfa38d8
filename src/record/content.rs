//! Bodies as a trace has them: decoded, JSON where they are JSON, and bounded.

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
}

/// Reads a body that went through with these headers.
pub fn read(body: &Captured, headers: &[(String, String)]) -> Content {
    if body.length == 0 {
        return Content {
            is_cut: !body.is_whole && !body.hash.is_empty(),
            ..Content::default()
        };
    }
    let described = || format!("[{} bytes, {}]", body.length, body.hash);
    let missing = || Content {
        value: None,
        described: Some(described()),
        is_cut: true,
    };
    let Some(bytes) = &body.bytes else {
        return missing();
    };
    let Some(decoded) = decoded(bytes, &encodings(headers)) else {
        return missing();
    };
    let value = match serde_json::from_slice(&decoded) {
        Ok(value) => value,
        Err(_) => match String::from_utf8(decoded) {
            Ok(text) => Value::String(text),
            // What is no text: an archive, an image.
            Err(_) => {
                return Content {
                    value: Some(Value::String(described())),
                    described: None,
                    is_cut: false,
                };
            }
        },
    };
    Content {
        value: Some(value),
        described: None,
        is_cut: !body.is_whole,
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

/// A body without its encodings; none where one is not known, or it becomes too long.
///
/// What is left of one that broke off is taken as far as it goes.
fn decoded(bytes: &[u8], encodings: &[String]) -> Option<Vec<u8>> {
    if encodings.len() > LAYERS {
        return None;
    }
    let mut current = bytes.to_vec();
    for encoding in encodings.iter().rev() {
        current = match encoding.as_str() {
            "gzip" | "x-gzip" => bounded(flate2::read::MultiGzDecoder::new(&*current)),
            // Some write the format without its head.
            "deflate" => bounded(flate2::read::ZlibDecoder::new(&*current))
                .or_else(|| bounded(flate2::read::DeflateDecoder::new(&*current))),
            "br" => bounded(brotli_decompressor::Decompressor::new(&*current, 4096)),
            "zstd" => bounded(zstd::stream::read::Decoder::with_buffer(&*current).ok()?),
            _ => None,
        }?;
    }
    Some(current)
}

fn bounded(decoder: impl Read) -> Option<Vec<u8>> {
    let mut decoded = Vec::new();
    let mut limited = decoder.take(DECODED + 1);
    let read = limited.read_to_end(&mut decoded);
    let fits = decoded.len() as u64 <= DECODED;
    // An end that came too early leaves what was there before it.
    (fits && (read.is_ok() || !decoded.is_empty())).then_some(decoded)
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
            bytes: Some(bytes),
            is_whole: true,
        }
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
        let read = |bytes: &[u8]| read(&body(bytes.to_vec()), &[]).value;
        assert_eq!(read(b"{\"a\":1}"), Some(json!({"a": 1})));
        assert_eq!(read(b"hello"), Some(json!("hello")));
        assert_eq!(read(b""), None);
        assert_eq!(read(b"\xff\xfe"), Some(json!("[2 bytes, sha256:00]")));
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
}
