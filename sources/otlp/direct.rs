//! OTLP JSON read straight into spans, where it is written as the protocol publishes it.
//!
//! The lenient reader (`json`) makes a value of each span before it looks into it, and looks for the ends of
//! resources and scopes first. Nearly all exports need none of that. This reader takes them in one go and
//! gives up at the first thing it does not expect: then nothing of the list counts, and the lenient reader
//! has it. So what comes out is the same, which `alike` holds.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::events;
use super::model::{Attributes, OtlpEvent, OtlpSpan, Side};
use super::request::Request;
use super::values::{
    count_of_text, id_of, side_of_number, side_of_text, status, time_of_number, time_of_text, typed,
};
use crate::straight::Flat;
use crate::straight::{Fields, Items, List, MAX_DEPTH, Name, Object, Scalar, Whole};

/// Adds what the resources of a list hold; false where one is not written as published. Then none is added.
pub(super) fn read(resources: &RawValue, request: &mut Request) -> bool {
    let spans = request.spans.len();
    let events = request.events.len();
    let other_logs = request.other_logs;
    let mut reader = serde_json::Deserializer::from_str(resources.get());
    let is_read = Items(&mut Resources(request))
        .deserialize(&mut reader)
        .is_ok();
    if !is_read {
        request.spans.truncate(spans);
        request.events.truncate(events);
        request.other_logs = other_logs;
    }
    is_read
}

/// `resourceSpans` or `resourceLogs`.
struct Resources<'r>(&'r mut Request);

impl<'de> List<'de> for Resources<'_> {
    fn item<A: SeqAccess<'de>>(&mut self, items: &mut A) -> Result<bool, A::Error> {
        let from = self.0.spans.len();
        let mut one = Resource {
            request: self.0,
            attributes: Attributes::new(),
        };
        if items.next_element_seed(Whole(&mut one))?.is_none() {
            return Ok(false);
        }
        let resource = Arc::new(one.attributes);
        for span in &mut self.0.spans[from..] {
            span.resource = Arc::clone(&resource);
        }
        Ok(true)
    }
}

struct Resource<'r> {
    request: &'r mut Request,
    attributes: Attributes,
}

impl<'de> Object<'de> for Resource<'_> {
    const NAMES: &'static [&'static str] = &["resource", "scopeSpans", "scopeLogs"];
    const OTHERS: &'static [&'static str] = &[
        "scope_spans",
        "instrumentationLibrarySpans",
        "instrumentation_library_spans",
        "scope_logs",
        "instrumentationLibraryLogs",
        "instrumentation_library_logs",
    ];

    fn field<A: MapAccess<'de>>(&mut self, place: usize, map: &mut A) -> Result<(), A::Error> {
        match place {
            0 => map.next_value_seed(Fields(&mut About(&mut self.attributes))),
            _ => map.next_value_seed(Items(&mut Scopes(self.request))),
        }
    }
}

/// What sent it.
struct About<'r>(&'r mut Attributes);

impl<'de> Object<'de> for About<'_> {
    const NAMES: &'static [&'static str] = &["attributes"];
    const OTHERS: &'static [&'static str] = &[];

    fn field<A: MapAccess<'de>>(&mut self, _: usize, map: &mut A) -> Result<(), A::Error> {
        *self.0 = attributes(map)?;
        Ok(())
    }
}

/// `scopeSpans` or `scopeLogs`.
struct Scopes<'r>(&'r mut Request);

impl<'de> List<'de> for Scopes<'_> {
    fn item<A: SeqAccess<'de>>(&mut self, items: &mut A) -> Result<bool, A::Error> {
        let from = self.0.spans.len();
        let mut one = Scope {
            request: self.0,
            name: String::new(),
        };
        if items.next_element_seed(Whole(&mut one))?.is_none() {
            return Ok(false);
        }
        let name: Arc<str> = Arc::from(one.name);
        for span in &mut self.0.spans[from..] {
            span.scope = Arc::clone(&name);
        }
        Ok(true)
    }
}

struct Scope<'r> {
    request: &'r mut Request,
    name: String,
}

impl<'de> Object<'de> for Scope<'_> {
    const NAMES: &'static [&'static str] = &["scope", "spans", "logRecords"];
    const OTHERS: &'static [&'static str] = &["instrumentationLibrary", "log_records", "logs"];

    fn field<A: MapAccess<'de>>(&mut self, place: usize, map: &mut A) -> Result<(), A::Error> {
        match place {
            0 => map.next_value_seed(Fields(&mut Instrumentation(&mut self.name))),
            1 => map.next_value_seed(Items(&mut Spans(self.request))),
            _ => map.next_value_seed(Items(&mut Records(self.request))),
        }
    }
}

struct Instrumentation<'r>(&'r mut String);

impl<'de> Object<'de> for Instrumentation<'_> {
    const NAMES: &'static [&'static str] = &["name"];
    const OTHERS: &'static [&'static str] = &[];

    fn field<A: MapAccess<'de>>(&mut self, _: usize, map: &mut A) -> Result<(), A::Error> {
        *self.0 = map.next_value::<Scalar<'de>>()?.string()?;
        Ok(())
    }
}

struct Spans<'r>(&'r mut Request);

impl<'de> List<'de> for Spans<'_> {
    fn item<A: SeqAccess<'de>>(&mut self, items: &mut A) -> Result<bool, A::Error> {
        let mut span = OtlpSpan::default();
        if items.next_element_seed(Whole(&mut span))?.is_none() {
            return Ok(false);
        }
        let has_ids = !span.trace_id.is_empty() && !span.span_id.is_empty();
        if !has_ids || !self.0.has_room() {
            return Err(A::Error::custom("a span that is not taken"));
        }
        self.0.spans.push(span);
        Ok(true)
    }
}

impl<'de> Object<'de> for OtlpSpan {
    const NAMES: &'static [&'static str] = &[
        "traceId",
        "spanId",
        "parentSpanId",
        "name",
        "kind",
        "startTimeUnixNano",
        "endTimeUnixNano",
        "attributes",
        "status",
        "events",
        "droppedAttributesCount",
        "droppedEventsCount",
        "droppedLinksCount",
    ];
    const OTHERS: &'static [&'static str] = &[
        "trace_id",
        "span_id",
        "parent_span_id",
        "start_time_unix_nano",
        "end_time_unix_nano",
        "dropped_attributes_count",
        "dropped_events_count",
        "dropped_links_count",
    ];

    fn field<A: MapAccess<'de>>(&mut self, place: usize, map: &mut A) -> Result<(), A::Error> {
        match place {
            0 => self.trace_id = id(map, 16)?.unwrap_or_default(),
            1 => self.span_id = id(map, 8)?.unwrap_or_default(),
            2 => self.parent_id = id(map, 8)?,
            3 => self.name = map.next_value::<Scalar<'de>>()?.string()?,
            4 => self.side = side(&map.next_value()?),
            5 => self.start = time(&map.next_value()?),
            6 => self.end = time(&map.next_value()?),
            7 => self.attributes = attributes(map)?,
            8 => (self.status, self.status_message) = status(Some(&map.next_value_seed(Flat)?)),
            9 => map.next_value_seed(Items(&mut Events(self)))?,
            _ => {
                let dropped = count(&map.next_value()?);
                self.dropped = self.dropped.saturating_add(dropped);
            }
        }
        Ok(())
    }
}

fn id<'de, A: MapAccess<'de>>(map: &mut A, length: usize) -> Result<Option<String>, A::Error> {
    match map.next_value::<Scalar<'de>>()? {
        Scalar::Text(text) => Ok(id_of(&text, length)),
        Scalar::Null => Ok(None),
        Scalar::Number(_) => Err(A::Error::custom("an id that is a number")),
    }
}

struct Events<'s>(&'s mut OtlpSpan);

impl<'de> List<'de> for Events<'_> {
    fn item<A: SeqAccess<'de>>(&mut self, items: &mut A) -> Result<bool, A::Error> {
        let mut read = Event::default();
        if items.next_element_seed(Whole(&mut read))?.is_none() {
            return Ok(false);
        }
        if !read.is_named {
            return Err(A::Error::custom("an event without a name"));
        }
        self.0.events.push(read.event);
        self.0.dropped = self.0.dropped.saturating_add(read.dropped);
        Ok(true)
    }
}

#[derive(Default)]
struct Event {
    event: OtlpEvent,
    is_named: bool,
    dropped: u64,
}

impl<'de> Object<'de> for Event {
    const NAMES: &'static [&'static str] = &[
        "name",
        "timeUnixNano",
        "attributes",
        "droppedAttributesCount",
    ];
    const OTHERS: &'static [&'static str] = &["time_unix_nano", "dropped_attributes_count"];

    fn field<A: MapAccess<'de>>(&mut self, place: usize, map: &mut A) -> Result<(), A::Error> {
        match place {
            0 => {
                self.event.name = map.next_value::<Scalar<'de>>()?.string()?;
                self.is_named = true;
            }
            1 => self.event.at = time(&map.next_value()?),
            2 => self.event.attributes = attributes(map)?,
            _ => self.dropped = count(&map.next_value()?),
        }
        Ok(())
    }
}

struct Records<'r>(&'r mut Request);

impl<'de> List<'de> for Records<'_> {
    fn item<A: SeqAccess<'de>>(&mut self, items: &mut A) -> Result<bool, A::Error> {
        let mut read = Record::default();
        if items.next_element_seed(Whole(&mut read))?.is_none() {
            return Ok(false);
        }
        if !self.0.has_room() {
            return Err(A::Error::custom("a record that is not taken"));
        }
        match events::of_a_span(events::Record {
            trace_id: read.trace_id,
            span_id: read.span_id,
            name: read.name,
            at: read.at.or(read.observed),
            body: read.body,
            attributes: read.attributes,
        }) {
            Some(event) => self.0.events.push(event),
            None => self.0.other_logs += 1,
        }
        Ok(true)
    }
}

#[derive(Default)]
struct Record {
    trace_id: Option<String>,
    span_id: Option<String>,
    name: String,
    at: Option<Timestamp>,
    observed: Option<Timestamp>,
    body: Value,
    attributes: Attributes,
}

impl<'de> Object<'de> for Record {
    const NAMES: &'static [&'static str] = &[
        "traceId",
        "spanId",
        "eventName",
        "timeUnixNano",
        "observedTimeUnixNano",
        "body",
        "attributes",
    ];
    const OTHERS: &'static [&'static str] = &[
        "trace_id",
        "span_id",
        "event_name",
        "time_unix_nano",
        "observed_time_unix_nano",
    ];

    fn field<A: MapAccess<'de>>(&mut self, place: usize, map: &mut A) -> Result<(), A::Error> {
        match place {
            0 => self.trace_id = id(map, 16)?,
            1 => self.span_id = id(map, 8)?,
            2 => self.name = map.next_value::<Scalar<'de>>()?.string()?,
            3 => self.at = time(&map.next_value()?),
            4 => self.observed = time(&map.next_value()?),
            5 => self.body = map.next_value_seed(AnyValue(MAX_DEPTH))?,
            _ => self.attributes = attributes(map)?,
        }
        Ok(())
    }
}

fn attributes<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Attributes, A::Error> {
    let mut pairs = Pairs {
        depth: MAX_DEPTH,
        read: Vec::new(),
    };
    map.next_value_seed(Items(&mut pairs))?;
    // Of a name given twice the last counts.
    Ok(pairs.read.into_iter().collect())
}

/// A list of `{key, value}`.
struct Pairs {
    depth: u8,
    read: Vec<(String, Value)>,
}

impl<'de> List<'de> for Pairs {
    fn item<A: SeqAccess<'de>>(&mut self, items: &mut A) -> Result<bool, A::Error> {
        let mut pair = Pair {
            depth: self.depth,
            key: None,
            value: Value::Null,
        };
        if items.next_element_seed(Whole(&mut pair))?.is_none() {
            return Ok(false);
        }
        let key = pair.key.ok_or_else(|| A::Error::custom("no key"))?;
        self.read.push((key, pair.value));
        Ok(true)
    }
}

struct Pair {
    depth: u8,
    key: Option<String>,
    value: Value,
}

impl<'de> Object<'de> for Pair {
    const NAMES: &'static [&'static str] = &["key", "value"];
    const OTHERS: &'static [&'static str] = &[];

    fn field<A: MapAccess<'de>>(&mut self, place: usize, map: &mut A) -> Result<(), A::Error> {
        match place {
            0 => self.key = Some(map.next_value()?),
            _ => self.value = map.next_value_seed(AnyValue(self.depth))?,
        }
        Ok(())
    }
}

/// A typed value as plain JSON; how many levels it may still have.
struct AnyValue(u8);

impl<'de> DeserializeSeed<'de> for AnyValue {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a typed value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        const NAMES: &[&str] = &[
            "stringValue",
            "intValue",
            "boolValue",
            "doubleValue",
            "bytesValue",
            "arrayValue",
            "kvlistValue",
        ];
        let other = || A::Error::custom("no typed value");
        let Some(place) = map.next_key_seed(Name(NAMES, &[]))? else {
            return Ok(Value::Null);
        };
        let place = place.ok_or_else(other)?;
        let deeper = self.0.checked_sub(1).ok_or_else(other)?;
        let value = match place {
            0 => Value::String(map.next_value()?),
            2 => Value::Bool(map.next_value()?),
            5 => {
                let mut list = Values(deeper, Vec::new());
                map.next_value_seed(Fields(&mut list))?;
                Value::Array(list.1)
            }
            6 => {
                let mut list = Pairs {
                    depth: deeper,
                    read: Vec::new(),
                };
                map.next_value_seed(Fields(&mut list))?;
                Value::Object(list.read.into_iter().collect())
            }
            _ => match map.next_value::<Scalar<'de>>()? {
                Scalar::Text(text) => typed(NAMES[place], Value::String(text.into_owned())),
                Scalar::Number(number) if place != 4 => Value::Number(number),
                Scalar::Number(_) | Scalar::Null => return Err(other()),
            },
        };
        match map.next_key::<IgnoredAny>()? {
            None => Ok(value),
            Some(_) => Err(other()),
        }
    }
}

/// `{"values": […]}` of an `arrayValue`.
struct Values(u8, Vec<Value>);

impl<'de> Object<'de> for Values {
    const NAMES: &'static [&'static str] = &["values"];
    const OTHERS: &'static [&'static str] = &[];

    fn field<A: MapAccess<'de>>(&mut self, _: usize, map: &mut A) -> Result<(), A::Error> {
        map.next_value_seed(Items(self))
    }
}

impl<'de> List<'de> for Values {
    fn item<A: SeqAccess<'de>>(&mut self, items: &mut A) -> Result<bool, A::Error> {
        let value = items.next_element_seed(AnyValue(self.0))?;
        let is_one = value.is_some();
        self.1.extend(value);
        Ok(is_one)
    }
}

/// `{"values": […]}` of a `kvlistValue`.
impl<'de> Object<'de> for Pairs {
    const NAMES: &'static [&'static str] = &["values"];
    const OTHERS: &'static [&'static str] = &[];

    fn field<A: MapAccess<'de>>(&mut self, _: usize, map: &mut A) -> Result<(), A::Error> {
        map.next_value_seed(Items(self))
    }
}

fn time(scalar: &Scalar<'_>) -> Option<Timestamp> {
    match scalar {
        Scalar::Text(text) => time_of_text(text),
        Scalar::Number(number) => time_of_number(number),
        Scalar::Null => None,
    }
}

fn count(scalar: &Scalar<'_>) -> u64 {
    match scalar {
        Scalar::Text(text) => count_of_text(text),
        Scalar::Number(number) => number.as_u64().unwrap_or(0),
        Scalar::Null => 0,
    }
}

fn side(scalar: &Scalar<'_>) -> Side {
    match scalar {
        Scalar::Text(text) => side_of_text(text),
        Scalar::Number(number) => side_of_number(number),
        Scalar::Null => Side::Internal,
    }
}
