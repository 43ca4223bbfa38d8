//! The stub resolver inside a child's network: every name asked for is evidence.
//!
//! Names of clones lead to them; any other name gets a loopback address of its own, so that the
//! connection that follows is seen, named and refused.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Mutex, PoisonError};

use simple_dns::rdata::{A, RData};
use simple_dns::{CLASS, Packet, PacketFlag, QTYPE, RCODE, ResourceRecord, TYPE};

/// Most names that get an address of their own.
const LIMIT: u16 = 10_000;
/// Seconds an answer holds.
const TTL: u32 = 60;

/// What names were given which addresses.
#[derive(Debug, Default)]
pub(super) struct Names {
    given: Mutex<Given>,
}

#[derive(Debug, Default)]
struct Given {
    by_name: HashMap<String, u16>,
    by_number: Vec<String>,
}

impl Names {
    /// The address that stands for an unknown name; none when there are too many.
    fn address(&self, name: &str) -> Option<Ipv4Addr> {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let number = if let Some(number) = given.by_name.get(name) {
            *number
        } else {
            let number = u16::try_from(given.by_number.len()).ok()?;
            if number >= LIMIT {
                return None;
            }
            given.by_name.insert(name.to_owned(), number);
            given.by_number.push(name.to_owned());
            number
        };
        let [high, low] = number.to_be_bytes();
        Some(Ipv4Addr::new(127, 64 + high, low, 1))
    }

    /// The unknown name that an address stands for.
    pub(super) fn name_of(&self, address: Ipv4Addr) -> Option<String> {
        let [127, high, low, 1] = address.octets() else {
            return None;
        };
        let number = u16::from_be_bytes([high.checked_sub(64)?, low]);
        let given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        given.by_number.get(usize::from(number)).cloned()
    }

    /// The answer to a datagram; none where it is not a question. `is_cloned` tells the names of
    /// clones, `asked` takes each name.
    pub(super) fn answer(
        &self,
        datagram: &[u8],
        is_cloned: impl Fn(&str) -> bool,
        mut asked: impl FnMut(&str),
    ) -> Option<Vec<u8>> {
        let query = Packet::parse(datagram).ok()?;
        if query.has_flags(PacketFlag::RESPONSE) {
            return None;
        }
        let mut reply = Packet::new_reply(query.id());
        reply.set_flags(PacketFlag::RECURSION_DESIRED | PacketFlag::RECURSION_AVAILABLE);
        for question in query.questions.iter().take(1) {
            reply.questions.push(question.clone());
            let name = question.qname.to_string().to_ascii_lowercase();
            asked(&name);
            if question.qtype != QTYPE::TYPE(TYPE::A) {
                // No error: the name is there, only without such a record.
                continue;
            }
            let address = if is_cloned(&name) || name == "localhost" {
                Some(Ipv4Addr::LOCALHOST)
            } else {
                self.address(&name)
            };
            match address {
                Some(address) => reply.answers.push(ResourceRecord::new(
                    question.qname.clone(),
                    CLASS::IN,
                    TTL,
                    RData::A(A::from(address)),
                )),
                None => *reply.rcode_mut() = RCODE::ServerFailure,
            }
        }
        reply.build_bytes_vec().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use simple_dns::{Name, QCLASS, Question};

    fn ask(names: &Names, name: &str, kind: TYPE) -> (Vec<Ipv4Addr>, Vec<String>) {
        let mut query = Packet::new_query(7);
        query.questions.push(Question::new(
            Name::new(name).expect("a name"),
            QTYPE::TYPE(kind),
            QCLASS::CLASS(CLASS::IN),
            false,
        ));
        let datagram = query.build_bytes_vec().expect("encoded");
        let mut asked = Vec::new();
        let reply = names
            .answer(
                &datagram,
                |name| name == "api.echo.test",
                |name| asked.push(name.to_owned()),
            )
            .expect("an answer");
        let reply = Packet::parse(&reply).expect("decoded");
        assert_eq!(reply.id(), 7);
        let addresses = reply
            .answers
            .iter()
            .map(|answer| match &answer.rdata {
                RData::A(address) => Ipv4Addr::from(address.address),
                other => panic!("{other:?}"),
            })
            .collect();
        (addresses, asked)
    }

    #[test]
    fn clones_are_local_and_unknown_names_keep_their_own_address() {
        let names = Names::default();
        let (clone, asked) = ask(&names, "API.echo.test", TYPE::A);
        assert_eq!(
            (clone, asked),
            (vec![Ipv4Addr::LOCALHOST], vec!["api.echo.test".to_owned()])
        );
        let (first, _) = ask(&names, "one.example", TYPE::A);
        let (second, _) = ask(&names, "two.example", TYPE::A);
        assert_ne!(first, second);
        assert_eq!(ask(&names, "one.example", TYPE::A).0, first);
        assert_eq!(names.name_of(second[0]).as_deref(), Some("two.example"));
        assert_eq!(
            ask(&names, "one.example", TYPE::AAAA).0,
            Vec::<Ipv4Addr>::new()
        );
        assert_eq!(names.name_of(Ipv4Addr::LOCALHOST), None);
    }

    proptest! {
        #[test]
        fn any_datagram_is_survived(datagram in proptest::collection::vec(any::<u8>(), 0..600)) {
            let names = Names::default();
            let answer = names.answer(&datagram, |_| false, |_| {});
            prop_assert!(answer.is_none_or(|answer| answer.len() >= 12));
        }
    }
}
